#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aws_engine/aws_engine.hpp"
#include "base/crypto.hpp"
#include "engine/contract_fixture.hpp"
#include "net/http_client.hpp"
#include "net/io_loop.hpp"

// Engines on emulators, which tests/peers/aws_engine and its siblings start and name in the environment.
namespace trunkline::aws_engine::peer {

inline std::string variable(const char* name) {
  const char* given = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? std::string() : given;
}
// Of all three services, where they have none of their own; it also cuts calls when it is asked to, see cut_test.cpp.
inline std::string endpoint() {
  return variable("TRUNKLINE_AWS_ENDPOINT");
}

inline std::optional<std::string> environment(const std::string& name) {
  if (name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY") return "testing";
  return std::nullopt;
}

// A table and names of its own for each test.
inline AwsOptions options() {
  AwsOptions made;
  made.services.endpoint = endpoint();
  made.services.dynamodb_endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB");
  made.services.sns_endpoint = variable("AWS_ENDPOINT_URL_SNS");
  made.services.sqs_endpoint = variable("AWS_ENDPOINT_URL_SQS");
  made.table = "t" + base::hex_encode(base::random_bytes(6));
  made.prefix = made.table;
  made.create_table = true;
  made.queue.push_visibility = std::chrono::seconds(5);
  made.queue.poll_wait = std::chrono::seconds(1);
  return made;
}

// A worker: an engine with loops of its own. Thrown away it gives nothing back when the emulator does not answer.
class Worker {
 public:
  explicit Worker(const AwsOptions& given) {
    std::vector<base::Loop*> loops;
    for (const char* name : {"one", "two"}) {
      loops_.push_back(std::make_unique<net::IoLoop>(name));
      loops_.back()->start();
      loops.push_back(loops_.back().get());
    }
    auto opened = AwsEngine::open(given, loops, environment);
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    if (opened.ok()) engine_ = std::move(*opened);
  }
  ~Worker() {
    if (engine_) engine_->stop();
    for (const auto& loop : loops_) {
      loop->stop();
      loop->join();
    }
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  AwsEngine& engine() { return *engine_; }
  base::Loop& loop() { return *loops_[0]; }

  base::QueueId declare(const std::string& name, event::Order order) {
    engine::QueueSpec spec;
    spec.name = name;
    spec.order = order;
    const auto id = engine_->declare(spec);
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().detail);
    return id.ok() ? *id : base::QueueId{};
  }
  engine::PublishResult publish(event::Event event, std::vector<base::QueueId> routes) {
    std::vector<engine::PublishItem> items;
    items.emplace_back(engine::PublishEntry{std::move(event), "test", std::move(routes), {1}});
    std::promise<std::vector<engine::PublishResult>> answered;
    engine_->publish(std::move(items), loop(),
                     [&](std::vector<engine::PublishResult> results) { answered.set_value(std::move(results)); });
    return answered.get_future().get().at(0);
  }
  std::vector<engine::Lease> receive(base::QueueId queue, std::size_t messages, base::Millis wait) {
    engine::ReceiveLimits limits;
    limits.max_messages = messages;
    limits.max_messages_per_group = 2;
    limits.wait = wait;
    std::promise<base::Result<std::vector<engine::Lease>>> answered;
    engine_->loop_of(queue).post([&, limits] {
      engine_->receive(queue, limits,
                       [&](base::Result<std::vector<engine::Lease>> leases) { answered.set_value(std::move(leases)); });
    });
    auto result = answered.get_future().get();
    return result.ok() ? std::move(*result) : std::vector<engine::Lease>();
  }
  base::Result<void> settle(const engine::Lease& lease, engine::Fate fate) {
    std::vector<engine::MessageFate> fates(lease.messages.size());
    for (engine::MessageFate& each : fates) each.fate = fate;
    std::promise<base::Result<void>> answered;
    engine_->loop_of(lease.queue).post([&, fates] {
      engine_->settle(lease.queue, lease.id, fates, [&](base::Result<void> result) { answered.set_value(result); });
    });
    return answered.get_future().get();
  }

 private:
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<AwsEngine> engine_;
};

// GETs of the emulator's own, by hand.
class Hand {
 public:
  Hand() : loop_("hand") {
    net::HttpClientOptions options;
    options.addresses.allow_loopback = true;
    client_ = std::make_unique<net::HttpClient>(loop_, options);
    loop_.start();
  }
  ~Hand() {
    loop_.stop();
    loop_.join();
  }
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;

  std::string get(const std::string& path) {
    std::promise<std::string> answered;
    loop_.post([&] {
      net::ClientRequest request;
      request.method = "GET";
      request.url = endpoint() + path;
      client_->send(std::move(request), [&](base::Result<net::ClientResponse> response) {
        answered.set_value(response.ok() ? response->body : std::string());
      });
    });
    return answered.get_future().get();
  }

 private:
  net::IoLoop loop_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace trunkline::aws_engine::peer
