#pragma once

#include "api/hub.hpp"
#include "sqs/queues.hpp"

namespace trunkline::app {

// The hub's consumers without a sink, as queues of the SQS API.
class SqsQueues final : public sqs::Queues {
 public:
  explicit SqsQueues(api::Hub& hub) : hub_(hub) {}

  std::vector<sqs::Queue> all() override {
    std::vector<sqs::Queue> queues;
    for (const api::ConsumerInfo& consumer : hub_.consumers()) {
      if (consumer.spec.pulled) queues.push_back(queue_of(consumer));
    }
    return queues;
  }
  std::optional<sqs::Queue> find(std::string_view consumer) override {
    const auto found = hub_.consumer(consumer);
    if (!found || !found->spec.pulled) return std::nullopt;
    return queue_of(*found);
  }
  engine::Engine& engine() override { return hub_.engine(); }

 private:
  static sqs::Queue queue_of(const api::ConsumerInfo& consumer) {
    return {consumer.name, consumer.queue, consumer.spec, consumer.paused, consumer.mapping};
  }

  api::Hub& hub_;
};

}  // namespace trunkline::app
