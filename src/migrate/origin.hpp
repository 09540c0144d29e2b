#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/adopted.hpp"
#include "engine/engine.hpp"

namespace trunkline::migrate {

struct OriginQueue {
  std::string name;
  event::Order order = event::Order::none;
  bool ordered = false;         // events have an order of their own there, by an event-time window
  std::size_t operations = 0;   // redrives and replays under way
  std::uint64_t in_flight = 0;  // messages that somebody has received, as far as the engine can say
};

// An event and the queues that are not done with it.
struct OpenRoute {
  std::string queue;
  engine::Adopted at;  // with the origin's numbers
};
struct OriginEvent {
  engine::RecordPtr record;  // of the origin
  std::vector<OpenRoute> open;
};

struct Wanted {
  base::Sequence after;         // begin behind this one
  base::WallTime settled_from;  // events that nobody waits for, and that were accepted earlier, are left out
};

// What is to be carried elsewhere. Nobody else changes it meanwhile. Every method waits; not on a loop.
class Origin {
 public:
  using Take = std::function<base::Result<void>(OriginEvent)>;  // an error ends the reading with it
  using TakeState =
      std::function<base::Result<void>(const std::string& owner, const std::string& key, const std::string& bytes)>;

  virtual ~Origin() = default;
  virtual base::Result<std::vector<OriginQueue>> queues() = 0;
  virtual base::Result<void> read(const Wanted& wanted, const Take& take) = 0;  // in order of sequence
  virtual base::Result<std::vector<engine::Quarantined>> quarantine(engine::Page page) = 0;
  virtual base::Result<void> states(const TakeState& take) = 0;  // of every owner
  virtual base::Result<base::Sequence> highest() = 0;            // no number above it has been given
  virtual engine::Engine& engine() = 0;                          // whose state has the marks
};

}  // namespace trunkline::migrate
