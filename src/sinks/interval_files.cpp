#include "sinks/interval_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.hpp"
#include "base/text.hpp"
#include "sinks/jsonl_file.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;
using base::WallTime;

constexpr std::string_view kComplete = ".complete";     // of a file that waits for its interval to be closed
constexpr std::string_view kDraft = ".draft";           // of one that may be cut anywhere
constexpr std::uint64_t kJournalBytesMax = 1ull << 30;  // 50,000 agents with 100 changes each are half of it
constexpr std::size_t kStampSize = 16;

WallTime wall(wfm::Time at) {
  return WallTime(base::Millis(at));
}

std::optional<wfm::Time> time_of_stamp(std::string_view stamp) {
  const auto time = base::parse_time(fmt::format("{}-{}-{}:{}:{}", stamp.substr(0, 4), stamp.substr(4, 2),
                                                 stamp.substr(6, 5), stamp.substr(11, 2), stamp.substr(13)));
  if (!time) return std::nullopt;
  return time->time_since_epoch().count();
}

}  // namespace

Result<void> validate(const IntervalFilesOptions& o) {
  JsonlFileOptions same;
  same.directory = o.directory;
  same.name = o.name;
  TRUNKLINE_TRY_VOID(validate(same));
  constexpr base::Millis kDay = std::chrono::hours(24);
  if (o.timeline.interval < std::chrono::seconds(1) || kDay % o.timeline.interval != base::Millis(0) ||
      o.timeline.interval % std::chrono::seconds(1) != base::Millis(0))
    return {Errc::invalid, "interval must divide a day, such as 15m, 30m or 1h"};
  if (o.keep < o.timeline.interval) return {Errc::invalid, "keep must be as long as an interval"};
  return {};
}

IntervalFiles::IntervalFiles(IntervalFilesOptions options, wfm::CodeTable codes, FileOps& ops)
    : options_(std::move(options)), codes_(std::move(codes)), ops_(ops) {}

std::string IntervalFiles::path(std::string_view file_name) const {
  return fmt::format("{}/{}", options_.directory, file_name);
}

// Begin of the interval that a finished file of ours is of.
std::optional<wfm::Time> IntervalFiles::interval_of(std::string_view file) const {
  if (!file.starts_with(options_.name)) return std::nullopt;
  file.remove_prefix(options_.name.size());
  if (file.size() < kStampSize + 2 || file.front() != '-' || file[kStampSize + 1] != '-') return std::nullopt;
  const std::string_view kind = file.substr(kStampSize + 2);
  for (const std::string_view suffix : {wfm::suffix(wfm::RowFormat::csv), wfm::suffix(wfm::RowFormat::jsonl)}) {
    for (const std::string_view each : {"changes", "times", "late"}) {
      if (kind == fmt::format("{}.{}", each, suffix)) return time_of_stamp(file.substr(1, kStampSize));
    }
  }
  return std::nullopt;
}

Result<std::optional<std::string>> IntervalFiles::read_journal() {
  const auto file = ops_.open(path("." + options_.name + ".journal"));
  if (!file.ok() && file.error().code == Errc::not_found) return std::optional<std::string>();
  if (!file.ok()) return file.error();
  auto text = [&]() -> Result<std::string> {
    TRUNKLINE_TRY(const std::uint64_t size, ops_.size(*file));
    if (size > kJournalBytesMax) return {Errc::unavailable, "the journal is larger than 1 GiB"};
    return ops_.read(*file, 0, static_cast<std::size_t>(size));
  }();
  ops_.close(*file);
  if (!text.ok()) return text.error();
  // A line without an end was never confirmed, so what it says comes again.
  text->resize(text->rfind('\n') + 1);
  return std::optional<std::string>(std::move(*text));
}

