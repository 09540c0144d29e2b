#include "sinks/kafka_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/text.hpp"
#include "sinks/bulk_document.hpp"
#include "sinks/detail.hpp"
#include "sinks/kafka_verdict.hpp"
#include "sinks/record_members.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;

constexpr std::size_t kBatchMessagesMax = 10'000;
constexpr std::size_t kBatchBytesMax = 64 << 20;
constexpr std::size_t kTopicBytesMax = 249;  // Kafka's bound

}  // namespace

Result<void> validate(const KafkaOptions& o) {
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (o.topic.empty() || o.topic.size() > kTopicBytesMax || !std::ranges::all_of(o.topic, is_name))
    return {Errc::invalid, "topic must have 1 to 249 letters, digits, '.', '_' or '-'"};
  if (o.batch_messages_max < 1 || o.batch_messages_max > kBatchMessagesMax)
    return {Errc::invalid, fmt::format("batch messages must be 1 to {}", kBatchMessagesMax)};
  if (o.batch_bytes_max < 1 || o.batch_bytes_max > kBatchBytesMax)
    return {Errc::invalid, "batch bytes must be 1 to 64 MiB"};
  return {};
}

Result<std::unique_ptr<KafkaSink>> KafkaSink::make(KafkaOptions options, Renderer renderer,
                                                   std::unique_ptr<MessageSender> sender) {
  TRUNKLINE_TRY_VOID(validate(options));
  Renderer body = renderer_for(options.body, std::move(renderer));
  return std::unique_ptr<KafkaSink>(new KafkaSink(std::move(options), std::move(body), std::move(sender)));
}

KafkaSink::KafkaSink(KafkaOptions options, Renderer renderer, std::unique_ptr<MessageSender> sender)
    : options_(std::move(options)),
      renderer_(std::move(renderer)),
      sender_(std::move(sender)),
      secrets_(std::make_shared<const std::vector<std::string>>(options_.secrets)) {}

delivery::SinkLimits KafkaSink::limits() const {
  return {options_.batch_messages_max, options_.batch_bytes_max};
}

kafka::Message KafkaSink::message_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const {
  const engine::Record& record = *message.record;
  const event::Event& event = record.event;
  kafka::Message out;
  out.key = event::group_text(event, options_.order);
  out.value = renderer_(record);
  const auto add = [&](std::string_view name, std::string value) {
    if (!value.empty()) out.headers.emplace_back(name, std::move(value));
  };
  add("trunkline-id", document_id(record));
  add("trunkline-sequence", std::to_string(record.sequence.value));
  add("trunkline-consumer", batch.consumer);
  add("trunkline-occurred-at", base::format_time(happened_at(record)));
  if (message.gap_before) add("trunkline-gap-before", std::to_string(message.gap_before->value));
  if (message.redriven) add("trunkline-redriven", "true");
  if (message.order != 0) add("trunkline-order", std::to_string(message.order));
  if (message.late) add("trunkline-late", "true");
  if (message.edited) add("trunkline-edited", "true");
  if (message.replay) add("trunkline-replay", std::to_string(message.replay->value));
  add("trunkline-mapping", batch.mapping);
  add("eventType", event.event_type);
  add("eventCategory", event.category);
  add("orgId", event.org_id);
  add("conversationId", event.conversation_id);
  add("userId", event.user_id);
  add("queueId", event.queue_id);
  add("mediaType", event.media_type);
  return out;
}

void KafkaSink::send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) {
  std::vector<kafka::Message> messages;
  for (std::size_t i = 0; i < batch.messages.size(); ++i) {
    messages.push_back(message_of(batch.messages[i], batch));
    if (!batch.lanes.empty()) messages.back().lane = batch.lanes[i];
  }
  // Nothing of this object: the answer may come after it has gone.
  sender_->produce(std::move(messages),
                   [secrets = secrets_, done = std::move(done)](const kafka::Producer::Outcome& outcome) mutable {
                     done(kafka_verdict(outcome, *secrets));
                   });
}

void KafkaSink::probe(base::UniqueFunction<void(Result<std::string>)> done) {
  sender_->look([target = options_.target, topic = options_.topic, secrets = secrets_,
                 done = std::move(done)](const kafka::Producer::Look& looked) mutable {
    if (const auto* failure = std::get_if<kafka::Failure>(&looked)) {
      return done(base::Error{
          Errc::unavailable,
          detail_text(
              fmt::format("{}: {}; look whether the brokers run, and at brokers, user, password and tls of the sink",
                          target, failure->detail),
              *secrets)});
    }
    const auto& found = std::get<kafka::Found>(looked);
    if (!found.partitions) {
      return done(
          base::Error{Errc::not_found, fmt::format("{} has {} brokers, but no topic '{}' that this user sees; make "
                                                   "it, or let this user describe it",
                                                   target, found.brokers, topic)});
    }
    done(fmt::format("{} has {} brokers, the topic {} partitions", target, found.brokers, *found.partitions));
  });
}

}  // namespace trunkline::sinks
