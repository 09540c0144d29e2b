#include "simulation/run.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"

namespace trunkline::simulation {
namespace {

using base::Millis;

class Simulation : public testing::Test {
 protected:
  void SetUp() override { base::log::set_level(base::log::Level::off); }  // of errors that are meant to happen
};

Outcome play(const Plan& plan) {
  return run(plan, RunOptions());
}

TEST_F(Simulation, does_the_same_for_the_same_seed) {
  for (const std::uint64_t seed : {2, 11}) {
    const Plan plan = make_plan(seed, std::chrono::minutes(10));
    const Outcome one = play(plan);
    const Outcome other = play(plan);
    EXPECT_EQ(one.trace, other.trace);
    EXPECT_EQ(one.consumer_traces, other.consumer_traces);
    EXPECT_EQ(one.report.tasks, other.report.tasks);
    EXPECT_EQ(one.report.fired, other.report.fired);
    EXPECT_GT(one.report.deliveries, 0u);
  }
}

TEST_F(Simulation, does_something_else_for_another_seed) {
  EXPECT_NE(play(make_plan(1, std::chrono::minutes(3))).trace, play(make_plan(2, std::chrono::minutes(3))).trace);
}

TEST_F(Simulation, leaves_out_what_the_mask_leaves_out) {
  const Plan plan = make_plan(5, std::chrono::minutes(20));
  Mask mask;
  mask.steps.assign(plan.steps.size(), true);
  mask.consumers.assign(plan.consumers.size(), true);
  EXPECT_EQ(play(masked(plan, mask)).trace, play(plan).trace) << "nothing is left out";
  mask.consumers[0] = false;
  for (const Step& step : plan.steps) mask.steps[step.id] = step.items.empty() ? false : step.id % 2 == 0;
  const Outcome part = play(masked(plan, mask));
  EXPECT_TRUE(part.findings.empty());
  EXPECT_LT(part.report.events, play(plan).report.events);
  EXPECT_EQ(part.report.fired[static_cast<std::size_t>(Kind::power_cut)], 0u);
}

}  // namespace
}  // namespace trunkline::simulation
