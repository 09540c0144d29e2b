#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/strong.hpp"

// What a redrive or a replay needs of a queue: to choose, to put some events back before their lanes, and to know what
// has become of them. Who decides how many and when is module operation.
namespace trunkline::engine {

// Which dead letters. Everything that is set must hold.
struct RedriveFilter {
  std::optional<base::Sequence> sequence{};  // only this one
  std::string error_class{};                 // empty: all
  std::string event_type{};                  // of the event; empty: all
  std::string group{};                       // text of the message group, or the conversation; empty: all
  // When it became a dead letter: from this time on; before this time.
  std::optional<base::WallTime> since_from{};
  std::optional<base::WallTime> since_before{};
};

// What dead letters that match a filter are. Counts of words beyond words_max are added up under "other".
struct DeadLetterSummary {
  static constexpr std::size_t words_max = 100;
  std::uint64_t total = 0;
  std::uint64_t parked = 0;  // of them, each holds its lane
  std::map<std::string, std::uint64_t> by_error_class{};
  std::map<std::string, std::uint64_t> by_event_type{};
  std::map<std::string, std::uint64_t> by_age{};  // "1h", "24h", "7d", "older": not older than
  std::optional<base::WallTime> oldest{};
  std::optional<base::WallTime> newest{};
};

// What an operation has done in one queue. On disk in the same commit as what it counts.
struct OperationTally {
  base::Sequence reached;                     // all up to here has been looked at
  std::uint64_t given = 0;                    // put before their lanes
  std::uint64_t delivered = 0;                // of them
  std::uint64_t failed = 0;                   // of them: attempts ran out again
  std::uint64_t ended = 0;                    // of them: expired, purged, dropped, or withdrawn by a cancel
  std::uint64_t passed = 0;                   // of a replay: not given, since they still wait here or are gone
  std::string error_class{};                  // of the last that failed
  std::vector<base::Sequence> last_failed{};  // at most 20

  std::uint64_t open() const { return given - delivered - failed - ended; }
};
constexpr std::size_t kLastFailedMax = 20;
// Operations that a queue remembers at the same time, ended ones included until they are forgotten.
constexpr std::size_t kOperationsPerQueue = 64;

// Puts up to `limit` more dead letters that match back before their lanes. What this operation has given before is
// never given again by it, not even when it fails and is a dead letter again.
struct RedriveStep {
  base::OperationId operation;
  RedriveFilter filter;
  std::size_t limit = 1;  // at most 1,000
};
// Gives events of the log that are settled here once more, marked, beside the live ones. Those at or below the tally's
// `reached` are left out: the step may be repeated.
struct ReplayStep {
  base::OperationId operation;
  std::vector<base::Sequence> sequences{};  // ascending, at most 1,000
  base::Sequence reached;                   // the caller has looked at all up to here
  // Up to here the log is kept for this operation, the disk's budget permitting, until it is ended.
  base::Sequence keep_to;
};
struct StepResult {
  OperationTally tally;
  bool ended = false;  // of a redrive: no more dead letters match
};

}  // namespace trunkline::engine
