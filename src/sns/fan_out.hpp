#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "sns/call.hpp"
#include "sns/publication.hpp"

namespace trunkline::sns {

// What one message becomes: a message in each queue that is to get it.
struct FanOut {
  std::vector<engine::PublishItem> items{};
  std::size_t bytes = 0;   // over kCopiesBytesMax: not all of it
  bool throttled = false;  // a queue has all the delayed messages that it may have
};

// Copies over this go into no write: a few hundred queues of the longest messages.
inline constexpr std::size_t kCopiesBytesMax = 64 << 20;

// Signs where a subscription wants the envelope of a standard topic. Where a queue takes it not (it is gone, the message is
// too long for it or has too many attributes for raw delivery) the subscription's dead-letter queue gets it at once, as on
// AWS; without one it is lost, which is counted and logged. A message of a FIFO topic has its identity in each queue, so
// that a repeat within five minutes is stored in none.
FanOut fan_out(const Call& call, const TopicState& state, const Publication& publication);

// The identity of a message of a FIFO topic within `scope` ("": the topic itself, else a queue).
base::Hash128 identity(const Topic& topic, std::string_view scope, const Publication& publication);

}  // namespace trunkline::sns
