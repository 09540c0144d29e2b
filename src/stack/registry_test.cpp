#include "stack/registry.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/spec_testing.hpp"

namespace trunkline::stack {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr base::WallTime kNow{base::Millis(1'700'000'000'000)};
const std::string kQueues = "https://sqs.eu-west-1.amazonaws.com/123456789012/";
const std::string kTopics = "arn:aws:sns:eu-west-1:123456789012:";

// Answers by the operation; what writes is noted.
class FakeTable final : public account::Api {
 public:
  using Answers = std::vector<Result<std::string>>;
  std::map<std::string, Answers> answers;
  std::vector<std::string> written;

  Result<std::string> json(std::string_view, std::string_view operation, std::string body) override {
    const bool reads = operation == "GetItem" || operation == "Query" || operation.starts_with("Describe");
    if (!reads) written.push_back(fmt::format("{} {}", operation, body));
    return next(std::string(operation), "{}");
  }
  Result<std::string> query(std::string_view, std::string_view, const account::Parameters& parameters) override {
    return next(parameters[0].second, "<R/>");
  }
  Result<std::string> get(std::string_view, std::string) override { return Error{Errc::unsupported, "no"}; }

 private:
  Result<std::string> next(const std::string& question, const std::string& otherwise) {
    auto& list = answers[question];
    if (list.empty()) return otherwise;
    Result<std::string> first = list.front();
    if (list.size() > 1) list.erase(list.begin());
    return first;
  }
};

Spec one_consumer() {
  Spec spec = sample_spec();
  spec.consumers = {spec.consumers[1]};  // crm-main, number 2
  return spec;
}
std::vector<StackResource> standing() {
  return {{"TopicConversation", "AWS::SNS::Topic", kTopics + "trunkline-conversation.fifo", ""},
          {"QueueCrmMain", "AWS::SQS::Queue", kQueues + "trunkline-2-crm-main.fifo", ""},
          {"NetCrmMain", "AWS::SQS::Queue", kQueues + "trunkline-2-crm-main-net.fifo", ""}};
}
std::string subscribed(const std::string& arn) {
  return fmt::format(
      "<R><Subscriptions><member><Endpoint>arn:aws:sqs:eu-west-1:123456789012:trunkline-2-crm-main.fifo</Endpoint>"
      "<SubscriptionArn>{}</SubscriptionArn></member></Subscriptions></R>",
      arn);
}
std::string entry(const std::string& name, int number, const std::string& subscription) {
  return fmt::format(R"({{"pk":{{"S":"reg"}},"sk":{{"S":"q#{}"}},"e_id":{{"N":"{}"}},"e_subscription":{{"S":"{}"}}}})",
                     name, number, subscription);
}

class Registry : public testing::Test {
 protected:
  FakeTable table;
  EngineRegistry registry{table, "trunkline"};
  const std::string topic = kTopics + "trunkline-conversation.fifo";

