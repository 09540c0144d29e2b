#include "simulation/outage.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "base/log.hpp"

namespace trunkline::simulation {
namespace {

// Ten minutes here; `trunkline_simulate --outage` plays four hours.
TEST(Outage, of_one_consumer_changes_nothing_for_the_others_and_leaves_no_dead_letter) {
  base::log::set_level(base::log::Level::off);
  OutageOptions options;
  options.length = std::chrono::minutes(10);
  options.events_a_second = 5;
  const Outcome calm = run(outage_plan(options, Kind::publish), RunOptions());
  const std::uint64_t events = calm.report.events;
  EXPECT_EQ(events, 30u * 60 * 5 - 1);
  for (const Kind kind : kOutages) {
    const Outcome outage = run(outage_plan(options, kind), RunOptions());
    for (const Finding& finding : compare_outage(calm, outage))
      ADD_FAILURE() << name(kind) << ": " << finding.rule << " " << finding.text;
    EXPECT_EQ(outage.report.events, events);
    EXPECT_NE(outage.consumer_traces[0], calm.consumer_traces[0]) << name(kind) << " did happen";
  }
}

TEST(Outage, is_compared_so_that_a_difference_is_found) {
  OutageOptions options;
  options.length = std::chrono::minutes(2);
  options.events_a_second = 2;
  const Outcome calm = run(outage_plan(options, Kind::publish), RunOptions());
  Outcome outage = run(outage_plan(options, Kind::answers_503), RunOptions());
  ASSERT_TRUE(compare_outage(calm, outage).empty());
  const Outcome good = outage;
  outage.consumer_traces[2] ^= 1;
  EXPECT_EQ(compare_outage(calm, outage).size(), 1u);
  outage = good;
  outage.sender_trace ^= 1;
  EXPECT_EQ(compare_outage(calm, outage).size(), 1u);
  outage = good;
  outage.report.dead_letters = 1;
  EXPECT_EQ(compare_outage(calm, outage).size(), 1u);
  outage = good;
  outage.consumers[0].attempts_spent = 1;
  EXPECT_EQ(compare_outage(calm, outage).size(), 1u);
}

// The founding guide's SIEM: 10 seconds an answer, 60 events/s, 50 requests at a time. Three minutes and a small window here;
// `trunkline_simulate --lag 10` plays four hours and the window that the program has.
TEST(Lag, of_one_consumer_keeps_its_cap_and_its_backlog_out_of_memory_and_changes_nothing_for_the_others) {
  base::log::set_level(base::log::Level::off);
  for (const event::Order order : {event::Order::none, event::Order::conversation}) {
    LagOptions options;
    options.length = std::chrono::minutes(3);
    options.order = order;
    options.window = 1'000;
    LagOptions without = options;
    without.answers_after = base::Millis(0);
    const Outcome calm = run(lag_plan(without), RunOptions());
    const Outcome lag = run(lag_plan(options), RunOptions());
    for (const Finding& finding : compare_lag(options, calm, lag)) ADD_FAILURE() << finding.rule << " " << finding.text;
    EXPECT_EQ(lag.report.events, calm.report.events);
    EXPECT_LT(calm.peaks[0].waiting, 1'000u) << "without the lag nothing waits";
    EXPECT_EQ(lag.tallies[0].taken, lag.report.events) << "all of it arrives in the end";
  }
}

TEST(Lag, is_compared_so_that_a_difference_is_found) {
  LagOptions options;
  options.length = std::chrono::minutes(2);
  options.window = 500;
  LagOptions without = options;
  without.answers_after = base::Millis(0);
  const Outcome calm = run(lag_plan(without), RunOptions());
  const Outcome good = run(lag_plan(options), RunOptions());
  ASSERT_TRUE(compare_lag(options, calm, good).empty());
  const auto found = [&](const std::function<void(Outcome&)>& change) {
    Outcome changed = good;
    change(changed);
    return compare_lag(options, calm, changed).size();
  };
  EXPECT_EQ(found([](Outcome& lag) { lag.consumer_traces[1] ^= 1; }), 1u);
  EXPECT_EQ(found([](Outcome& lag) { lag.sender_trace ^= 1; }), 1u);
  EXPECT_EQ(found([](Outcome& lag) { ++lag.peaks[0].open_requests; }), 1u);
  EXPECT_EQ(found([](Outcome& lag) { lag.peaks[0].lanes = 500 + 1'025; }), 1u);
  EXPECT_EQ(found([](Outcome& lag) { lag.peaks[0].waiting = 1'001; }), 1u) << "some that waited are missing";
  EXPECT_EQ(found([](Outcome& lag) { lag.consumers[0].attempts_spent = 1; }), 1u);
  EXPECT_EQ(found([](Outcome& lag) { lag.report.dead_letters = 1; }), 1u);
}

}  // namespace
}  // namespace trunkline::simulation
