#include "simulation/shrink.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace trunkline::simulation {
namespace {

TEST(Shrink, writes_and_reads_ranges) {
  EXPECT_EQ(ranges({true, true}), "");
  EXPECT_EQ(ranges({true, false, true, true, true, false, true}), "0,2-4,6");
  EXPECT_EQ(parse_ranges("0,2-4,6").value(), (std::vector<bool>{true, false, true, true, true, false, true}));
  for (const char* wrong : {"x", "3-", "4-3", "1,,2", "99999999999"}) EXPECT_FALSE(parse_ranges(wrong).ok()) << wrong;
}

// A run that breaks whenever two certain steps and one consumer are there.
TEST(Shrink, leaves_only_what_the_finding_needs) {
  Plan plan = make_plan(4, std::chrono::minutes(30));
  ASSERT_GT(plan.steps.size(), 60u);
  const std::uint32_t first = 7;
  const std::uint32_t second = static_cast<std::uint32_t>(plan.steps.size() - 5);
  plan.steps[first] = {first, plan.steps[first].at, Kind::publish, 0, {}, 0, {{{1, 0}, 0, false}}};
  plan.steps[second] = {second, plan.steps[second].at, Kind::power_cut, 0, {}, 0, {}};
  const auto again = [&](const Plan& part) {
    const auto has = [&](std::uint32_t id) {
      return std::any_of(part.steps.begin(), part.steps.end(), [id](const Step& step) { return step.id == id; });
    };
    Outcome outcome;
    const bool there = part.consumers[1].begins != base::Millis::max();
    if (has(first) && has(second) && there) outcome.findings.push_back({"I1", "lost"});
    if (!has(first)) outcome.findings.push_back({"I3", "another finding"});
    return outcome;
  };
  const Shrunk small = shrink(plan, {"I1", "lost"}, 1'000, again);
  EXPECT_EQ(small.steps, 2u);
  EXPECT_EQ(small.consumers, 1u);
  EXPECT_TRUE(small.mask.steps[first] && small.mask.steps[second] && small.mask.consumers[1]);
  EXPECT_EQ(small.finding.rule, "I1");
  EXPECT_LT(small.runs, 200u);
  EXPECT_LE(shrink(plan, {"I1", "lost"}, 10, again).runs, 10u);
}

}  // namespace
}  // namespace trunkline::simulation
