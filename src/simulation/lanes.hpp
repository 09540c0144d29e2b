#pragma once

#include <cstdint>

#include "simulation/plan.hpp"

namespace trunkline::simulation {

// Many conversations, with a share of events that their downstream refuses, storms of 503, crashes, and redrives and
// replays at the same time: for each policy of a lane whose attempts have run out (park, skip, drop) a consumer that
// gets one event a request and one that gets batches with a verdict for each item. What every lane was sent is held
// against what was accepted of it (Oracle, I3).
struct LanesOptions {
  std::uint32_t conversations = 100'000;
  std::uint32_t events_a_second = 100;
  std::uint64_t poison_percent = 5;
  std::uint64_t seed = 1;
};

// As long as it takes for each conversation to have had its turn: four events of it on average.
Plan lanes_plan(const LanesOptions& options);

}  // namespace trunkline::simulation
