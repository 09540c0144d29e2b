#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "migrate/destination.hpp"
#include "migrate/origin.hpp"
#include "migrate/survey.hpp"

// Carries what an engine holds to another one: everything that some queue is not done with, in its place, and what is
// needed to know its repeats. May be killed at any time and begun again: how far it has come is in the destination's
// state, behind what it covers; events that were stored and not covered are found by their identities. An event without
// any goes alone, so that at most one is there twice after a kill.
namespace trunkline::migrate {

struct Plan {
  std::vector<engine::QueueSpec> queues;  // of the configuration, those that go
  Survey survey;                          // of the origin
  base::WallTime settled_from;            // since when settled events are carried
  std::string origin_name;                // for the marks: "the data directory /var/lib/trunkline"
  std::string destination_name;
};

struct Step {
  enum class Kind : std::uint8_t { events, quarantine, state, finish };
  Kind kind = Kind::events;
  std::uint64_t done = 0;
  std::uint64_t all = 0;
};
struct RunOptions {
  std::size_t batch = 200;  // events
  std::size_t batch_bytes = 8 << 20;
  std::function<void(const Step&)> on_step;
};

// Errc::conflict: one of the two has part in another migration, or the destination has events of its own.
base::Result<void> run(Origin& origin, Destination& destination, Origin& destination_as_origin, const Plan& plan,
                       const RunOptions& options, const base::Clock& clock);
// After run(): both sides are marked as what they are now. The destination may be served.
base::Result<void> complete(Origin& origin, Destination& destination, const Plan& plan, const base::Clock& clock);
// The origin may be served again, and the destination may not.
base::Result<void> undo(Origin& origin, Destination& destination, const base::Clock& clock);
// Whether a migration to this destination has been completed.
base::Result<bool> is_complete(Origin& origin, Destination& destination);

}  // namespace trunkline::migrate
