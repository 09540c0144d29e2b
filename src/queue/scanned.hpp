#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/strong.hpp"

namespace trunkline::queue {

struct Now {
  base::WallTime wall;
  base::MonoTime mono;
};
inline Now now_of(const base::Clock& clock) {
  return {clock.wall(), clock.mono()};
}

// An event of the log that is routed to the queue.
struct Scanned {
  base::Sequence sequence;
  base::GroupKey group;
  std::int64_t accepted_ms = 0;
  std::uint32_t bytes = 0;
  std::int64_t event_ms = 0;  // engine::event_time()
  base::GroupKey tenant{};    // the conversation's group; 0: it has none. See QueueCore::fair()
};

}  // namespace trunkline::queue
