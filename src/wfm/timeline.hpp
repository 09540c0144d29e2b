#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "wfm/code_table.hpp"
#include "wfm/state_fact.hpp"

namespace trunkline::wfm {

struct TimelineOptions {
  base::Millis interval = std::chrono::minutes(15);  // divides a day; intervals begin at multiples of it, UTC
  // Nothing heard of an agent for so long: he has left, and has no more time in any state.
  base::Millis agent_idle = std::chrono::hours(24 * 30);
  std::size_t agents_max = 50'000;  // two of the largest organisations; some 300 bytes each
  // Of one agent, from the interval before the open one on: one change a second for half an hour, which no person makes.
  std::size_t facts_max = 2'000;
  // Late facts of one interval: all that the largest organisations do in half an hour.
  std::size_t late_max = 100'000;
};

struct ChangeRow {
  Time at = 0;
  std::string agent;
  std::string code;
  std::string previous;  // empty: nothing was known
  std::string presence;
  std::string routing;
  std::string reason;
};
struct TimeRow {
  std::string agent;
  std::string code;
  Time milliseconds = 0;
};
struct LateRow {
  Time at = 0;
  Time interval = 0;  // begin of the one that it belongs to, which was closed already
  std::string agent;
  std::string code;  // by what else is known of that moment
  std::string presence;
  std::string routing;
  std::string reason;
};
// All of one interval, each list by agent and time.
struct IntervalRows {
  Time begin = 0;
  Time end = 0;
  std::vector<ChangeRow> changes;
  std::vector<TimeRow> times;
  std::vector<LateRow> late;  // what was late and came while this interval was the open one
};

// The states of agents over time, interval by interval, from facts in any order and with any repeats: what an interval holds
// depends on which facts came before it was closed, and on nothing else. A fact of an interval that is closed is late; it
// counts for what follows, and stands among the late rows of the open one. Of the interval before the open one all facts are
// kept, so that a repeat is known as one. Facts from before the first interval say how an agent began; they are no rows.
//
// Pure; not thread-safe. What is in it can be written as lines and read again: a snapshot and the facts behind it.
class Timeline {
 public:
  // `began` is rounded down to the begin of its interval, the first one.
  Timeline(TimelineOptions options, Time began);
  // Of lines(), and of line_of() of facts that came later. Errc::corrupt names the line.
  static base::Result<Timeline> restore(TimelineOptions options, std::string_view lines);

  // agent_full: the agent has facts_max of them; late_full: late_max are late. Then nothing was taken.
  enum class Taken : std::uint8_t { news, known, agent_full, late_full };
  Taken apply(const StateFact& fact);

  Time open_begin() const { return closed_; }
  Time open_end() const;
  IntervalRows rows(const CodeTable& codes) const;  // of the open interval, as if it were closed now
  void close();                                     // the open interval; the next one is open then

  std::string lines() const;
  static std::string line_of(const StateFact& fact);
  std::size_t agents() const { return agents_.size(); }

 private:
  struct Agent {
    AgentState base;               // by the facts before kept_
    std::vector<StateFact> facts;  // from kept_ on, ascending by time
    Time heard = 0;                // newest time of any
  };
  explicit Timeline(TimelineOptions options) : options_(options) {}
  AgentState state_at(const Agent& agent, Time at, bool inclusive) const;
  void rows_of(const std::string& id, const Agent& agent, const CodeTable& codes, IntervalRows& rows) const;
  void make_room();
  bool restore_line(const std::vector<std::string>& fields);

  TimelineOptions options_;
  Time began_ = 0;   // of the first interval
  Time kept_ = 0;    // begin of the interval before the open one
  Time closed_ = 0;  // begin of the open one
  std::map<std::string, Agent, std::less<>> agents_;
  std::set<StateFact> late_;       // for the open interval's late rows
  std::set<StateFact> late_done_;  // that were in those of the interval before
};

}  // namespace trunkline::wfm
