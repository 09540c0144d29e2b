#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "aws_engine/cloud.hpp"

namespace trunkline::aws_engine {

// What the table says of an event in one queue.
struct Standing {
  std::string fate;  // of keys.hpp; empty: nothing has been decided, it waits in SQS or is with somebody
  std::uint32_t attempts = 0;
  bool redriven = false;
  bool dead_letter = false;  // it is among them, parked or skipped
  std::string error_class;
  std::string error_detail;             // of a dead letter
  std::optional<base::WallTime> since;  // of the fate; to the second
};
// Blocks; any thread but the engine's own loop.
base::Result<Standing> standing_wait(Cloud& cloud, base::QueueId queue, base::Sequence sequence);

}  // namespace trunkline::aws_engine