// The first use in this process: the journal of the one before, or a new one.
Result<void> IntervalFiles::begin(WallTime now) {
  TRUNKLINE_TRY(const auto text, read_journal());
  wfm::Timeline timeline(options_.timeline, now.time_since_epoch().count());
  if (text && !text->empty()) {
    auto restored = wfm::Timeline::restore(options_.timeline, *text);
    if (!restored.ok()) {
      return restored.error().with(
          fmt::format("{}: move it away, then a new one begins without what the open interval has so far",
                      path("." + options_.name + ".journal")));
    }
    timeline = std::move(*restored);
  }
  timeline_ = std::move(timeline);
  // What was read may be in the system's memory alone.
  dirty_ = true;
  return {};
}

// Files of a closed interval get their names, those of one that was not closed are made again.
Result<void> IntervalFiles::roll_forward() {
  TRUNKLINE_TRY(const std::vector<FileOps::Entry> entries, ops_.list(options_.directory));
  for (const FileOps::Entry& entry : entries) {
    const std::string_view name = entry.name;
    const bool complete = name.ends_with(kComplete);
    if (!name.starts_with('.') || (!complete && !name.ends_with(kDraft))) continue;
    const std::string_view shown = name.substr(1, name.size() - 1 - (complete ? kComplete : kDraft).size());
    const auto interval = interval_of(shown);
    if (!interval) continue;
    if (complete && *interval < timeline_->open_begin()) {
      TRUNKLINE_TRY_VOID(ops_.rename(path(name), path(shown)));
    } else {
      TRUNKLINE_TRY_VOID(ops_.remove(path(name)));
    }
  }
  return ops_.sync_directory(options_.directory);
}

Result<void> IntervalFiles::ready(WallTime now) {
  const bool first = !timeline_;
  if (first || dirty_) {
    TRUNKLINE_TRY_VOID(ops_.make_directory(options_.directory));
  }
  if (first) {
    TRUNKLINE_TRY_VOID(begin(now));
    if (const auto rolled = roll_forward(); !rolled.ok()) {
      timeline_.reset();
      return rolled.error();
    }
  }
  if (dirty_) {
    TRUNKLINE_TRY_VOID(replace_journal());
  }
  return show_made();
}

Result<void> IntervalFiles::write_file(const std::string& path, std::string_view text) {
  // What a failure or a kill has left of an earlier try.
  if (const auto removed = ops_.remove(path); !removed.ok() && removed.error().code != Errc::not_found)
    return removed.error();
  TRUNKLINE_TRY(const int file, ops_.create(path));
  Result<void> result;
  while (result.ok() && !text.empty()) {
    const auto written = ops_.append(file, text);
    if (written.ok()) {
      text.remove_prefix(*written);
    } else {
      result = written.error();
    }
  }
  if (result.ok()) result = ops_.sync(file);
  ops_.close(file);
  if (!result.ok()) return result.error().with(path);
  return {};
}

Result<void> IntervalFiles::replace_journal() {
  dirty_ = true;
  const std::string lines = timeline_->lines();
  const std::string journal = path("." + options_.name + ".journal");
  TRUNKLINE_TRY_VOID(write_file(journal + ".new", lines));
  TRUNKLINE_TRY_VOID(ops_.rename(journal + ".new", journal));
  TRUNKLINE_TRY_VOID(ops_.sync_directory(options_.directory));
  journal_bytes_ = lines.size();
  dirty_ = false;
  return {};
}

Result<void> IntervalFiles::append(const std::string& lines) {
  // By its name each time: a directory that somebody has moved away is noticed before anything is confirmed.
  const auto file = ops_.open(path("." + options_.name + ".journal"));
  if (!file.ok()) return file.error();
  const auto write = [&]() -> Result<void> {
    TRUNKLINE_TRY(const std::uint64_t size, ops_.size(*file));
    if (size != journal_bytes_) return {Errc::unavailable, "the journal was changed by somebody else"};
    for (std::string_view rest = lines; !rest.empty();) {
      TRUNKLINE_TRY(const std::size_t written, ops_.append(*file, rest));
      rest.remove_prefix(written);
    }
    return ops_.sync(*file);
  };
  const auto result = write();
  ops_.close(*file);
  if (!result.ok()) return result.error().with(path("." + options_.name + ".journal"));
  journal_bytes_ += lines.size();
  return {};
}

