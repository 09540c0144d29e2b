#include "sim/day_shape.hpp"

#include <array>

namespace trunkline::sim {
namespace {

// Mean 1, peak 3; the value holds in the middle of its hour and lines join the middles.
constexpr std::array<double, 24> kHours = {0.05, 0.05, 0.05, 0.05, 0.05, 0.10, 0.30, 0.85, 2.00, 2.60, 3.00, 2.80,
                                           2.20, 2.20, 2.30, 2.10, 1.45, 0.80, 0.45, 0.25, 0.15, 0.10, 0.05, 0.05};

constexpr double sum_of_hours() {
  double sum = 0;
  for (const double hour : kHours) sum += hour;
  return sum;
}
static_assert(sum_of_hours() > 23.99 && sum_of_hours() < 24.01, "the curve's mean is 1");

}  // namespace

double DayShape::relative(SimTime time) const {
  if (incident_from && time >= *incident_from && time < *incident_from + incident_for) return incident_factor;
  constexpr SimTime kDay = 86'400'000;
  constexpr double kHour = 3'600'000;
  const SimTime of_day = ((time % kDay) + kDay) % kDay;
  const double position = static_cast<double>(of_day) / kHour - 0.5 + 24;  // in hours since the first middle
  const auto before = static_cast<std::size_t>(position);
  const double part = position - static_cast<double>(before);
  const double curve = kHours[before % 24] * (1 - part) + kHours[(before + 1) % 24] * part;
  // Stretches the curve about its mean, so that the day's volume stays what it is.
  const double stretched = 1 + (curve - 1) * (peak_factor - 1) / 2;
  return stretched > 0.01 ? stretched : 0.01;
}

}  // namespace trunkline::sim
