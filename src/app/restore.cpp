#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "json/writer.hpp"
#include "queue/backup.hpp"

namespace trunkline::app {
namespace {

void show_progress(std::uint64_t done, std::uint64_t all) {
  if (::isatty(STDERR_FILENO) != 1) return;
  fmt::print(stderr, "\r{} of {} MiB{}", done >> 20, all >> 20, done == all ? "\n" : "");
}

}  // namespace

int run_restore(const RestoreOptions& options) {
  const auto restored = queue::restore(options.backup, options.to, show_progress);
  if (!restored.ok()) {
    fmt::print(stderr, "not restored: {}\n", restored.error().detail);
    return 1;
  }
  if (options.json) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().member("directory", options.to).member("bytes", restored->bytes);
    writer.member("end", restored->end.value).member("continue_after", restored->continue_after.value).end_object();
    fmt::print("{}\n", out);
    return 0;
  }
  fmt::print(R"({} is restored, with events up to sequence {}.
What this means:
  missing   events accepted after the backup. Their senders had their 200 and will not send them again by themselves:
            replay them from an EventBridge archive, or from what the sender keeps.
  repeated  what was delivered after the backup is delivered again, with the same sequence number and webhook-id:
            receivers that drop what they know drop it.
  new       numbers go on above {}, so that none comes twice.
Next: trunkline serve -c FILE with data_dir: {}
)",
             options.to, restored->end.value, restored->continue_after.value, options.to);
  return 0;
}

}  // namespace trunkline::app
