#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/adopted.hpp"
#include "engine/engine.hpp"
#include "migrate/origin.hpp"

namespace trunkline::migrate {

// What an engine cannot hold.
struct Limits {
  std::size_t body_max = SIZE_MAX;
  bool edited = true;  // bodies that an operator has replaced
};

// How far a migration has come, kept in the destination's state.
struct Progress {
  base::Sequence after;  // of the origin: all up to here is carried over
  base::Sequence last;   // of the destination: the highest that an event of it was given
  std::uint64_t events = 0;
};

// Where events are carried to. Every method waits; not on a loop.
class Destination {
 public:
  // `engine` and the loop outlive it; the loop is one of the engine's.
  Destination(engine::Engine& engine, base::Loop& loop) : loop_(loop), engine_(engine) {}
  virtual ~Destination() = default;
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  virtual Limits limits() const = 0;
  // Makes the queues, or finds those that it has made before.
  virtual base::Result<void> declare(const std::vector<engine::QueueSpec>& specs) = 0;
  // Publishes the events in their order and gives them their places; all of it is durable when this returns. What was
  // taken before by a run that was cut off behind `progress` is found by its identities. `progress.last` moves on.
  base::Result<void> take(const std::vector<OriginEvent>& events, Progress& progress);
  base::Result<void> take_quarantined(std::vector<engine::Quarantined> inputs);
  base::Result<void> put_states(const std::string& owner, std::vector<engine::Engine::StateWrite> writes);
  // Everything that was taken stands where its consumers will find it.
  virtual base::Result<void> finish() = 0;

  engine::Engine& engine() { return engine_; }
  const std::map<std::string, base::QueueId>& ids() const { return ids_; }  // after declare()
  // In each queue the last event of the origin that does more than wait. Before the first take().
  void set_last_special(std::map<std::string, base::Sequence> last) { last_special_ = std::move(last); }

 protected:
  // As engine::Engine::publish(), of events that were accepted then: one time for each.
  virtual std::vector<engine::PublishResult> publish_accepted(std::vector<engine::PublishItem> items,
                                                              const std::vector<base::WallTime>& accepted_at) = 0;
  // Events of one publish_accepted().
  virtual std::size_t at_once() const { return SIZE_MAX; }
  // Of one queue, ascending; `through` is the last event of the batch, routed there or not. Repeated after a kill.
  virtual base::Result<void> adopt(const std::string& queue, const std::vector<engine::Adopted>& events,
                                   base::Sequence through) = 0;
  // Whether the queue has an event that does more than wait from `sequence` of the origin on.
  bool has_specials_from(const std::string& queue, base::Sequence sequence) const;

  base::Loop& loop_;
  std::map<std::string, base::QueueId> ids_;

 private:
  base::Result<std::vector<engine::PublishResult>> publish(const std::vector<engine::PublishItem>& items,
                                                           const std::vector<base::WallTime>& accepted_at);
  base::Result<base::Sequence> stored(const OriginEvent& event, const engine::PublishResult& result,
                                      const Progress& before, std::set<base::Sequence>& taken);
  engine::PublishEntry entry_of(const OriginEvent& event) const;

  engine::Engine& engine_;
  std::map<std::string, base::Sequence> last_special_;
  base::Sequence first_here_{};  // the first number that this run was given; 0: none yet
};

}  // namespace trunkline::migrate
