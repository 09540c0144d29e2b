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
#include "engine/engine.hpp"
#include "sns/definition.hpp"
#include "sns/signer.hpp"

namespace trunkline::sns {

// A topic with all its subscriptions, as they were at one moment. Immutable.
struct TopicState {
  Topic topic;
  std::map<std::string, std::shared_ptr<const Subscription>> subscriptions{};  // by id
};
using TopicPtr = std::shared_ptr<const TopicState>;

// The topics and subscriptions that clients have made, and the key that signs. They are the engine's state, on disk when a
// change is answered; a topic goes with its subscriptions in one write. A subscription by HTTP has a queue of the engine's,
// from its definition on: where a crash comes between the two, the next start declares what is defined, and removes what is
// not. Of one that goes while the hub runs the queue is to be removed by whoever delivers from it (HttpDeliveries).
//
// find(), all(), signer(): any thread. Everything else waits for the disk, and is called by one thread at a time, which is
// none of the engine's loops.
class Registry {
 public:
  // Each is a few hundred bytes of memory and of the state that is read at the start; what their policies may hold
  // together is bounded as well.
  static constexpr std::size_t kTopicsMax = 1'000;
  static constexpr std::size_t kSubscriptionsMax = 10'000;
  static constexpr std::size_t kPoliciesPerTopicMax = 200;  // AWS's own
  static constexpr std::size_t kSubscriptionBytesMax = 32 << 20;
  // Each costs a queue, of which the engine has a thousand, connections, and a share of every look at the log.
  static constexpr std::size_t kHttpMax = 200;
  static constexpr std::string_view kQueuePrefix = "sns/";  // no consumer of a configuration can be called so
  static constexpr std::string_view kOwner = "sns/topics";  // of the state
  static constexpr std::string_view kKeyOwner = "sns/key";

  // `loop` is one of the engine's, for its answers.
  Registry(engine::Engine& engine, base::Loop& loop, const base::Clock& clock);

  // Whether a queue of the engine is one of this registry's, defined or not.
  static bool owns(std::string_view engine_queue) { return engine_queue.starts_with(kQueuePrefix); }
  // Once, at the start; `stored` are all queues that the engine has on disk.
  base::Result<void> open(const std::vector<engine::QueueSpec>& stored);

  TopicPtr find(std::string_view topic) const;  // null: there is none
  std::vector<TopicPtr> all() const;            // by name
  // The key; null until one has been made.
  std::shared_ptr<const Signer> signer() const;

  // A fault changes nothing.
  using Outcome = base::Result<std::optional<Fault>>;
  Outcome create(Topic topic);  // also makes the key where there is none
  using ChangeTopic = std::function<std::optional<Fault>(Topic&)>;
  Outcome change(const std::string& name, const ChangeTopic& change);
  Outcome remove(const std::string& name);

  Outcome subscribe(Subscription subscription);
  using Change = std::function<std::optional<Fault>(Subscription&)>;
  Outcome change_subscription(const std::string& topic, const std::string& id, const Change& change);
  Outcome unsubscribe(const std::string& topic, const std::string& id);
  // Takes away what nobody has confirmed in time.
  base::Result<void> forget(base::WallTime now);

 private:
  using Writes = std::vector<engine::Engine::StateWrite>;
  base::Result<void> write(std::string_view owner, Writes writes);
  base::Result<void> ensure_signer();
  Outcome store(const TopicState& before, Subscription subscription);
  base::Result<void> declare(Subscription& subscription);
  base::Result<void> remove_left(const std::vector<engine::QueueSpec>& stored);
  void put(TopicState state);

  engine::Engine& engine_;
  base::Loop& loop_;
  const base::Clock& clock_;
  mutable std::mutex mutex_;  // guards the two below; taken for a look-up
  std::map<std::string, TopicPtr, std::less<>> topics_;
  std::shared_ptr<const Signer> signer_;
  std::map<std::string, std::size_t> bytes_;  // of each subscription's state, by id
};

}  // namespace trunkline::sns