  std::vector<std::string> hand_over() {
    const auto left = registry.hand_over(one_consumer(), standing(), kNow);
    EXPECT_TRUE(left.ok()) << left.error().detail;
    return left.ok() ? *left : std::vector<std::string>();
  }
};

TEST_F(Registry, is_given_what_the_engine_would_make) {
  table.answers[topic] = FakeTable::Answers{subscribed("sub-1")};
  EXPECT_THAT(hand_over(), IsEmpty());
  ASSERT_EQ(table.written.size(), 2U);
  EXPECT_THAT(table.written[0], HasSubstr(R"("ConditionExpression":"attribute_not_exists(e_last) OR e_last < :last")"));
  EXPECT_THAT(table.written[0], HasSubstr(R"(":last":{"N":"4"})"));
  EXPECT_EQ(table.written[1],
            R"(PutItem {"TableName":"trunkline","Item":{"pk":{"S":"reg"},"sk":{"S":"q#crm-main"},"e_id":{"N":"2"},)"
            R"("e_order":{"S":"conversation"},)"
            R"("e_arn":{"S":"arn:aws:sqs:eu-west-1:123456789012:trunkline-2-crm-main.fifo"},)"
            R"("e_net":{"S":"https://sqs.eu-west-1.amazonaws.com/123456789012/trunkline-2-crm-main-net.fifo"},)"
            R"("e_subscription":{"S":"sub-1"},)"
            R"("e_topic":{"S":"arn:aws:sns:eu-west-1:123456789012:trunkline-conversation.fifo"},)"
            R"("e_url":{"S":"https://sqs.eu-west-1.amazonaws.com/123456789012/trunkline-2-crm-main.fifo"},)"
            R"("e_subscribed":{"N":"1700000000000"}},)"
            R"("ConditionExpression":"attribute_not_exists(pk) OR e_id = :id",)"
            R"("ExpressionAttributeValues":{":id":{"N":"2"}}})");
}

TEST_F(Registry, that_is_complete_is_left_alone) {
  table.answers[topic] = FakeTable::Answers{subscribed("sub-1")};
  table.answers["Query"] = FakeTable::Answers{R"({"Items":[)" + entry("crm-main", 2, "sub-1") + "]}"};
  EXPECT_THAT(hand_over(), IsEmpty());
  EXPECT_EQ(table.written.size(), 1U) << "the counter, under its condition";
  table.answers[topic] = FakeTable::Answers{subscribed("sub-2")};
  EXPECT_THAT(hand_over(), IsEmpty());
  EXPECT_THAT(table.written.back(), HasSubstr("sub-2"));
}

TEST_F(Registry, forgets_consumers_that_have_left_on_every_page) {
  table.answers[topic] = FakeTable::Answers{subscribed("sub-1")};
  table.answers["Query"] =
      FakeTable::Answers{R"({"Items":[)" + entry("gone", 7, "") + R"(],"LastEvaluatedKey":{"pk":{"S":"reg"}}})",
                         R"({"Items":[)" + entry("crm-main", 2, "sub-1") + "]}"};
  EXPECT_THAT(hand_over(), IsEmpty());
  EXPECT_THAT(table.written.back(),
              HasSubstr(R"(DeleteItem {"TableName":"trunkline","Key":{"pk":{"S":"reg"},"sk":{"S":"q#gone"}},)"
                        R"("ConditionExpression":"e_id = :id")"));
}

TEST_F(Registry, does_not_take_a_queue_from_workers) {
  table.answers[topic] = FakeTable::Answers{subscribed("sub-1")};
  table.answers["Query"] = FakeTable::Answers{R"({"Items":[)" + entry("crm-main", 9, "other") + "]}"};
  EXPECT_THAT(hand_over(), ElementsAre(HasSubstr("queue number 9 in table trunkline, and 2 in the stack")));
  EXPECT_EQ(table.written.size(), 1U);
}

TEST_F(Registry, says_what_is_missing) {
  EXPECT_THAT(hand_over(), ElementsAre(HasSubstr("consumer crm-main: the stack has no subscription of https://sqs")));
}

TEST_F(Registry, takes_a_condition_that_does_not_hold_for_done_and_no_other_error) {
  table.answers[topic] = FakeTable::Answers{subscribed("sub-1")};
  table.answers["UpdateItem"] = FakeTable::Answers{Error{Errc::invalid, "ConditionalCheckFailedException: no"}};
  EXPECT_THAT(hand_over(), IsEmpty());
  table.answers["UpdateItem"] = FakeTable::Answers{Error{Errc::unauthenticated, "AccessDeniedException"}};
  EXPECT_EQ(registry.hand_over(one_consumer(), standing(), kNow).error().code, Errc::unauthenticated);
}

TEST_F(Registry, has_a_counter_or_none) {
  EXPECT_EQ(*registry.last_number(), 0U);
  table.answers["GetItem"] = FakeTable::Answers{std::string(R"({"Item":{"e_last":{"N":"12"}}})")};
  EXPECT_EQ(*registry.last_number(), 12U);
  table.answers["GetItem"] = FakeTable::Answers{Error{Errc::not_found, "no table"}};
  EXPECT_EQ(*registry.last_number(), 0U);
  table.answers["GetItem"] = FakeTable::Answers{Error{Errc::unauthenticated, "no"}};
  EXPECT_FALSE(registry.last_number().ok());
}

TEST_F(Registry, of_a_deleted_stack_is_empty) {
  table.answers["Query"] =
      FakeTable::Answers{R"({"Items":[)" + entry("crm-main", 2, "s") + "," + entry("wfm", 3, "s") + "]}"};
  EXPECT_TRUE(registry.forget().ok());
  EXPECT_EQ(table.written.size(), 2U);
  table.answers["Query"] = FakeTable::Answers{Error{Errc::not_found, "no table"}};
  EXPECT_TRUE(registry.forget().ok());
}

TEST_F(Registry, makes_items_end_once) {
  EXPECT_TRUE(registry.ensure_expiry().ok());
  ASSERT_EQ(table.written.size(), 1U);
  EXPECT_THAT(table.written[0], HasSubstr(R"("AttributeName":"e_ends","Enabled":true)"));
  table.answers["DescribeTimeToLive"] =
      FakeTable::Answers{std::string(R"({"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLING"}})")};
  EXPECT_TRUE(registry.ensure_expiry().ok());
  EXPECT_EQ(table.written.size(), 1U);
}

}  // namespace
}  // namespace trunkline::stack
