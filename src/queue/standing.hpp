#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "queue/history.hpp"
#include "queue/queue_core.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

// Where an event stands in a queue that it was routed to (promise I2: exactly one of these).
struct Standing {
  enum class Kind : std::uint8_t {
    unscanned,    // the queue has not come to it: older events go first
    in_memory,    // outstanding: waiting in its lane or in flight
    listed,       // waits in its lane on disk
    parked,       // holds its lane until somebody decides
    dead_letter,  // skipped; its lane went on
    dropped,
    expired,
    purged,
    delivered,
  };
  Kind kind = Kind::unscanned;
  base::GroupKey group;
  std::optional<LaneHeader> lane;                // listed, parked, or in memory: of its lane
  bool leased = false;                           // in memory: it has been given out and has no verdict yet
  std::uint64_t before = 0;                      // events of its lane that go first
  bool before_complete = true;                   // false: there are more than that
  std::uint64_t unscanned = 0;                   // unscanned: events of the log between the queue and this one
  bool redriven = false;                         // listed: it comes from the dead letters
  bool late = false;                             // listed, parked, dead_letter: it came after its event-time window
  std::optional<std::int64_t> window_ends_ms{};  // in memory: it waits in its event-time window
  std::optional<DeadLetterEntry> entry;          // parked, dead_letter
  std::vector<FailedDelivery> failures;          // oldest first
  Deliveries deliveries;
};

// As it is on disk, which is some milliseconds behind what is in memory. `group`: the event's, in that queue.
base::Result<Standing> read_standing(const store::Store& store, base::QueueId queue, base::GroupKey group,
                                     base::Sequence sequence);
// Where it stands in memory, asked before the disk was read, is newer where both have it waiting.
void take_place(Standing& standing, const QueueCore::Place& place);

}  // namespace trunkline::queue
