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

// One of several consumers, "siem" (place 0), answers each request after a long while for hours, and events come many times
// faster than its cap allows. The cap must hold, what waits must stand on disk, and the others must not notice, to the
// millisecond (I6).
struct LagOptions {
  base::Millis length = std::chrono::hours(4);
  base::Millis answers_after = std::chrono::seconds(10);
  std::size_t cap = 50;  // requests of one event each
  std::uint32_t events_a_second = 60;
  event::Order order = event::Order::none;  // of the siem
  std::size_t window = 16'384;              // events of a queue in memory
  std::uint64_t seed = 1;
};

// With `answers_after` 0: the calm run that it is compared with.
Plan lag_plan(const LagOptions& options);
std::vector<Finding> compare_lag(const LagOptions& options, const Outcome& calm, const Outcome& lag);

// What must hold and does not: findings of the run with the outage, and how it differs from the calm one. Empty: all
// holds.
std::vector<Finding> compare_outage(const Outcome& calm, const Outcome& outage);

}  // namespace trunkline::simulation
