#include "sns/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::sns {

using base::Errc;
using base::Result;

namespace {

// A state's value has 64 KiB at most, a filter policy 256 KiB, twice that where all of it is escaped: what is longer lies
// in several keys.
constexpr std::size_t kPieceBytes = 60'000;
constexpr std::size_t kPiecesMax = 16;

std::string topic_key(std::string_view name) {
  return fmt::format("topic/{}", name);
}
std::string piece_key(std::string_view topic, std::string_view id, std::size_t piece) {
  return fmt::format("sub/{}/{}/{:x}", topic, id, piece);
}

std::size_t pieces_of(std::size_t bytes) {
  return (bytes + kPieceBytes - 1) / kPieceBytes;
}

Fault no_topic() {
  return {Code::not_found, "Topic does not exist"};
}
Fault no_subscription() {
  return {Code::not_found, "Subscription does not exist"};
}

}  // namespace

Registry::Registry(engine::Engine& engine, base::Loop& loop, const base::Clock& clock)
    : engine_(engine), loop_(loop), clock_(clock) {}

Result<void> Registry::open(const std::vector<engine::QueueSpec>& stored) {
  TRUNKLINE_TRY(const auto texts, engine_.list_state(std::string(kOwner)));
  std::map<std::string, TopicState> states;
  std::map<std::string, std::string> subscriptions;  // their pieces put together, by key without the piece
  for (const auto& [key, text] : texts) {
    if (key.starts_with("sub/")) {
      subscriptions[key.substr(0, key.rfind('/'))] += text;  // in the order of pieces: one hexadecimal digit
      continue;
    }
    TRUNKLINE_TRY(Topic topic, decode_topic(text));
    const std::string name = topic.name;
    states[name].topic = std::move(topic);
  }
  for (const auto& [key, text] : subscriptions) {
    TRUNKLINE_TRY(Subscription subscription, decode_subscription(text));
    const auto topic = states.find(subscription.topic);
    if (topic == states.end()) return {Errc::corrupt, "a stored subscription of the SNS API has no topic"};
    bytes_[subscription.id] = text.size();
    if (subscription.http()) TRUNKLINE_TRY_VOID(declare(subscription));
    const std::string id = subscription.id;
    topic->second.subscriptions[id] = std::make_shared<const Subscription>(std::move(subscription));
  }
  for (auto& [name, state] : states) put(std::move(state));
  TRUNKLINE_TRY_VOID(forget(clock_.wall()));
  TRUNKLINE_TRY_VOID(remove_left(stored));
  TRUNKLINE_TRY(const auto keys, engine_.list_state(std::string(kKeyOwner)));
  if (keys.empty()) return {};
  TRUNKLINE_TRY(auto signer, Signer::open(keys.begin()->second));
  const std::scoped_lock lock(mutex_);
  signer_ = std::move(signer);
  return {};
}

Result<void> Registry::remove_left(const std::vector<engine::QueueSpec>& stored) {
  std::set<std::string> ids;
  for (const TopicPtr& topic : all()) {
    for (const auto& [id, subscription] : topic->subscriptions) ids.insert(id);
  }
  for (const engine::QueueSpec& spec : stored) {
    if (!owns(spec.name) || ids.contains(spec.name.substr(kQueuePrefix.size()))) continue;
    TRUNKLINE_TRY(const base::QueueId id, engine_.declare(spec));
    TRUNKLINE_TRY_VOID(engine_.remove(id));
    base::log::info("the queue of a subscription that is gone is removed", "queue", spec.name);
  }
  return {};
}

Result<void> Registry::declare(Subscription& subscription) {
  engine::QueueSpec spec;
  spec.name = fmt::format("{}{}", kQueuePrefix, subscription.id);
  TRUNKLINE_TRY(subscription.queue, engine_.declare(spec));
  return {};
}

Result<void> Registry::forget(base::WallTime now) {
  for (const TopicPtr& topic : all()) {
    for (const auto& [id, subscription] : topic->subscriptions) {
      if (!subscription->forgotten(now)) continue;
      const Outcome gone = unsubscribe(topic->topic.name, id);
      if (!gone.ok()) return gone.error();
    }
  }
  return {};
}

TopicPtr Registry::find(std::string_view topic) const {
  const std::scoped_lock lock(mutex_);
  const auto found = topics_.find(topic);
  return found == topics_.end() ? nullptr : found->second;
}

std::vector<TopicPtr> Registry::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<TopicPtr> out;
  out.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) out.push_back(topic);
  return out;
}

std::shared_ptr<const Signer> Registry::signer() const {
  const std::scoped_lock lock(mutex_);
  return signer_;
}

void Registry::put(TopicState state) {
  const std::string name = state.topic.name;
  auto shared = std::make_shared<const TopicState>(std::move(state));
  const std::scoped_lock lock(mutex_);
  topics_.insert_or_assign(name, std::move(shared));
}

Result<void> Registry::write(std::string_view owner, Writes writes) {
  return base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine_.update_state(std::string(owner), std::move(writes), loop_, std::move(done));
  });
}

Result<void> Registry::ensure_signer() {
  if (signer()) return {};
  TRUNKLINE_TRY(const std::string pem, Signer::make(clock_.wall()));
  TRUNKLINE_TRY(auto made, Signer::open(pem));
  Writes writes;
  writes.push_back({"1", pem});
  TRUNKLINE_TRY_VOID(write(kKeyOwner, std::move(writes)));
  const std::scoped_lock lock(mutex_);
  signer_ = std::move(made);
  return {};
}

