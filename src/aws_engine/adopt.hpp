#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "aws_engine/settle.hpp"
#include "engine/adopted.hpp"

// A migration's way into the table and out of it, while no worker runs. Everything waits; not on the engine's loop.
namespace trunkline::aws_engine {

// Writes what events that have just been published are in a queue, before anybody receives them: a parked one is hidden
// by the first worker that meets it, a skipped one is dropped there. May be repeated. Bodies are the events' own.
base::Result<void> adopt(Cloud& cloud, const QueueInfo& queue, const std::vector<engine::Adopted>& events);

// Entries of the outbox: what has been decided and not been said to SNS or SQS yet.
base::Result<std::uint64_t> count_unsaid(Cloud& cloud);

struct RegisteredQueue {
  base::QueueId id;
  std::string name;
  event::Order order = event::Order::none;
  std::uint64_t in_flight =
      0;  // as SQS says, without parked ones: received by somebody, or waiting for its next attempt
};
base::Result<std::vector<RegisteredQueue>> registered_queues(Cloud& cloud);

// What of an event the table says beside the event itself.
struct StoredEvent {
  base::WallTime accepted_at;
  std::vector<base::QueueId> routes;
  std::vector<engine::Adopted> open;  // without their records
};
// Reads the whole table but the bodies. Errc::overloaded: more than kTableEventsMax events, some 300 bytes of memory each.
constexpr std::size_t kTableEventsMax = 2'000'000;
base::Result<std::map<base::Sequence, StoredEvent>> read_table(Cloud& cloud);
// In their order; null where one has gone meanwhile. Some are read at the same time.
base::Result<std::vector<engine::RecordPtr>> load_records(Cloud& cloud, const std::vector<base::Sequence>& sequences);
// Every owner's state.
using TakeState =
    std::function<base::Result<void>(const std::string& owner, const std::string& key, const std::string& bytes)>;
base::Result<void> read_states(Cloud& cloud, const TakeState& take);

}  // namespace trunkline::aws_engine
