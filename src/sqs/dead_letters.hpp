#pragma once

#include <functional>
#include <vector>

#include "engine/engine.hpp"
#include "sqs/call.hpp"
#include "sqs/queues.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sqs {

// A message that was received more often than its queue's RedrivePolicy allows. It is in flight.
struct Exhausted {
  engine::Lease lease;
  SentMessage message;
};

// Those of `leases` that are exhausted by the queue's policy as it is now, taken out of it. None where there is no policy, or
// where its dead-letter queue is not there: then messages go on being given out.
std::vector<Exhausted> take_exhausted(const Context& context, const Queue& queue, std::vector<engine::Lease>& leases);

// A queue may hand its messages out again at once (VisibilityTimeout 0); one that is exhausted is held for longer than a write
// takes. After a crash it waits for so long.
inline constexpr base::Millis kExhaustedHold = std::chrono::seconds(10);

// Moves them to the dead-letter queue: they are on disk there before they end here, and a crash in between makes no second
// one. What the disk did not take stays here, and moves at a later receive. On the
// queue's loop, where `done` runs with whether any has left.
void move_exhausted(const Context& context, const Queue& queue, std::vector<Exhausted> exhausted,
                    std::function<void(bool moved)> done);

}  // namespace trunkline::sqs
