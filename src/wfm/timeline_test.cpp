#include "wfm/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "wfm/agents_now.hpp"
#include "wfm/rows_text.hpp"

namespace trunkline::wfm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = StateFact::Kind;
using Taken = Timeline::Taken;

constexpr Time kMinute = 60'000;
constexpr Time kBegin = 1'772'460'000'000;  // 2026-03-02T14:00:00Z

const CodeTable& codes() {
  static const CodeTable table = *CodeTable::parse(
      "presence,routing,reason,code\n"
      "ON_QUEUE,INTERACTING,*,TALK\nON_QUEUE,*,*,READY\nBUSY,*,lunch,LUNCH\nBUSY,*,*,BUSY\nOFFLINE,*,*,OUT\n",
      "OTHER");
  return table;
}

StateFact presence(Time at, std::string value, std::string reason = {}, std::string agent = "anna") {
  return {std::move(agent), at, Kind::presence, std::move(value), std::move(reason)};
}
StateFact routing(Time at, std::string value, std::string agent = "anna") {
  return {std::move(agent), at, Kind::routing, std::move(value)};
}

std::string text_of(const IntervalRows& rows) {
  return changes_text(rows, RowFormat::csv) + times_text(rows, RowFormat::csv) + late_text(rows, RowFormat::csv);
}

TEST(Timeline, tells_the_changes_of_an_interval_and_the_time_in_each_state) {
  Timeline timeline({}, kBegin + 7);
  timeline.apply(presence(kBegin + kMinute, "ON_QUEUE"));
  timeline.apply(routing(kBegin + kMinute, "IDLE"));
  timeline.apply(routing(kBegin + 5 * kMinute, "INTERACTING"));
  timeline.apply(presence(kBegin + 10 * kMinute + 250, "BUSY", "lunch"));
  EXPECT_EQ(text_of(timeline.rows(codes())),
            "at,agent,code,previous,presence,routing,reason\n"
            "2026-03-02T14:01:00.000Z,anna,READY,,ON_QUEUE,IDLE,\n"
            "2026-03-02T14:05:00.000Z,anna,TALK,READY,ON_QUEUE,INTERACTING,\n"
            "2026-03-02T14:10:00.250Z,anna,LUNCH,TALK,BUSY,INTERACTING,lunch\n"
            "begin,end,agent,code,seconds\n"
            "2026-03-02T14:00:00.000Z,2026-03-02T14:15:00.000Z,anna,LUNCH,299.750\n"
            "2026-03-02T14:00:00.000Z,2026-03-02T14:15:00.000Z,anna,READY,240.000\n"
            "2026-03-02T14:00:00.000Z,2026-03-02T14:15:00.000Z,anna,TALK,300.250\n"
            "at,interval,agent,code,presence,routing,reason\n");
}

TEST(Timeline, a_moment_on_the_boundary_belongs_to_the_interval_that_begins) {
  Timeline timeline({}, kBegin);
  timeline.apply(presence(kBegin, "OFFLINE"));
  timeline.apply(presence(kBegin + 15 * kMinute, "BUSY"));
  const IntervalRows first = timeline.rows(codes());
  ASSERT_THAT(first.changes, SizeIs(1));
  ASSERT_THAT(first.times, SizeIs(1));
  EXPECT_EQ(first.times[0].milliseconds, 15 * kMinute);
  timeline.close();
  const IntervalRows second = timeline.rows(codes());
  ASSERT_THAT(second.changes, SizeIs(1));
  EXPECT_EQ(second.changes[0].at, kBegin + 15 * kMinute);
  EXPECT_EQ(second.changes[0].previous, "OUT");
  ASSERT_THAT(second.times, SizeIs(1));
  EXPECT_EQ(second.times[0].code, "BUSY");
}

TEST(Timeline, a_state_goes_on_over_intervals_without_a_change) {
  Timeline timeline({}, kBegin);
  timeline.apply(presence(kBegin + 1, "BUSY"));
  for (int i = 0; i < 5; ++i) timeline.close();
  const IntervalRows rows = timeline.rows(codes());
  EXPECT_THAT(rows.changes, IsEmpty());
  ASSERT_THAT(rows.times, SizeIs(1));
  EXPECT_EQ(rows.times[0].milliseconds, 15 * kMinute);
}

TEST(Timeline, what_comes_after_the_closing_is_late_and_counts_from_then_on) {
  Timeline timeline({}, kBegin);
  timeline.apply(presence(kBegin + 1, "BUSY"));
  timeline.close();
  EXPECT_EQ(timeline.apply(presence(kBegin + 14 * kMinute, "OFFLINE")), Taken::news);
  const IntervalRows rows = timeline.rows(codes());
  EXPECT_THAT(rows.changes, IsEmpty());
  ASSERT_THAT(rows.times, SizeIs(1));
  EXPECT_EQ(rows.times[0].code, "OUT");
  ASSERT_THAT(rows.late, SizeIs(1));
  EXPECT_EQ(rows.late[0].code, "OUT");
  EXPECT_EQ(rows.late[0].interval, kBegin);
  timeline.close();
  EXPECT_EQ(timeline.apply(presence(kBegin + 14 * kMinute, "OFFLINE")), Taken::known);
  EXPECT_THAT(timeline.rows(codes()).late, IsEmpty());
}

