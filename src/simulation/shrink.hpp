#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "simulation/plan.hpp"
#include "simulation/run.hpp"

namespace trunkline::simulation {

struct Shrunk {
  Mask mask;
  std::size_t steps = 0;      // left
  std::size_t consumers = 0;  // left
  std::size_t runs = 0;       // that it took
  Finding finding;            // of the smallest run
};

// Leaves out consumers and steps as long as a finding of the same rule is left (delta debugging: Zeller and Hildebrandt
// 2002), in at most `runs_max` runs. `again` plays a part of the plan.
Shrunk shrink(const Plan& plan, const Finding& finding, std::size_t runs_max,
              const std::function<Outcome(const Plan&)>& again);

// "0-17,25": the true places; "" where all are.
std::string ranges(const std::vector<bool>& places);
// The opposite; Errc::invalid says what is wrong. `size` of the result is one more than the highest place.
base::Result<std::vector<bool>> parse_ranges(std::string_view text);

}  // namespace trunkline::simulation