Registry::Outcome Registry::create(Topic topic) {
  if (all().size() >= kTopicsMax)
    return std::optional(Fault{Code::topic_limit, fmt::format("{} topics are the most.", kTopicsMax)});
  TRUNKLINE_TRY_VOID(ensure_signer());
  Writes writes;
  writes.push_back({topic_key(topic.name), encode(topic)});
  TRUNKLINE_TRY_VOID(write(kOwner, std::move(writes)));
  put({std::move(topic)});
  return std::optional<Fault>();
}

Registry::Outcome Registry::change(const std::string& name, const ChangeTopic& change) {
  const TopicPtr found = find(name);
  if (!found) return std::optional(no_topic());
  TopicState next = *found;
  if (auto fault = change(next.topic)) return fault;
  Writes writes;
  writes.push_back({topic_key(name), encode(next.topic)});
  TRUNKLINE_TRY_VOID(write(kOwner, std::move(writes)));
  put(std::move(next));
  return std::optional<Fault>();
}

Registry::Outcome Registry::remove(const std::string& name) {
  const TopicPtr found = find(name);
  if (!found) return std::optional<Fault>();
  Writes writes;
  writes.push_back({topic_key(name), std::nullopt});
  for (const auto& [id, subscription] : found->subscriptions) {
    for (std::size_t i = 0; i < pieces_of(bytes_[id]); ++i) writes.push_back({piece_key(name, id, i), std::nullopt});
  }
  TRUNKLINE_TRY_VOID(write(kOwner, std::move(writes)));
  for (const auto& [id, subscription] : found->subscriptions) bytes_.erase(id);
  const std::scoped_lock lock(mutex_);
  topics_.erase(name);
  return std::optional<Fault>();
}

Registry::Outcome Registry::subscribe(Subscription subscription) {
  const TopicPtr found = find(subscription.topic);
  if (!found) return std::optional(no_topic());
  if (bytes_.size() >= kSubscriptionsMax)
    return std::optional(
        Fault{Code::subscription_limit, fmt::format("{} subscriptions are the most.", kSubscriptionsMax)});
  std::size_t by_http = 0;
  for (const TopicPtr& topic : all())
    by_http += static_cast<std::size_t>(
        std::ranges::count_if(topic->subscriptions, [](const auto& each) { return each.second->http(); }));
  if (subscription.http() && by_http >= kHttpMax)
    return std::optional(
        Fault{Code::subscription_limit, fmt::format("{} subscriptions by HTTP are the most.", kHttpMax)});
  return store(*found, std::move(subscription));
}

Registry::Outcome Registry::change_subscription(const std::string& topic, const std::string& id, const Change& change) {
  const TopicPtr found = find(topic);
  if (!found || !found->subscriptions.contains(id)) return std::optional(no_subscription());
  Subscription next = *found->subscriptions.at(id);
  if (auto fault = change(next)) return fault;
  return store(*found, std::move(next));
}

Registry::Outcome Registry::store(const TopicState& before, Subscription subscription) {
  const std::string id = subscription.id;
  const std::string text = encode(subscription);
  std::size_t policies = subscription.text("FilterPolicy").empty() ? 0 : 1;
  for (const auto& [other, each] : before.subscriptions)
    policies += other != id && !each->text("FilterPolicy").empty() ? 1 : 0;
  std::size_t bytes = text.size();
  for (const auto& [other, size] : bytes_) bytes += other == id ? 0 : size;
  if (!subscription.text("FilterPolicy").empty() && (policies > kPoliciesPerTopicMax || bytes > kSubscriptionBytesMax))
    return std::optional(Fault{Code::filter_policy_limit, "Filter policy limit exceeded"});
  const std::size_t pieces = pieces_of(text.size());
  if (pieces > kPiecesMax) return std::optional(invalid("Attributes Reason: too long"));
  Writes writes;
  for (std::size_t i = 0; i < pieces; ++i)
    writes.push_back({piece_key(subscription.topic, id, i), text.substr(i * kPieceBytes, kPieceBytes)});
  for (std::size_t i = pieces; i < pieces_of(bytes_[id]); ++i)
    writes.push_back({piece_key(subscription.topic, id, i), std::nullopt});
  if (Result<void> written = write(kOwner, std::move(writes)); !written.ok()) {
    if (!before.subscriptions.contains(id)) bytes_.erase(id);
    return written.error();
  }
  bytes_[id] = text.size();
  // Without a queue it gets nothing; the next change, or the next start, tries again.
  Result<void> declared;
  if (subscription.http() && subscription.queue.value == 0) declared = declare(subscription);
  TopicState next = before;
  next.subscriptions[id] = std::make_shared<const Subscription>(std::move(subscription));
  put(std::move(next));
  if (!declared.ok()) return declared.error();
  return std::optional<Fault>();
}

Registry::Outcome Registry::unsubscribe(const std::string& topic, const std::string& id) {
  const TopicPtr found = find(topic);
  if (!found || !found->subscriptions.contains(id)) return std::optional(no_subscription());
  Writes writes;
  for (std::size_t i = 0; i < pieces_of(bytes_[id]); ++i) writes.push_back({piece_key(topic, id, i), std::nullopt});
  TRUNKLINE_TRY_VOID(write(kOwner, std::move(writes)));
  bytes_.erase(id);
  TopicState next = *found;
  next.subscriptions.erase(id);
  put(std::move(next));
  return std::optional<Fault>();
}

}  // namespace trunkline::sns