TEST(Timeline, a_late_fact_from_far_back_is_a_late_row_and_changes_no_newer_state) {
  Timeline timeline({}, kBegin);
  timeline.apply(presence(kBegin + 1, "BUSY"));
  for (int i = 0; i < 4; ++i) timeline.close();
  timeline.apply(presence(kBegin + 50 * kMinute, "OFFLINE"));
  for (int i = 0; i < 4; ++i) timeline.close();
  EXPECT_EQ(timeline.apply(presence(kBegin + 10 * kMinute, "ON_QUEUE")), Taken::news);
  const IntervalRows rows = timeline.rows(codes());
  ASSERT_THAT(rows.late, SizeIs(1));
  EXPECT_EQ(rows.late[0].code, "READY");
  EXPECT_EQ(rows.times.at(0).code, "OUT");
}

TEST(Timeline, what_was_before_the_first_interval_says_how_an_agent_began_and_is_no_row) {
  Timeline timeline({}, kBegin);
  EXPECT_EQ(timeline.apply(presence(kBegin - 90 * kMinute, "BUSY")), Taken::news);
  EXPECT_EQ(timeline.apply(presence(kBegin - 90 * kMinute, "BUSY")), Taken::known);
  const IntervalRows rows = timeline.rows(codes());
  EXPECT_THAT(rows.changes, IsEmpty());
  EXPECT_THAT(rows.late, IsEmpty());
  ASSERT_THAT(rows.times, SizeIs(1));
}

TEST(Timeline, bounds_the_facts_of_one_agent_and_the_late_ones_of_all) {
  TimelineOptions options;
  options.facts_max = 2;
  options.late_max = 1;
  Timeline timeline(options, kBegin);
  timeline.apply(presence(kBegin + 1, "BUSY"));
  timeline.apply(presence(kBegin + 2, "OFFLINE"));
  EXPECT_EQ(timeline.apply(presence(kBegin + 3, "BUSY")), Taken::agent_full);
  EXPECT_EQ(timeline.apply(presence(kBegin + 3, "BUSY", {}, "bob")), Taken::news);
  timeline.close();
  EXPECT_EQ(timeline.apply(presence(kBegin + 4, "BUSY", {}, "carl")), Taken::news);
  EXPECT_EQ(timeline.apply(presence(kBegin + 5, "BUSY", {}, "dora")), Taken::late_full);
  timeline.close();
  EXPECT_EQ(timeline.apply(presence(kBegin + 5, "BUSY", {}, "dora")), Taken::news);
}

TEST(Timeline, bounds_its_agents_by_who_was_heard_of_longest_ago_and_lets_go_who_has_left) {
  TimelineOptions options;
  options.agents_max = 2;
  Timeline timeline(options, kBegin);
  timeline.apply(presence(kBegin + 1, "BUSY", {}, "anna"));
  timeline.apply(presence(kBegin + 2, "BUSY", {}, "bob"));
  timeline.apply(presence(kBegin + 3, "BUSY", {}, "carl"));
  EXPECT_EQ(timeline.agents(), 2u);
  EXPECT_EQ(timeline.rows(codes()).times.at(0).agent, "bob");
  for (int i = 0; i < 31 * 96; ++i) timeline.close();
  EXPECT_EQ(timeline.agents(), 0u);
}

TEST(Timeline, another_interval_begins_behind_what_is_closed) {
  Timeline quarter({}, kBegin);
  quarter.apply(presence(kBegin + 1, "BUSY"));
  quarter.close();
  TimelineOptions options;
  options.interval = std::chrono::hours(1);
  auto hours = Timeline::restore(options, quarter.lines());
  ASSERT_TRUE(hours.ok()) << hours.error().detail;
  const IntervalRows rows = hours->rows(codes());
  EXPECT_EQ(rows.begin, kBegin + 15 * kMinute);
  EXPECT_EQ(rows.end, kBegin + 60 * kMinute);
  EXPECT_EQ(rows.times.at(0).milliseconds, 45 * kMinute);
}

TEST(Timeline, does_not_take_what_it_has_not_written) {
  const std::string good = Timeline({}, kBegin).lines();
  EXPECT_TRUE(Timeline::restore({}, good).ok());
  for (const std::string& bad :
       {std::string("x\n"), std::string("timeline,2,0,0,0\n"), std::string("timeline,1,0,9,0\n"), good + "agent,a\n",
        good + "fact,a,1,mood,x,\n", good + "fact,a,x,routing,x,\n", good + "what,a,1,routing,x,\n", good + "\"a"}) {
    const auto read = Timeline::restore({}, bad);
    EXPECT_FALSE(read.ok()) << bad;
    EXPECT_EQ(read.error().code, base::Errc::corrupt);
  }
}

