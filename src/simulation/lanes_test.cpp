#include "simulation/lanes.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "simulation/run.hpp"

namespace trunkline::simulation {
namespace {

// Hundreds of conversations here; `trunkline_simulate --lanes` plays a hundred thousand.
TEST(Lanes, keep_their_order_under_every_policy_through_poison_storms_crashes_and_redrives) {
  base::log::set_level(base::log::Level::off);
  LanesOptions options;
  options.conversations = 400;
  options.events_a_second = 4;
  const Plan plan = lanes_plan(options);
  const Outcome outcome = run(plan, RunOptions());
  for (const Finding& finding : outcome.findings) ADD_FAILURE() << finding.rule << " " << finding.text;
  for (const Kind kind : {Kind::power_cut, Kind::answers_503, Kind::poison, Kind::redrive_operation, Kind::replay})
    EXPECT_GT(outcome.report.followed[static_cast<std::size_t>(kind)], 0u) << name(kind);
  for (std::size_t i = 0; i < plan.consumers.size(); ++i) {
    const ConsumerTally& tally = outcome.tallies[i];
    EXPECT_GT(tally.lanes, 300u);
    EXPECT_GT(tally.rejected, tally.events / 50) << plan.consumers[i].name;
    const bool drops = plan.consumers[i].options.on_exhausted == delivery::OnExhausted::drop;
    EXPECT_EQ(tally.taken == tally.events, !drops) << plan.consumers[i].name;
  }
}

}  // namespace
}  // namespace trunkline::simulation
