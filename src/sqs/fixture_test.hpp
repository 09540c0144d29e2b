#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <atomic>

#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "json/document.hpp"
#include "net/http_connection.hpp"
#include "net/http_server.hpp"
#include "net/io_loop.hpp"
#include "net/raw_client_test.hpp"
#include "queue/embedded_fixture.hpp"
#include "sqs/service.hpp"

namespace trunkline::sqs::testing {

using queue::MovableClock;

class FakeQueues final : public Queues {
 public:
  explicit FakeQueues(engine::Engine& engine) : engine_(engine) {}
  std::vector<Queue> all() override {
    const std::scoped_lock lock(mutex_);
    return list_;
  }
  std::optional<Queue> find(std::string_view consumer) override {
    const std::scoped_lock lock(mutex_);
    for (const Queue& queue : list_)
      if (queue.consumer == consumer) return queue;
    return std::nullopt;
  }
  engine::Engine& engine() override { return engine_; }
  void put(const Queue& queue) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(list_, [&](const Queue& each) { return each.consumer == queue.consumer; });
    list_.push_back(queue);
  }

 private:
  engine::Engine& engine_;
  std::mutex mutex_;
  std::vector<Queue> list_;
};

// The service on port 0 over a real engine, with two loops, so that requests meet queues of another loop.
class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    std::string directory = (std::filesystem::temp_directory_path() / "trunkline-sqs-XXXXXX").string();
    TRUNKLINE_CHECK(::mkdtemp(directory.data()) != nullptr, "a temporary directory");
    directory_ = directory;
    open();
  }
  void open() {
    for (const char* name : {"sqs-0", "sqs-1", "sqs-client", "sqs-work"})
      loops_.push_back(std::make_unique<net::IoLoop>(name));
    queue::EmbeddedOptions options;
    options.directory = directory_;
    options.min_free = 0;
    engine_ = queue::EmbeddedEngine::open(std::move(options), {loops_[0].get(), loops_[1].get()}, clock_).value();
    queues_ = std::make_unique<FakeQueues>(*engine_);
    for (const auto& loop : loops_) loop->start();
    registry_ = std::make_unique<Registry>(*engine_, *loops_[0], clock_);
    const auto opened = registry_->open(engine_->stored_queues().value());
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
  }
  void close() {
    engine_->stop();
    for (const auto& loop : loops_) loop->stop();
    for (const auto& loop : loops_) loop->join();
    connection_.reset();
    server_.reset();
    service_.reset();
    registry_.reset();
    engine_.reset();
    loops_.clear();
  }
  // Ends all and begins anew on the same data. Queues that add() made are to be added again.
  void restart_unsigned() {
    close();
    open();
    start_unsigned();
  }
  void start(ServiceOptions options) {
    const auto work = [this](base::Task task) {
      loops_[3]->post(std::move(task));
      return true;
    };
    service_ = std::make_unique<Service>(*queues_, *registry_, work, std::move(options), clock_);
    ASSERT_TRUE(service_->open().ok());
    server_ = std::make_unique<net::HttpServer>(
        std::vector<net::IoLoop*>{loops_[0].get(), loops_[1].get()}, net::HttpServerOptions{},
        [this](net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
          service_->handle(loop, std::move(request), std::move(respond));
          handled_.fetch_add(1);
        });
    port_ = server_->listen("127.0.0.1:0").value();
  }
  void start_unsigned() {
    ServiceOptions options;
    options.keys = net::AwsKeys::unchecked();
    start(std::move(options));
  }
  void TearDown() override {
    close();
    std::filesystem::remove_all(directory_);
  }

  Queue add(const std::string& consumer, event::Order order, std::uint32_t max_receives = 0) {
    Queue queue;
    queue.consumer = consumer;
    queue.spec.name = consumer;
    queue.spec.order = order;
    queue.spec.pulled = true;
    queue.spec.max_receive_count = max_receives;
    queue.id = engine_->declare(queue.spec).value();
    queues_->put(queue);
    return queue;
  }
  // In one commit. The sequence of the last one.
  std::uint64_t publish(const Queue& queue, const std::string& conversation,
                        const std::vector<std::string>& bodies = {"{}"}) {
    std::vector<engine::PublishItem> items;
    for (const std::string& raw : bodies) {
      engine::PublishEntry entry;
      entry.event.raw = raw;
      entry.event.envelope_id = "event-" + std::to_string(++events_);
      entry.event.topic_name = "v2.test." + conversation;
      entry.event.event_type = "v2.test.{id}";
      entry.event.category = "conversation";
      entry.event.org_id = "org";
      entry.event.conversation_id = conversation;
      entry.source_name = "genesys";
      entry.routes = {queue.id};
      items.push_back(std::move(entry));
    }
    std::promise<std::uint64_t> promise;
    engine_->publish(
        std::move(items), engine_->loop_of(queue.id),
        [&](const std::vector<engine::PublishResult>& results) { promise.set_value(results.back().sequence); });
    return promise.get_future().get();
  }
  std::uint64_t publish(const Queue& queue, const std::string& conversation, const std::string& raw) {
    return publish(queue, conversation, std::vector<std::string>{raw});
  }

  net::ClientResponse call(const std::string& method, const std::string& target, const std::string& body,
                           const net::Headers& headers) {
    std::promise<base::Result<net::ClientResponse>> promise;
    loops_[2]->post([&] {
      if (!connection_) connection_ = std::make_unique<net::HttpConnection>(*loops_[2], "127.0.0.1", port_);
      connection_->send(net::request_bytes(method, target, "hub.example:9324", headers, body), std::chrono::seconds(30),
                        [&](base::Result<net::ClientResponse> answer) { promise.set_value(std::move(answer)); });
    });
    auto answer = promise.get_future().get();
    if (!answer.ok()) return {0, {}, answer.error().detail};
    return std::move(answer).value();
  }
  net::ClientResponse json(const std::string& operation, const std::string& body) {
    return call("POST", "/", body,
                {{"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", "AmazonSQS." + operation}});
  }
  net::ClientResponse form(const std::string& body, const std::string& target = "/") {
    return call("POST", target, body, {{"Content-Type", "application/x-www-form-urlencoded"}});
  }
  static std::string url(const std::string& name) { return "http://hub.example:9324/000000000000/" + name; }
  // `rest` is further members: `,"MaxNumberOfMessages":10`.
  net::ClientResponse on(const std::string& operation, const std::string& queue, const std::string& rest = "") {
    return json(operation, R"({"QueueUrl":")" + url(queue) + "\"" + rest + "}");
  }

  struct Got {
    std::string id;
    std::string handle;
    std::string body;
    std::string group;
    std::string count;
  };
  static std::vector<Got> messages(const net::ClientResponse& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<Got> out;
    json::Document document;
    const auto root = document.parse(answer.body);
    if (!root.ok() || !root->find("Messages")) return out;
    for (auto message = root->find("Messages")->first(); message; message = message->next()) {
      Got got{std::string(message->string_at("MessageId")), std::string(message->string_at("ReceiptHandle")),
              std::string(message->string_at("Body")), "", ""};
      if (const auto attributes = message->find("Attributes")) {
        got.group = attributes->string_at("MessageGroupId");
        got.count = attributes->string_at("ApproximateReceiveCount");
      }
      out.push_back(std::move(got));
    }
    return out;
  }
  std::vector<Got> receive(const std::string& queue, const std::string& rest = "") {
    return messages(on("ReceiveMessage", queue, R"(,"WaitTimeSeconds":20,"AttributeNames":["All"])" + rest));
  }
  // Bodies in the order in which they come; each is deleted.
  std::vector<std::string> drain(const std::string& queue, std::size_t count) {
    std::vector<std::string> bodies;
    while (bodies.size() < count) {
      const auto got = receive(queue, R"(,"MaxNumberOfMessages":10)");
      if (got.empty()) break;
      for (const Got& each : got) {
        bodies.push_back(each.body);
        EXPECT_EQ(on("DeleteMessage", queue, R"(,"ReceiptHandle":")" + each.handle + "\"").status, 200);
      }
    }
    return bodies;
  }
  std::vector<Got> receive_at_once(const std::string& queue) { return messages(on("ReceiveMessage", queue)); }
  static std::string header(const net::ClientResponse& answer, std::string_view name) {
    return std::string(net::find_header(answer.headers, name).value_or(""));
  }

  // Creates a queue through the API; `attributes` are members of the JSON object.
  net::ClientResponse create(const std::string& name, const std::string& attributes = "") {
    return json("CreateQueue", R"({"QueueName":")" + name + R"(","Attributes":{)" + attributes + "}}");
  }
  // What a text member of the answer says.
  static std::string text_in(const net::ClientResponse& answer, std::string_view name) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    json::Document document;
    const auto root = document.parse(answer.body);
    return root.ok() ? std::string(root->string_at(name)) : std::string();
  }

  MovableClock clock_;
  std::string directory_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::atomic<int> handled_{0};  // requests that the service has begun
  std::unique_ptr<queue::EmbeddedEngine> engine_;
  std::unique_ptr<FakeQueues> queues_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpConnection> connection_;
  std::uint16_t port_ = 0;
  int events_ = 0;
};

// Queues that clients make, and what they send to them.
class MadeQueues : public ServiceTest {
 protected:
  void SetUp() override { start_unsigned(); }
  net::ClientResponse send(const std::string& queue, const std::string& body, const std::string& rest = "") {
    return on("SendMessage", queue, R"(,"MessageBody":")" + body + "\"" + rest);
  }
  static std::string fifo(const std::string& group, const std::string& id) {
    return R"(,"MessageGroupId":")" + group + R"(","MessageDeduplicationId":")" + id + "\"";
  }
  // A member of "Attributes".
  static std::string redrive_policy(const std::string& target, int count) {
    return R"("RedrivePolicy":"{\"maxReceiveCount\":)" + std::to_string(count) +
           R"(,\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:)" + target + R"(\"}")";
  }
  std::string attribute(const std::string& queue, const std::string& name) {
    const auto answer = on("GetQueueAttributes", queue, R"(,"AttributeNames":[")" + name + "\"]");
    json::Document document;
    const auto root = document.parse(answer.body);
    const auto attributes = root.ok() ? root->find("Attributes") : std::nullopt;
    return attributes ? std::string(attributes->string_at(name)) : std::string();
  }
};

}  // namespace trunkline::sqs::testing
