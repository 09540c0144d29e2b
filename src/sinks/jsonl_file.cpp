#include "sinks/jsonl_file.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::WallTime;

constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kStampSize = 15;  // YYYYMMDDTHHMMSS
constexpr std::size_t kNumberSize = 3;  // of files begun within one second
constexpr unsigned kNumberMax = 999;
constexpr std::size_t kTailSize = kStampSize + 1 + kNumberSize + kSuffix.size();

bool is_number(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// When the file of that name began, if `name` is one of ours.
std::optional<WallTime> time_of(std::string_view name, std::string_view prefix) {
  if (name.size() != prefix.size() + 1 + kTailSize || !name.starts_with(prefix)) return std::nullopt;
  if (name[prefix.size()] != '-' || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view stamp = name.substr(prefix.size() + 1, kStampSize);
  const std::string_view number = name.substr(prefix.size() + 1 + kStampSize + 1, kNumberSize);
  if (name[prefix.size() + 1 + kStampSize] != '-' || !is_number(number)) return std::nullopt;
  if (stamp[8] != 'T' || !is_number(stamp.substr(0, 8)) || !is_number(stamp.substr(9))) return std::nullopt;
  return base::parse_time(fmt::format("{}-{}-{}T{}:{}:{}Z", stamp.substr(0, 4), stamp.substr(4, 2), stamp.substr(6, 2),
                                      stamp.substr(9, 2), stamp.substr(11, 2), stamp.substr(13, 2)));
}

std::string name_for(std::string_view prefix, WallTime time, unsigned number) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  return fmt::format("{}-{:%Y%m%dT%H%M%S}-{:03}{}", prefix, fmt::gmtime(static_cast<std::time_t>(seconds)), number,
                     kSuffix);
}

// The next name that sorts behind `newest`, whatever the clock says.
std::string next_name(std::string_view prefix, WallTime now, std::string_view newest) {
  const auto last = time_of(newest, prefix);
  const WallTime second = std::chrono::floor<std::chrono::seconds>(now);
  if (!last || second > *last) return name_for(prefix, now, 0);
  const auto number = static_cast<unsigned>(
      std::stoul(std::string(newest.substr(newest.size() - kSuffix.size() - kNumberSize, kNumberSize))));
  if (number < kNumberMax) return name_for(prefix, *last, number + 1);
  return name_for(prefix, *last + std::chrono::seconds(1), 0);
}

}  // namespace

base::Result<void> validate(const JsonlFileOptions& o) {
  constexpr std::string_view kMarks = "_.-";
  const auto allowed = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  };
  if (o.directory.empty()) return {Errc::invalid, "directory is missing"};
  if (o.name.empty() || o.name.size() > 100 || o.name.front() == '.' ||
      !std::all_of(o.name.begin(), o.name.end(), allowed))
    return {Errc::invalid, "name must be 1 to 100 letters, digits, '_', '.' or '-', and not begin with a dot"};
  if (o.rotate_bytes < 1'024) return {Errc::invalid, "rotation by size must be at least 1 KiB"};
  if (o.rotate_age < std::chrono::seconds(1)) return {Errc::invalid, "rotation by age must be at least 1s"};
  return {};
}

JsonlFile::JsonlFile(JsonlFileOptions options, FileOps& ops) : options_(std::move(options)), ops_(ops) {}

JsonlFile::~JsonlFile() {
  close();
}

void JsonlFile::close() {
  if (file_) ops_.close(*file_);
  file_.reset();
}

base::Result<void> JsonlFile::append(std::string_view lines, WallTime now) {
  TRUNKLINE_TRY_VOID(ensure_open(lines.size(), now));
  auto result = write_all(lines);
  if (result.ok()) result = ops_.sync(*file_);
  if (result.ok()) {
    durable_bytes_ += lines.size();
    return {};
  }
  // Readers should not see half a line for longer than need be; whether this works is checked at the next append.
  (void)ops_.cut(*file_, durable_bytes_).ok();
  close();
  return result.error().with(path_);
}

base::Result<void> JsonlFile::write_all(std::string_view lines) {
  while (!lines.empty()) {
    TRUNKLINE_TRY(const std::size_t written, ops_.append(*file_, lines));
    lines.remove_prefix(written);
  }
  return {};
}

base::Result<void> JsonlFile::ensure_open(std::size_t bytes, WallTime now) {
  if (!file_) TRUNKLINE_TRY_VOID(path_.empty() ? take_over(now) : reopen());
  const bool full = durable_bytes_ > 0 && durable_bytes_ + bytes > options_.rotate_bytes;
  const bool old = now - began_ >= options_.rotate_age && durable_bytes_ > 0;
  if (file_ && !full && !old) return {};
  return begin_new(now);
}

