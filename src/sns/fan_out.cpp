#include "sns/fan_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "sns/dead_letter.hpp"
#include "sns/http_message.hpp"
#include "sqs/definition.hpp"
#include "sqs/sending.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sns {
namespace {

constexpr std::size_t kRawAttributesMax = 10;  // SQS's own

class Copies {
 public:
  Copies(const Call& call, const TopicState& state, const Publication& publication)
      : call_(call), state_(state), publication_(publication), arn_(call.topic_arn(state.topic.name)) {}

  void deliver(const Subscription& subscription) {
    if (subscription.http()) return add_http(subscription);
    const auto queue = call_.context.queues.find(sqs::queue_in_arn(subscription.endpoint));
    sqs::SentMessage message = message_for(subscription);
    const auto refusal = refused(subscription, queue, message);
    if (!refusal) return add(*queue, message);
    const auto queue_of_dead = subscription.dead_letter_queue.empty()
                                   ? std::nullopt
                                   : call_.context.queues.find(subscription.dead_letter_queue);
    if (!queue_of_dead) return lost(subscription, *refusal);
    auto dead = dead_letter(std::move(message), *refusal, call_.request_id, *queue_of_dead);
    if (!dead) return lost(subscription, *refusal);
    add(*queue_of_dead, *dead);
  }

  std::size_t bytes() const { return out_.bytes; }
  FanOut take() { return std::move(out_); }

 private:
  std::optional<Refusal> refused(const Subscription& subscription, const std::optional<sqs::Queue>& queue,
                                 const sqs::SentMessage& message) const {
    if (!queue)
      return Refusal{"AWS.SimpleQueueService.NonExistentQueue",
                     "The specified queue does not exist for this wsdl version."};
    if (subscription.raw() && message.attributes.size() > kRawAttributesMax)
      return Refusal{"InvalidParameterValue",
                     fmt::format("Number of message attributes [{}] exceeds the allowed maximum [{}].",
                                 message.attributes.size(), kRawAttributesMax)};
    const auto most = static_cast<std::size_t>(queue->definition->number("MaximumMessageSize"));
    if (sqs::message_bytes(message) > most)
      return Refusal{"InvalidParameterValue", fmt::format("One or more parameters are invalid. Reason: Message must be "
                                                          "shorter than {} bytes.",
                                                          most)};
    return std::nullopt;
  }

  sqs::SentMessage message_for(const Subscription& subscription) {
    sqs::SentMessage message;
    if (subscription.raw()) {
      message.body = publication_.message;
      message.attributes = publication_.attributes;
      std::erase_if(message.attributes, [](const sqs::MessageAttribute& each) { return is_for_phones(each.name); });
    } else {
      message.body = envelope_for(subscription);
    }
    message.group = publication_.group;
    message.sender = "sns.amazonaws.com";
    return message;
  }

  std::string envelope_for(const Subscription& subscription) {
    return envelope(publication_, publication_.message_for(subscription.protocol), arn_,
                    signature(subscription.protocol),
                    fmt::format("{}/?Action=Unsubscribe&SubscriptionArn={}&Version=2010-03-31", call_.origin,
                                call_.subscription_arn(subscription)));
  }

  // Once for all subscriptions of one protocol: what is of one of them is not signed.
  const Signature& signature(const std::string& protocol) {
    Signature& made = signatures_[protocol];
    if (made.version == 0 && !state_.topic.fifo())
      made = call_.sign(state_.topic, text_to_sign(publication_, publication_.message_for(protocol), arn_));
    return made;
  }

  // Its queue has no other bound than the disk's; the endpoint's answers come later.
  void add_http(const Subscription& subscription) {
    if (subscription.stage != Stage::confirmed) return;
    HttpMessage message{std::string(kNotification), publication_.id, {}, subscription.raw()};
    if (message.raw) {
      message.body = publication_.message_for(subscription.protocol);
      message.attributes = publication_.attributes;
    } else {
      message.body = envelope_for(subscription);
    }
    engine::PublishEntry entry = publish_entry(subscription, message, publication_.at);
    out_.bytes += entry.event.raw.size();
    out_.items.emplace_back(std::move(entry));
  }

  void add(const sqs::Queue& queue, sqs::SentMessage& message) {
    if (queue.fifo()) message.deduplication_id = publication_.deduplication_id;
    const base::Millis delay =
        queue.fifo() ? base::Millis(0) : std::chrono::seconds(queue.definition->number("DelaySeconds"));
    if (delay.count() > 0 && call_.context.engine.statistics(queue.id).backing_off >= sqs::kDelayedMax)
      out_.throttled = true;
    engine::PublishEntry entry = sqs::publish_entry(queue, message, delay, publication_.at);
    // A queue of FIFO keeps its own, by the same id.
    if (!queue.fifo() && state_.topic.fifo())
      entry.event.envelope_identity = identity(state_.topic, std::to_string(queue.id.value), publication_);
    out_.bytes += entry.event.raw.size();
    out_.items.emplace_back(std::move(entry));
  }

  // The first of them, then as often as their number doubles.
  void lost(const Subscription& subscription, const Refusal& refusal) const {
    const std::uint64_t count = ++call_.context.undelivered;
    if (!std::has_single_bit(count)) return;
    base::log::warn("a notification reaches no queue", "subscription", call_.subscription_arn(subscription), "code",
                    refusal.code, "so far", count);
  }

  const Call& call_;
  const TopicState& state_;
  const Publication& publication_;
  const std::string arn_;
  std::map<std::string, Signature> signatures_;  // by protocol
  FanOut out_;
};

}  // namespace

FanOut fan_out(const Call& call, const TopicState& state, const Publication& publication) {
  Copies copies(call, state, publication);
  for (const auto& [id, subscription] : state.subscriptions) {
    if (copies.bytes() > kCopiesBytesMax) break;
    if (accepts(*subscription, publication)) copies.deliver(*subscription);
  }
  return copies.take();
}

base::Hash128 identity(const Topic& topic, std::string_view scope, const Publication& publication) {
  const std::string_view group = topic.deduplicates_per_group() ? std::string_view(publication.group) : "";
  const std::string hash =
      base::sha256(fmt::format("sns {} {} {} {}", topic.id, scope, group, publication.deduplication_id));
  base::Hash128 out{};
  std::copy_n(hash.begin(), out.size(), out.begin());
  return out;
}

}  // namespace trunkline::sns