// The rows of whole agents' days, written down straight from the sorted facts.
struct Naive {
  std::vector<StateFact> facts;
  std::string rows(Time begin, Time end) const {
    std::map<std::string, std::vector<StateFact>> agents;
    for (const StateFact& fact : facts) agents[fact.agent].push_back(fact);
    std::string out;
    for (auto& [id, own] : agents) {
      std::ranges::sort(own, {}, [](const StateFact& f) { return std::tuple(f.at, f.kind, f.value, f.reason); });
      std::map<std::string, Time> spent;
      for (Time at = begin; at < end; at += 1'000) {
        AgentState state;
        for (const StateFact& fact : own) {
          if (fact.at <= at) state.apply(fact);
        }
        if (state.known()) spent[codes().code(state.presence, state.routing, state.reason)] += 1'000;
      }
      for (const auto& [code, time] : spent) out += id + "," + code + "," + std::to_string(time) + "\n";
    }
    return out;
  }
};

std::string times_of(const IntervalRows& rows) {
  std::string out;
  for (const TimeRow& row : rows.times)
    out += row.agent + "," + row.code + "," + std::to_string(row.milliseconds) + "\n";
  return out;
}

TEST(Timeline, the_same_facts_in_any_order_with_repeats_and_restarts_give_the_same_rows) {
  constexpr Time kStep = 5 * kMinute;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<Time>(random() % n); };
    Naive naive;
    for (int i = 0; i < 60; ++i) {
      const std::string agent(1, static_cast<char>('a' + below(3)));
      const Time at = kBegin + below(15 * 60) * 1'000;  // three intervals of five minutes
      static constexpr const char* kPresences[] = {"ON_QUEUE", "BUSY", "OFFLINE"};
      static constexpr const char* kRoutings[] = {"IDLE", "INTERACTING"};
      naive.facts.push_back(below(2) == 0 ? presence(at, kPresences[below(3)], below(2) == 0 ? "lunch" : "", agent)
                                          : routing(at, kRoutings[below(2)], agent));
    }
    TimelineOptions options;
    options.interval = base::Millis(kStep);
    Timeline timeline(options, kBegin);
    for (Time begin = kBegin; begin < kBegin + 3 * kStep; begin += kStep) {
      // All of the interval, some of later ones, some again; in any order.
      std::vector<StateFact> given;
      for (const StateFact& fact : naive.facts) {
        if (fact.at < begin + kStep || below(3) == 0) given.push_back(fact);
        if (fact.at >= begin && below(4) == 0) given.push_back(fact);
      }
      std::erase_if(given, [&](const StateFact& fact) { return fact.at < begin - kStep; });
      std::ranges::shuffle(given, random);
      std::string journal = timeline.lines();
      for (const StateFact& fact : given) {
        if (timeline.apply(fact) == Taken::news) journal += Timeline::line_of(fact);
      }
      const IntervalRows rows = timeline.rows(codes());
      EXPECT_THAT(rows.late, IsEmpty()) << seed;
      EXPECT_EQ(times_of(rows), naive.rows(begin, begin + kStep)) << seed;
      auto again = Timeline::restore(options, journal);
      ASSERT_TRUE(again.ok()) << again.error().detail;
      EXPECT_EQ(text_of(again->rows(codes())), text_of(rows)) << seed;
      EXPECT_EQ(again->lines(), timeline.lines()) << seed;
      timeline = std::move(*again);
      timeline.close();
    }
  }
}

TEST(AgentsNow, keeps_what_it_was_told_over_a_restart) {
  AgentsNow agents;
  agents.apply(presence(kBegin, "BUSY", "lu,\"nch"));
  agents.tell("anna", "LUNCH");
  const auto stored = agents.take_unstored();
  ASSERT_THAT(stored, SizeIs(1));
  AgentsNow again;
  EXPECT_TRUE(again.restore("anna", *stored[0].second));
  EXPECT_FALSE(again.restore("bob", "2,1"));
  ASSERT_NE(again.find("anna"), nullptr);
  EXPECT_EQ(again.find("anna")->told, "LUNCH");
  EXPECT_EQ(again.find("anna")->state, agents.find("anna")->state);
  EXPECT_THAT(again.take_unstored(), IsEmpty());
}

TEST(AgentsNow, shows_nobody_who_was_not_heard_of_for_a_month) {
  AgentsNow agents;
  agents.apply(presence(kBegin, "BUSY"));
  agents.apply(presence(kBegin + 40 * 24 * 60 * kMinute, "BUSY", {}, "bob"));
  std::vector<std::string> seen;
  agents.each(base::WallTime(base::Millis(kBegin + 41 * 24 * 60 * kMinute)),
              [&](const std::string& id, const AgentsNow::Agent&) { seen.push_back(id); });
  EXPECT_THAT(seen, ElementsAre("bob"));
}

}  // namespace
}  // namespace trunkline::wfm
