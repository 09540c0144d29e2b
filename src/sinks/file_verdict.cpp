#include "sinks/file_verdict.hpp"

#include <fmt/format.h>

namespace trunkline::sinks {

using base::Errc;
using delivery::EventVerdict;
using delivery::Verdict;

EventVerdict file_verdict(const base::Result<void>& written) {
  EventVerdict verdict;
  if (written.ok()) return verdict;
  verdict.verdict = Verdict::unavailable;
  verdict.detail = written.error().detail;
  switch (written.error().code) {
    case Errc::disk_full:
      verdict.error_class = "disk_full";
      break;
    case Errc::unauthenticated:
      verdict.error_class = "permission";
      break;
    default:
      verdict.error_class = "io_error";
      break;
  }
  return verdict;
}

std::string room_text(const FileOps::Room& room) {
  constexpr std::uint64_t kMiB = 1 << 20;
  const std::string bytes = room.free_bytes >= 10'240 * kMiB ? fmt::format("{} GiB", room.free_bytes / (1'024 * kMiB))
                                                             : fmt::format("{} MiB", room.free_bytes / kMiB);
  return fmt::format("{} can be written, {} free{}", room.directory, bytes,
                     room.exists ? "" : "; the directory below it will be made");
}

}  // namespace trunkline::sinks
