#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "aws/answers.hpp"
#include "aws_engine/peer_fixture_test.hpp"
#include "aws_engine/services.hpp"

// SNS lets a filter policy take its time: nothing, or everything, comes through meanwhile.
namespace trunkline::aws_engine::peer {
namespace {

// Calls of SNS by hand.
class Sns {
 public:
  Sns() : loop_("sns"), services_(make_services(loop_, options().services, environment)) { loop_.start(); }
  ~Sns() {
    loop_.stop();
    loop_.join();
  }
  Sns(const Sns&) = delete;
  Sns& operator=(const Sns&) = delete;

  std::string call(const std::string& action, const Form& form) {
    std::promise<aws::Reply> answered;
    loop_.post([&] {
      services_->query_sns(action, form, std::chrono::seconds(10),
                           [&](aws::Reply reply) { answered.set_value(std::move(reply)); });
    });
    const aws::Reply reply = answered.get_future().get();
    EXPECT_TRUE(reply.ok()) << (reply.failure ? reply.failure->text() : "");
    return reply.body;
  }
  // Of the only subscription of the topic.
  void set_policy(const std::string& prefix, const std::string& policy) {
    const std::string topic = call("CreateTopic", {{"Name", prefix + "-conversation.fifo"},
                                                   {"Attributes.entry.1.key", "FifoTopic"},
                                                   {"Attributes.entry.1.value", "true"}});
    const auto arn = aws::xml_text(topic, "TopicArn");
    const std::string all = call("ListSubscriptionsByTopic", {{"TopicArn", arn.value_or("")}});
    const auto subscription = aws::xml_text(all, "SubscriptionArn");
    call("SetSubscriptionAttributes", {{"SubscriptionArn", subscription.value_or("")},
                                       {"AttributeName", "FilterPolicy"},
                                       {"AttributeValue", policy}});
  }

 private:
  net::IoLoop loop_;
  std::unique_ptr<Services> services_;
};

std::vector<std::string> ids(const std::vector<engine::Lease>& leases) {
  std::vector<std::string> found;
  for (const auto& lease : leases) {
    for (const auto& message : lease.messages) found.push_back(message.record->event.envelope_id);
  }
  return found;
}

constexpr base::Millis kNothing = std::chrono::milliseconds(1'500);

TEST(AwsPeer, an_event_reaches_a_young_queue_whose_filter_policy_has_no_effect_yet_and_no_other) {
  for (const bool young : {true, false}) {
    AwsOptions with = options();
    with.young = young ? std::chrono::hours(1) : std::chrono::hours(0);
    Worker worker(with);
    const base::QueueId queue = worker.declare("new", event::Order::conversation);
    Sns().set_policy(with.prefix, R"({"routes":["nothing"]})");
    ASSERT_EQ(worker.publish(engine::contract::make_event("a", "c"), {queue}).verdict,
              engine::PublishVerdict::accepted);
    const auto leases = worker.receive(queue, 1, young ? base::Millis(std::chrono::seconds(20)) : kNothing);
    EXPECT_EQ(ids(leases).size(), young ? 1u : 0u);
  }
}

TEST(AwsPeer, what_a_policy_lets_through_too_early_is_not_delivered) {
  AwsOptions with = options();
  with.young = std::chrono::hours(0);
  Worker worker(with);
  const base::QueueId queue = worker.declare("new", event::Order::conversation);
  Sns().set_policy(with.prefix, R"({"routes":[{"exists":true}]})");
  engine::QueueSpec other;
  other.name = "other";
  other.order = event::Order::conversation;
  const auto second = worker.engine().declare(other);
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(worker.publish(engine::contract::make_event("a", "c"), {*second}).verdict,
            engine::PublishVerdict::accepted);
  EXPECT_EQ(ids(worker.receive(*second, 1, std::chrono::seconds(20))), std::vector<std::string>{"a"});
  EXPECT_TRUE(worker.receive(queue, 1, kNothing).empty());
  ASSERT_EQ(worker.publish(engine::contract::make_event("b", "c"), {queue}).verdict, engine::PublishVerdict::accepted);
  EXPECT_EQ(ids(worker.receive(queue, 1, std::chrono::seconds(20))), std::vector<std::string>{"b"})
      << "the lane is not held up by what was not for it";
}

}  // namespace
}  // namespace trunkline::aws_engine::peer
