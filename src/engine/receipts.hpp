#pragma once

#include <cstdint>

#include "base/function.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "engine/engine.hpp"

namespace trunkline::engine {

// What an engine is besides whose leases are receipts of single messages that clients hold, as in SQS. Of its pulled queues
// with an order a receive with lease_each gives several messages of a group (max_messages_per_group), each with a lease of
// its own. They can be settled in any order: as delivered, dropped or released; any other fate is of the group's first
// message alone while none of the others is in flight, else Errc::invalid. One that is visible again goes out once more
// while later ones are in flight, never while an earlier one is; what comes behind them waits until none is.
class Receipts {
 public:
  virtual ~Receipts() = default;
  // Whether the message was settled as delivered under this lease: asked when settle() has answered Errc::not_found. Holds
  // over a restart, as long as the message's history is kept. Of queues with an order. On loop_of(queue), where the
  // callback runs, when what was settled before is on disk. False, too, where it would have to be looked for for long.
  virtual void was_delivered(base::QueueId queue, base::Sequence sequence, std::uint64_t lease,
                             base::UniqueFunction<void(base::Result<bool>)> done) = 0;
};

// Null where the engine is none.
inline Receipts* receipts_of(Engine& engine) {
  return dynamic_cast<Receipts*>(&engine);
}

}  // namespace trunkline::engine
