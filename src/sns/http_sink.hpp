#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "delivery/random.hpp"
#include "delivery/sink.hpp"
#include "engine/engine.hpp"
#include "net/http_client.hpp"
#include "sns/http_message.hpp"
#include "sns/registry.hpp"
#include "sqs/registry.hpp"

namespace trunkline::sns {

// What all HTTP endpoints of a hub share.
struct HttpSinkOptions {
  net::AddressPolicy addresses{};
  std::string ca_file{};   // PEM; empty: the system's
  std::string arn_head{};  // "arn:aws:sns:us-east-1:000000000000:"
};

// Posts the messages of one subscription to its endpoint, one by one, as SNS does: with its headers, and within 15 s. A 2xx is
// the only success. What fails is tried again by the delivery policy of the time; other 4xx than 429 fail for good, as on AWS.
// What has failed for good goes to the dead-letter queue of the subscription, which is on disk before the message is settled;
// without such a queue it is lost, which is logged and counted. A message of a subscription that is gone is settled.
//
// Each message stands for itself: an outage of the endpoint is not told from bad messages, since the policy says how often
// and for how long each is tried. As a delivery::Sink on the loop of the subscription's queue.
class HttpSink final : public delivery::Sink {
 public:
  // The registries, the engine and `lost` must outlive the loop.
  HttpSink(std::string topic, std::string subscription, net::IoLoop& loop, const Registry& topics,
           const sqs::Registry& queues, engine::Engine& engine, HttpSinkOptions options,
           std::atomic<std::uint64_t>& lost);

  delivery::SinkLimits limits() const override;
  void send(delivery::Batch batch, base::UniqueFunction<void(delivery::BatchVerdict)> done) override;

  // Deliveries under way of one endpoint: hides 50 ms of latency at 100 a second.
  static constexpr std::size_t kConcurrency = 8;

 private:
  struct Sending;
  using SendingPtr = std::shared_ptr<Sending>;
  net::ClientRequest request_of(const Sending& sending) const;
  void answered(const SendingPtr& sending, const base::Result<net::ClientResponse>& answer);
  void give_up(const SendingPtr& sending, std::string code, std::string detail);
  void lose(const SendingPtr& sending, const std::string& code);

  const std::string topic_;
  const std::string subscription_;
  net::IoLoop& loop_;
  const Registry& topics_;
  const sqs::Registry& queues_;
  engine::Engine& engine_;
  const HttpSinkOptions options_;
  std::atomic<std::uint64_t>& lost_;
  net::HttpClient client_;
  delivery::Random random_;  // of the jitter
};

}  // namespace trunkline::sns
