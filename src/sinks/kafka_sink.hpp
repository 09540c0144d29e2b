#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "delivery/sink.hpp"
#include "event/event.hpp"
#include "sinks/message_sender.hpp"
#include "sinks/render.hpp"

namespace trunkline::sinks {

struct KafkaOptions {
  std::string target;  // "kafka://a:9092/topic", for people
  std::string topic;
  Body body = Body::enriched;
  event::Order order = event::Order::none;  // of the consumer's queue: what a lane, and so a key, is
  std::vector<std::string> secrets{};       // shown nowhere
  std::size_t batch_messages_max = 1'000;
  std::size_t batch_bytes_max = 4 << 20;  // of events before rendering
};

// Errc::invalid names the option.
base::Result<void> validate(const KafkaOptions& options);

// Writes events to a topic of Kafka. The key of a record is its lane, so that a lane is in one partition, in order; a consumer
// without order has no keys. What the reports mean is in kafka_verdict.hpp. Headers, without the empty ones:
//
//  trunkline-id          the same for the same event over all repeats: by it a reader drops what it has seen
//  trunkline-sequence    the event's place in the hub's log
//  trunkline-consumer, trunkline-occurred-at (RFC 3339), trunkline-gap-before, -redriven, -order, -late, -edited, -replay,
//  -mapping              as a webhook's
//  eventType, eventCategory, orgId, conversationId, userId, queueId, mediaType
//                        as in filter policies
class KafkaSink final : public delivery::Sink {
 public:
  // `renderer` makes enriched bodies.
  static base::Result<std::unique_ptr<KafkaSink>> make(KafkaOptions options, Renderer renderer,
                                                       std::unique_ptr<MessageSender> sender);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;
  // Asks for the cluster's topics, and makes none.
  void probe(base::UniqueFunction<void(base::Result<std::string>)> done) override;

 private:
  KafkaSink(KafkaOptions options, Renderer renderer, std::unique_ptr<MessageSender> sender);
  kafka::Message message_of(const engine::LeasedMessage& message, const delivery::Batch& batch) const;

  const KafkaOptions options_;
  const Renderer renderer_;
  const std::unique_ptr<MessageSender> sender_;
  // Shared with the answers that are still to come, which may outlive the sink.
  const std::shared_ptr<const std::vector<std::string>> secrets_;
};

}  // namespace trunkline::sinks
