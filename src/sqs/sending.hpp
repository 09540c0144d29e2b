#pragma once

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "engine/engine.hpp"
#include "sqs/queues.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sqs {

// Of messages of one standard queue that wait for their DelaySeconds; each costs memory. AWS has the same number of
// messages in flight.
inline constexpr std::uint64_t kDelayedMax = 120'000;

// What the engine is given of a message: a record that is routed to this queue and no other, with the group, the delay
// and the deduplication of the queue. `delay` is for standard queues.
engine::PublishEntry publish_entry(const Queue& queue, const SentMessage& message, base::Millis delay,
                                   base::WallTime now);

// By what a record of `from` that moves to `to` is known there, so that a move that is begun again after a crash makes no
// second one.
base::Hash128 move_identity(const Queue& to, const Queue& from, const engine::Record& record);

}  // namespace trunkline::sqs