// The newest file of an earlier process, or none.
base::Result<void> JsonlFile::take_over(WallTime now) {
  TRUNKLINE_TRY_VOID(ops_.make_directory(options_.directory));
  TRUNKLINE_TRY(const std::vector<FileOps::Entry> found, files());
  if (found.empty()) return begin_new(now);
  newest_ = found.back().name;
  const std::string path = options_.directory + "/" + newest_;
  TRUNKLINE_TRY(file_, ops_.open(path));
  const auto size = ops_.size(*file_);
  const auto end = size.ok() ? end_of_last_line(*size) : size;
  auto cut = end.ok() ? base::Result<void>() : base::Result<void>(end.error());
  // Synced even when nothing is cut: lines that were written and not synced are relied on from now on.
  if (cut.ok()) cut = cut_to(*end);
  if (!cut.ok()) {
    close();
    return cut.error().with(path);
  }
  if (*end < *size) base::log::warn("unfinished last line cut", "file", path, "bytes", *size - *end);
  path_ = path;
  durable_bytes_ = *end;
  began_ = time_of(newest_, options_.name).value_or(now);
  remove_old();
  return {};
}

base::Result<void> JsonlFile::reopen() {
  auto file = ops_.open(path_);
  // Somebody has moved the file away: a new one is begun by the caller.
  if (!file.ok() && file.error().code == Errc::not_found) return {};
  if (!file.ok()) return file.error();
  file_ = *file;
  const auto size = ops_.size(*file_);
  auto cut = size.ok() ? base::Result<void>() : base::Result<void>(size.error());
  if (cut.ok() && *size < durable_bytes_) durable_bytes_ = 0;  // somebody has emptied it
  if (cut.ok()) cut = cut_to(durable_bytes_);
  if (cut.ok()) return {};
  close();
  return cut.error().with(path_);
}

base::Result<void> JsonlFile::cut_to(std::uint64_t bytes) {
  TRUNKLINE_TRY_VOID(ops_.cut(*file_, bytes));
  return ops_.sync(*file_);
}

base::Result<void> JsonlFile::begin_new(WallTime now) {
  close();
  const std::string name = next_name(options_.name, now, newest_);
  const std::string path = options_.directory + "/" + name;
  auto file = ops_.create(path);
  if (!file.ok() && file.error().code == Errc::conflict) newest_ = name;  // the next try takes the next name
  if (!file.ok()) return file.error();
  file_ = *file;
  newest_ = name;
  path_ = path;
  durable_bytes_ = 0;
  began_ = time_of(name, options_.name).value_or(now);
  if (auto synced = ops_.sync_directory(options_.directory); !synced.ok()) {
    // Without its directory entry on disk nothing in the file is; begin again at the next append.
    close();
    (void)ops_.remove(path).ok();
    path_.clear();
    return synced.error();
  }
  remove_old();
  return {};
}

// Lines are read backwards in pieces, since one may be as large as an event.
base::Result<std::uint64_t> JsonlFile::end_of_last_line(std::uint64_t size) {
  constexpr std::uint64_t kPiece = 64 << 10;
  for (std::uint64_t end = size; end > 0;) {
    const std::uint64_t begin = end > kPiece ? end - kPiece : 0;
    TRUNKLINE_TRY(const std::string piece, ops_.read(*file_, begin, static_cast<std::size_t>(end - begin)));
    const std::size_t at = piece.rfind('\n');
    if (at != std::string::npos) return begin + at + 1;
    end = begin;
  }
  return std::uint64_t{0};
}

base::Result<std::vector<FileOps::Entry>> JsonlFile::files() {
  TRUNKLINE_TRY(std::vector<FileOps::Entry> entries, ops_.list(options_.directory));
  std::erase_if(entries, [&](const FileOps::Entry& entry) { return !time_of(entry.name, options_.name); });
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

// Failing to remove is no reason to stop writing; it is tried again with the next file.
void JsonlFile::remove_old() {
  if (options_.keep_files == 0 && options_.keep_bytes == 0) return;
  const auto listed = files();
  if (!listed.ok()) return;
  std::uint64_t bytes = 0;
  for (const FileOps::Entry& entry : *listed) bytes += entry.bytes;
  std::size_t count = listed->size();
  for (const FileOps::Entry& entry : *listed) {
    const bool too_many = options_.keep_files > 0 && count > options_.keep_files;
    const bool too_large = options_.keep_bytes > 0 && bytes > options_.keep_bytes;
    if ((!too_many && !too_large) || entry.name == newest_) return;
    const auto removed = ops_.remove(options_.directory + "/" + entry.name);
    if (!removed.ok()) base::log::warn("old file not removed", "error", removed.error().detail);
    --count;
    bytes -= entry.bytes;
  }
}

}  // namespace trunkline::sinks
