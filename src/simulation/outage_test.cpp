#include "simulation/outage.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace trunkline::simulation
