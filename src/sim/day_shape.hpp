#pragma once

#include <optional>

#include "sim/event_text.hpp"

namespace trunkline::sim {

// How many interactions arrive when. One day's curve has mean 1 and its peak, in the middle of hour 10, is 3: the
// sizing of genesys.md (6/s mean, 18/s peak). An incident lifts the rate to 10 times the day's mean (60/s) for its
// length.
struct DayShape {
  double interactions_per_day = 50'000;
  double peak_factor = 3;       // highest point of the curve, as a multiple of the day's mean
  double incident_factor = 10;  // during the incident, as a multiple of the day's mean
  std::optional<SimTime> incident_from;
  SimTime incident_for = 900'000;

  // Relative rate at a time of day: the day's mean is 1 (while peak_factor is 3).
  double relative(SimTime time) const;
  // Interactions per millisecond.
  double rate(SimTime time) const { return relative(time) * interactions_per_day / 86'400'000.0; }
};

}  // namespace trunkline::sim
