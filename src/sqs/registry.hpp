#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/sent.hpp"
#include "sqs/definition.hpp"
#include "sqs/queues.hpp"

namespace trunkline::sqs {

// Runs a task on the one thread that changes queues, which may wait for the disk; false where it is not taken, and will not
// run. Any thread.
using Work = std::function<bool(base::Task)>;

// The queues that were made through the API. What is said of them is the engine's state, their messages are in queues
// of the engine's own; both are on disk when a change is answered. A queue is there from its definition on: where a
// crash comes between the two, the next start declares what is defined, and removes what is not.
//
// all() and find(): any thread. Everything else waits for the disk, and is called by one thread at a time, which is
// none of the engine's loops.
class Registry {
 public:
  // A queue costs a cursor record, memory, and a share of every look at the log. Half of what the engine takes.
  static constexpr std::size_t kQueuesMax = 500;
  static constexpr std::string_view kOwner = "sqs/queues";  // of the state

  // `loop` is one of the engine's, for its answers.
  Registry(engine::Engine& engine, base::Loop& loop, const base::Clock& clock);

  // Whether a queue of the engine is one of this registry's, defined or not.
  static bool owns(std::string_view engine_queue) { return engine_queue.starts_with(engine::kSentPrefix); }
  // Once, at the start; `stored` are all queues that the engine has on disk.
  base::Result<void> open(const std::vector<engine::QueueSpec>& stored);

  std::vector<Queue> all() const;
  std::optional<Queue> find(std::string_view name) const;

  // Errc::conflict: there is one of that name. Errc::overloaded: kQueuesMax.
  base::Result<Queue> create(Definition definition);
  // `change` makes of the definition what it is to be; a fault of it changes nothing. Errc::not_found.
  using Change = std::function<std::optional<Fault>(Definition&)>;
  base::Result<std::optional<Fault>> change(const std::string& name, const Change& change);
  // All its messages go, those in flight and what is known of its deduplication ids, too. Errc::not_found;
  // Errc::conflict: it was purged within kPurgeEvery.
  static constexpr base::Millis kPurgeEvery = std::chrono::seconds(60);
  base::Result<void> purge(const std::string& name);
  // With all its messages. Errc::not_found.
  base::Result<void> remove(const std::string& name);

 private:
  base::Result<void> write(const std::string& name, std::optional<std::string> bytes);
  base::Result<Queue> declare(Definition definition);
  base::Result<void> remove_left(const std::string& name);
  void put(const Queue& queue);
  void erase(const std::string& name);

  engine::Engine& engine_;
  base::Loop& loop_;
  const base::Clock& clock_;
  mutable std::mutex mutex_;  // guards the map; taken for a look-up
  std::map<std::string, Queue, std::less<>> queues_;
  std::map<std::string, base::WallTime> purged_;  // when last; those of the last minute
  std::map<std::string, base::QueueId> left_;     // removals that failed halfway: nobody must find their messages again
};

}  // namespace trunkline::sqs
