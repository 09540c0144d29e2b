#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "queue/search.hpp"
#include "sns/http_deliveries.hpp"
#include "sns/service.hpp"
#include "sqs/fixture_test.hpp"

namespace trunkline::sns::testing {

inline const std::string kTopicHead = "arn:aws:sns:us-east-1:000000000000:";
inline const std::string kQueueHead = "arn:aws:sqs:us-east-1:000000000000:";

using Form = std::vector<std::pair<std::string, std::string>>;

// Both services on one listener, unsigned, over a real engine.
class Sns : public sqs::testing::ServiceTest {
 protected:
  void SetUp() override { begin(); }
  void begin() {
    topics_ = std::make_unique<Registry>(*engine_, *loops_[0], clock_);
    const auto opened = topics_->open(engine_->stored_queues().value());
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
    const auto work = [this](base::Task task) {
      loops_[3]->post(std::move(task));
      return true;
    };
    sqs::ServiceOptions of_queues;
    of_queues.keys = net::AwsKeys::unchecked();
    service_ = std::make_unique<sqs::Service>(*queues_, *registry_, work, of_queues, clock_);
    HttpSinkOptions http;
    http.addresses.allow_loopback = true;
    http.arn_head = kTopicHead;
    deliveries_ = std::make_unique<HttpDeliveries>(
        *topics_, *registry_, *engine_,
        [this](base::QueueId queue) -> net::IoLoop& {
          return &engine_->loop_of(queue) == loops_[0].get() ? *loops_[0] : *loops_[1];
        },
        std::move(http));
    deliveries_->follow();
    ServiceOptions options;
    options.keys = net::AwsKeys::unchecked();
    sns_ = std::make_unique<Service>(
        *topics_, *registry_, *engine_, *deliveries_, *loops_[0], work,
        [this](base::Sequence sequence, base::Loop& loop,
               base::UniqueFunction<void(base::Result<engine::RecordPtr>)> done) {
          engine_->read_record(sequence, loop, std::move(done));
        },
        [this](const base::Hash128& identity) { return queue::find_identity(engine_->store(), identity); }, options,
        clock_);
    server_ = std::make_unique<net::HttpServer>(
        std::vector<net::IoLoop*>{loops_[0].get(), loops_[1].get()}, net::HttpServerOptions{},
        [this](net::IoLoop& loop, net::HttpRequest request, net::Responder respond) {
          if (Service::owns(request)) return sns_->handle(loop, request, std::move(respond));
          service_->handle(loop, std::move(request), std::move(respond));
        });
    port_ = server_->listen("127.0.0.1:0").value();
  }
  void restart() {
    deliveries_->stop(base::Millis(0));
    close();
    sns_.reset();
    deliveries_.reset();
    topics_.reset();
    open();
    begin();
  }
  void TearDown() override {
    deliveries_->stop(base::Millis(0));
    ServiceTest::TearDown();
    sns_.reset();
    deliveries_.reset();
    topics_.reset();
  }

  net::ClientResponse sns(const std::string& action, const Form& parameters) {
    std::string body = "Action=" + action + "&Version=2010-03-31";
    for (const auto& [name, value] : parameters) body += "&" + name + "=" + base::percent_encode(value);
    return form(body);
  }
  static std::string element(const net::ClientResponse& answer, const std::string& name) {
    const std::size_t from = answer.body.find("<" + name + ">");
    if (from == std::string::npos) return "";
    const std::size_t begin = from + name.size() + 2;
    return answer.body.substr(begin, answer.body.find("</" + name + ">", begin) - begin);
  }
  static std::string topic(const std::string& name) { return kTopicHead + name; }
  void make_topic(const std::string& name, Form attributes = {}) {
    const bool fifo = name.ends_with(".fifo");
    Form form = {{"Name", name}};
    if (fifo) attributes.emplace_back("FifoTopic", "true");
    put_in(form, attributes);
    const auto answer = sns("CreateTopic", form);
    ASSERT_EQ(element(answer, "TopicArn"), topic(name)) << answer.body;
  }
  static void put_in(Form& form, const Form& attributes) {
    int place = 0;
    for (const auto& [name, value] : attributes) {
      const std::string entry = "Attributes.entry." + std::to_string(++place);
      form.emplace_back(entry + ".key", name);
      form.emplace_back(entry + ".value", value);
    }
  }
  net::ClientResponse try_subscribe(const std::string& name, const std::string& queue, const Form& attributes = {}) {
    Form form = {{"TopicArn", topic(name)}, {"Protocol", "sqs"}, {"Endpoint", kQueueHead + queue}};
    put_in(form, attributes);
    return sns("Subscribe", form);
  }
  std::string subscribe(const std::string& name, const std::string& queue, const Form& attributes = {}) {
    const auto answer = try_subscribe(name, queue, attributes);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return element(answer, "SubscriptionArn");
  }
  net::ClientResponse publish(const std::string& name, const std::string& message, Form rest = {}) {
    rest.emplace_back("TopicArn", topic(name));
    rest.emplace_back("Message", message);
    return sns("Publish", rest);
  }
  static Form attribute(int place, const std::string& name, const std::string& type, const std::string& value) {
    const std::string entry = "MessageAttributes.entry." + std::to_string(place);
    return {{entry + ".Name", name},
            {entry + ".Value.DataType", type},
            {entry + (type == "Binary" ? ".Value.BinaryValue" : ".Value.StringValue"), value}};
  }
  // What comes before a message that is sent directly now: all that has come.
  std::vector<std::string> all_of(const std::string& queue) {
    EXPECT_EQ(on("SendMessage", queue, R"(,"MessageBody":"the last one")").status, 200);
    std::vector<std::string> bodies;
    while (bodies.empty() || bodies.back() != "the last one") {
      const auto next = drain(queue, 1);
      if (next.empty()) break;
      bodies.insert(bodies.end(), next.begin(), next.end());
    }
    std::erase(bodies, "the last one");
    return bodies;
  }
  static std::string member(const std::string& body, const std::string& name) {
    json::Document document;
    const auto root = document.parse(body);
    return root.ok() ? std::string(root->string_at(name)) : std::string();
  }

  std::unique_ptr<Registry> topics_;
  std::unique_ptr<HttpDeliveries> deliveries_;
  std::unique_ptr<Service> sns_;
};

}  // namespace trunkline::sns::testing
