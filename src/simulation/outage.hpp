#pragma once

#include <array>
#include <string>

#include "simulation/plan.hpp"
#include "simulation/run.hpp"

namespace trunkline::simulation {

// One of several consumers is down for hours, in each of the ways there are. The others must not notice: what they are
// sent, and when, is the same to the millisecond as in a run without the outage (I6). The one that was down gets
// everything in order when it is over, without a dead letter, without an operator, without an attempt spent.
struct OutageOptions {
  base::Millis length = std::chrono::hours(4);
  std::uint32_t events_a_second = 60;
  std::uint64_t seed = 1;
};

inline constexpr std::array kOutages = {Kind::refused, Kind::hang, Kind::answers_503, Kind::answers_401,
                                        Kind::every_item_fails};

// The consumer "siem" (place 0) goes down after five minutes; Kind::publish: it stays well. The run goes on for a
// quarter of an hour after the outage, then drains.
Plan outage_plan(const OutageOptions& options, Kind kind);

// What must hold and does not: findings of the run with the outage, and how it differs from the calm one. Empty: all
// holds.
std::vector<Finding> compare_outage(const Outcome& calm, const Outcome& outage);

}  // namespace trunkline::simulation
