#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "sinks/file_ops.hpp"
#include "wfm/code_table.hpp"
#include "wfm/rows_text.hpp"
#include "wfm/timeline.hpp"

namespace trunkline::sinks {

struct IntervalFilesOptions {
  std::string directory;
  std::string name = "agents";  // letters, digits, '_', '.' and '-'
  wfm::RowFormat format = wfm::RowFormat::csv;
  wfm::TimelineOptions timeline;
  // Files of intervals that ended longer ago are removed: two to three small ones an interval are kept.
  base::Millis keep = std::chrono::hours(24 * 31);
};
base::Result<void> validate(const IntervalFilesOptions& options);

// The files of each interval in one directory: NAME-20261126T101500Z-changes.csv and -times.csv, and -late.csv where there is
// anything late; they appear complete or not at all, once, and are never written again, so whoever fetches them may take them
// away. What the open interval has so far is in a journal beside them, .NAME.journal: what take() has answered with success
// is on disk there. Blocking: one thread, not the loop's.
//
// An interval is closed by the journal that is put in the place of the former one. Its files lie complete and synced beside
// it by then, under names with a dot; they get their own names afterwards, after a restart, too. So a kill at any point
// neither loses a row nor brings a file a second time. After a failure the journal is written anew from memory before
// anything else is done: nobody knows what a failed write or fsync has left.
class IntervalFiles {
 public:
  IntervalFiles(IntervalFilesOptions options, wfm::CodeTable codes, FileOps& ops);

  // One answer for each fact; after an error of the disk none counts.
  base::Result<std::vector<wfm::Timeline::Taken>> take(const std::vector<wfm::StateFact>& facts, base::WallTime now);
  // End of the open interval. Reads the journal, or begins one at the interval of `now`.
  base::Result<base::WallTime> open_end(base::WallTime now);
  // Closes the open interval.
  base::Result<void> close(base::WallTime now);

 private:
  struct Made {
    std::string name;
    std::string text;
  };
  base::Result<void> ready(base::WallTime now);
  base::Result<void> begin(base::WallTime now);
  base::Result<void> roll_forward();
  base::Result<std::optional<std::string>> read_journal();
  base::Result<void> append(const std::string& lines);
  base::Result<void> replace_journal();
  base::Result<void> write_file(const std::string& path, std::string_view text);
  base::Result<void> show_made();
  void remove_old();
  std::vector<Made> made_of(const wfm::IntervalRows& rows) const;
  std::optional<wfm::Time> interval_of(std::string_view file_name) const;
  std::string path(std::string_view file_name) const;

  const IntervalFilesOptions options_;
  const wfm::CodeTable codes_;
  FileOps& ops_;
  std::optional<wfm::Timeline> timeline_;
  std::uint64_t journal_bytes_ = 0;  // known to be on disk
  bool dirty_ = false;               // memory is ahead of the journal, or nobody knows what is in that
  std::deque<Made> made_;            // of an interval that is closed in memory; not under their names yet
};

}  // namespace trunkline::sinks