Result<std::vector<wfm::Timeline::Taken>> IntervalFiles::take(const std::vector<wfm::StateFact>& facts, WallTime now) {
  TRUNKLINE_TRY_VOID(ready(now));
  std::vector<wfm::Timeline::Taken> taken;
  std::string lines;
  for (const wfm::StateFact& fact : facts) {
    taken.push_back(timeline_->apply(fact));
    if (taken.back() == wfm::Timeline::Taken::news) lines += wfm::Timeline::line_of(fact);
  }
  if (lines.empty()) return taken;
  dirty_ = true;
  if (const auto appended = append(lines); !appended.ok()) {
    // Somebody took the journal away: memory has all of it.
    if (appended.error().code != Errc::not_found) return appended.error();
    TRUNKLINE_TRY_VOID(ready(now));
  }
  dirty_ = false;
  return taken;
}

Result<WallTime> IntervalFiles::open_end(WallTime now) {
  TRUNKLINE_TRY_VOID(ready(now));
  return wall(timeline_->open_end());
}

std::vector<IntervalFiles::Made> IntervalFiles::made_of(const wfm::IntervalRows& rows) const {
  const auto name_of = [&](std::string_view kind) {
    return fmt::format("{}-{}-{}.{}", options_.name, wfm::stamp(rows.begin), kind, wfm::suffix(options_.format));
  };
  std::vector<Made> made = {{name_of("changes"), wfm::changes_text(rows, options_.format)},
                            {name_of("times"), wfm::times_text(rows, options_.format)}};
  if (!rows.late.empty()) made.push_back({name_of("late"), wfm::late_text(rows, options_.format)});
  return made;
}

Result<void> IntervalFiles::close(WallTime now) {
  TRUNKLINE_TRY_VOID(ready(now));
  std::vector<Made> made = made_of(timeline_->rows(codes_));
  for (const Made& each : made) {
    TRUNKLINE_TRY_VOID(write_file(path(fmt::format(".{}{}", each.name, kComplete)), each.text));
  }
  TRUNKLINE_TRY_VOID(ops_.sync_directory(options_.directory));
  timeline_->close();
  made_.assign(std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
  TRUNKLINE_TRY_VOID(replace_journal());
  TRUNKLINE_TRY_VOID(show_made());
  remove_old();
  return {};
}

Result<void> IntervalFiles::show_made() {
  if (made_.empty()) return {};
  for (; !made_.empty(); made_.pop_front()) {
    const Made& first = made_.front();
    auto renamed = ops_.rename(path(fmt::format(".{}{}", first.name, kComplete)), path(first.name));
    if (!renamed.ok() && renamed.error().code == Errc::not_found) {
      // The directory was taken away in between.
      const std::string draft = path(fmt::format(".{}{}", first.name, kDraft));
      TRUNKLINE_TRY_VOID(write_file(draft, first.text));
      renamed = ops_.rename(draft, path(first.name));
    }
    TRUNKLINE_TRY_VOID(renamed);
  }
  const auto synced = ops_.sync_directory(options_.directory);
  dirty_ = !synced.ok();  // then the next journal is put in place with a sync of its own
  return synced;
}

// Failing to remove is no reason to stop; it is tried again with the next interval.
void IntervalFiles::remove_old() {
  const auto listed = ops_.list(options_.directory);
  if (!listed.ok()) return;
  for (const FileOps::Entry& entry : *listed) {
    const auto interval = interval_of(entry.name);
    if (!interval || *interval >= timeline_->open_begin() - options_.keep.count()) continue;
    const auto removed = ops_.remove(path(entry.name));
    if (!removed.ok()) base::log::warn("old file not removed", "error", removed.error().detail);
  }
}

}  // namespace trunkline::sinks
