#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.hpp"
#include "kafka/producer.hpp"
#include "sinks/shadow.hpp"

namespace trunkline::sinks {

// What the Kafka sink needs of a producer, so that tests can play the cluster and a shadow sends nothing. As
// kafka::Producer; loop thread only; callbacks run later on the loop, exactly once.
class MessageSender {
 public:
  virtual ~MessageSender() = default;
  virtual void produce(std::vector<kafka::Message> messages, kafka::Producer::Callback done) = 0;
  virtual void look(base::UniqueFunction<void(kafka::Producer::Look)> done) = 0;
};

class ProducerSender final : public MessageSender {
 public:
  explicit ProducerSender(std::unique_ptr<kafka::Producer> producer) : producer_(std::move(producer)) {}
  void produce(std::vector<kafka::Message> messages, kafka::Producer::Callback done) override {
    producer_->produce(std::move(messages), std::move(done));
  }
  void look(base::UniqueFunction<void(kafka::Producer::Look)> done) override { producer_->look(std::move(done)); }

 private:
  const std::unique_ptr<kafka::Producer> producer_;
};

// Keeps what it would have sent, one request for each message, and says that it was acknowledged.
class ShadowMessageSender final : public MessageSender {
 public:
  ShadowMessageSender(base::Loop& loop, std::shared_ptr<ShadowLog> log, std::string target)
      : loop_(loop), log_(std::move(log)), target_(std::move(target)) {}
  void produce(std::vector<kafka::Message> messages, kafka::Producer::Callback done) override;
  void look(base::UniqueFunction<void(kafka::Producer::Look)> done) override;

 private:
  base::Loop& loop_;
  const std::shared_ptr<ShadowLog> log_;  // shared with who shows it
  const std::string target_;
};

}  // namespace trunkline::sinks
