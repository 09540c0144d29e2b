#include "account/read.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

namespace trunkline::account {
namespace {

using base::Errc;
using base::Error;
using base::Result;

// Answers by what is asked; what is not known here is refused as an endpoint does that lacks it.
class FakeApi final : public Api {
 public:
  Result<std::string> json(std::string_view service, std::string_view operation, std::string body) override {
    return answer(fmt::format("{} {} {}", service, operation, body));
  }
  Result<std::string> query(std::string_view service, std::string_view action, const Parameters& parameters) override {
    std::string question = fmt::format("{} {}", service, action);
    for (const auto& [name, value] : parameters) question += fmt::format(" {}={}", name, value);
    return answer(question);
  }
  Result<std::string> get(std::string_view service, std::string path) override {
    return answer(fmt::format("{} {}", service, path));
  }
  void says(const std::string& question, const std::string& body) { answers_.insert_or_assign(question, body); }
  void says(const std::string& question, Error error) { answers_.insert_or_assign(question, std::move(error)); }
  void forgets(const std::string& question) { answers_.erase(question); }
  std::vector<std::string> asked;

 private:
  std::map<std::string, Result<std::string>> answers_;
  Result<std::string> answer(const std::string& question) {
    asked.push_back(question);
    const auto found = answers_.find(question);
    return found == answers_.end() ? Error{Errc::unsupported, "UnknownOperation: " + question} : found->second;
  }
};

const std::string kBus = "aws.partner/genesys.com/cloud/o/t";
const std::string kTopic = "arn:aws:sns:eu-west-1:123456789012:events.fifo";
const std::string kQueues = "https://sqs.eu-west-1.amazonaws.com/123456789012/";

std::string entries(const std::string& name, const std::string& value) {
  return fmt::format("<R><Attributes><entry><key>{}</key><value>{}</value></entry></Attributes></R>", name, value);
}

FakeApi filled() {
  FakeApi api;
  api.says("sts GetCallerIdentity",
           "<R><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></R>");
  const std::string prefix = R"({"NamePrefix":"aws.partner/genesys.com")";
  api.says("events ListEventSources " + prefix + "}",
           R"({"EventSources":[{"Name":"s1","State":"PENDING"}],"NextToken":"n"})");
  api.says("events ListEventSources " + prefix + R"(,"NextToken":"n"})",
           R"({"EventSources":[{"Name":"s2","State":"ACTIVE"}]})");
  api.says("events ListEventBuses " + prefix + "}", fmt::format(R"({{"EventBuses":[{{"Name":"{}"}}]}})", kBus));
  api.says(
      fmt::format(R"(events ListRules {{"EventBusName":"{}"}})", kBus),
      R"({"Rules":[{"Name":"all","Arn":"rule-arn","State":"DISABLED"},{"Name":"gone","Arn":"b","State":"ENABLED"}]})");
  api.says(
      fmt::format(R"(events ListTargetsByRule {{"Rule":"all","EventBusName":"{}"}})", kBus),
      R"({"Targets":[{"Id":"1","Arn":"a","RoleArn":"r","DeadLetterConfig":{"Arn":"d"},"SqsParameters":{"MessageGroupId":"g"},)"
      R"("RetryPolicy":{"MaximumRetryAttempts":7,"MaximumEventAgeInSeconds":600}},{"Id":"2","Arn":"b"}]})");
  api.says(fmt::format(R"(events ListTargetsByRule {{"Rule":"gone","EventBusName":"{}"}})", kBus),
           Error{Errc::not_found, "ResourceNotFoundException"});
  api.says("sns ListTopics",
           "<R><Topics><member><TopicArn>" + kTopic + "</TopicArn></member></Topics><NextToken>2&amp;</NextToken></R>");
  api.says("sns ListTopics NextToken=2&",
           "<R><Topics><member><TopicArn>arn:aws:sns:eu-west-1:1:other</TopicArn></member></Topics></R>");
  api.says("sns GetTopicAttributes TopicArn=" + kTopic, entries("SQSFailureFeedbackRoleArn", "role"));
  api.says("sns ListSubscriptionsByTopic TopicArn=" + kTopic,
           "<R><Subscriptions><member><SubscriptionArn>PendingConfirmation</SubscriptionArn><Protocol>https</Protocol>"
           "<Endpoint>https://x</Endpoint></member><member><SubscriptionArn>arn:sub</SubscriptionArn><Protocol>sqs</"
           "Protocol>"
           "<Endpoint>q</Endpoint></member></Subscriptions></R>");
  api.says("sns GetSubscriptionAttributes SubscriptionArn=arn:sub",
           entries("RedrivePolicy", "{&quot;deadLetterTargetArn&quot;:&quot;dead&quot;}"));
  api.says(R"(sqs ListQueues {"QueueNamePrefix":"e","MaxResults":1000})",
           fmt::format(R"({{"QueueUrls":["{0}e","{0}gone"]}})", kQueues));
  api.says(fmt::format(R"(sqs GetQueueAttributes {{"QueueUrl":"{}e","AttributeNames":["All"]}})", kQueues),
           R"({"Attributes":{"QueueArn":"arn:q","Policy":"{}","VisibilityTimeout":"45","MessageRetentionPeriod":"60",)"
           R"("RedrivePolicy":"{\"deadLetterTargetArn\":\"dlq\",\"maxReceiveCount\":3}"}})");
  api.says(fmt::format(R"(sqs GetQueueAttributes {{"QueueUrl":"{}gone","AttributeNames":["All"]}})", kQueues),
           Error{Errc::not_found, "QueueDoesNotExist"});
  api.says(
      "lambda /2015-03-31/event-source-mappings/?MaxItems=100",
      R"({"EventSourceMappings":[{"UUID":"u","EventSourceArn":"arn:q","State":"Enabled","MaximumBatchingWindowInSeconds":5,)"
      R"("FunctionArn":"arn:aws:lambda:r:1:function:crm:live","ScalingConfig":{"MaximumConcurrency":4},)"
      R"("FunctionResponseTypes":["ReportBatchItemFailures"]}]})");
  api.says("lambda /2015-03-31/functions/crm/configuration", R"({"Timeout":15})");
  api.says("lambda /2019-09-30/functions/crm/concurrency", R"({"ReservedConcurrentExecutions":0})");
  api.says(
      "monitoring DescribeAlarms",
      "<R><MetricAlarms><member><ActionsEnabled>true</ActionsEnabled><AlarmActions><member>a</member></AlarmActions>"
      "<Namespace>AWS/SQS</Namespace><MetricName>M</MetricName><Dimensions><member><Name>QueueName</Name><Value>e</"
      "Value>"
      "</member></Dimensions></member><member><ActionsEnabled>false</ActionsEnabled><AlarmActions><member>a</member>"
      "</AlarmActions></member><member><ActionsEnabled>true</ActionsEnabled><AlarmActions/></member></MetricAlarms></"
      "R>");
  return api;
}
Result<Account> read_of(FakeApi& api) {
  return read(api, {"eu-west-1", "e", {}}, [](std::string_view, std::size_t) {});
}

// Of a function that a configuration has: each way in which nothing invokes it every minute.
TEST(Read, looks_for_what_invokes_a_function_of_the_configuration) {
  const std::string arn = "arn:aws:lambda:eu-west-1:123456789012:function:crm";
  const std::string path = "lambda /2015-03-31/functions/crm";
  const auto here = [&](const std::function<void(FakeApi&)>& change) {
    FakeApi api = filled();
    api.says(path + "/policy",
             R"({"Policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"events.amazonaws.com\"},)"
             R"(\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"*\",\"Condition\":{\"ArnLike\":)"
             R"({\"aws:SourceArn\":\"arn:rule\"}}}]}"})");
    api.says(R"(events ListRuleNamesByTarget {"TargetArn":")" + arn + R"("})", R"({"RuleNames":["crm"]})");
    api.says(R"(events DescribeRule {"Name":"crm"})",
             R"x({"Arn":"arn:rule","State":"ENABLED","ScheduleExpression":"rate(1 minute)"})x");
    change(api);
    const auto account = read(api, {"eu-west-1", "e", {}, {{"crm", true}}}, [](std::string_view, std::size_t) {});
    EXPECT_TRUE(account.ok());
    return account->functions_here.at(0);
  };
  const FunctionHere good = here([](FakeApi&) {});
  EXPECT_TRUE(good.there && good.invoked_every_minute);
  const std::vector<std::function<void(FakeApi&)>> bad = {
      [&](FakeApi& api) { api.says(path + "/policy", Error{Errc::not_found, "ResourceNotFoundException"}); },
      [&](FakeApi& api) { api.says(path + "/policy", R"({"Policy":"{}"})"); },
      [&](FakeApi& api) {
        api.says(R"(events ListRuleNamesByTarget {"TargetArn":")" + arn + R"("})", R"({"RuleNames":[]})");
      },
      [](FakeApi& api) {
        api.says(R"(events DescribeRule {"Name":"crm"})",
                 R"x({"Arn":"arn:rule","State":"DISABLED","ScheduleExpression":"rate(1 minute)"})x");
      },
      [](FakeApi& api) {
        api.says(R"(events DescribeRule {"Name":"crm"})", R"({"Arn":"arn:rule","State":"ENABLED"})");
      },
  };
  for (const auto& change : bad) {
    const FunctionHere found = here(change);
    EXPECT_TRUE(found.there);
    EXPECT_FALSE(found.invoked_every_minute);
  }
  const FunctionHere gone = here(
      [&](FakeApi& api) { api.says(path + "/configuration", Error{Errc::not_found, "ResourceNotFoundException"}); });
  EXPECT_FALSE(gone.there);
}

TEST(Read, takes_all_pages_of_everything) {
  FakeApi api = filled();
  const auto account = read_of(api);
  ASSERT_TRUE(account.ok()) << account.error().detail;
  EXPECT_TRUE(account->unread.empty()) << account->unread.front();
  EXPECT_EQ(account->id, "123456789012");
  ASSERT_EQ(account->sources.size(), 2U);
  EXPECT_EQ(account->sources[0].state, "PENDING");
  EXPECT_EQ(account->buses, std::vector<std::string>{kBus});
  ASSERT_EQ(account->rules.size(), 2U);
  EXPECT_FALSE(account->rules[0].enabled);
  ASSERT_EQ(account->rules[0].targets.size(), 2U);
  const Target& target = account->rules[0].targets[0];
  EXPECT_EQ(target.dead_letter_arn + target.role_arn + target.message_group_id, "drg");
  EXPECT_EQ(target.retries_max, 7);
  EXPECT_EQ(target.age_max_seconds, 600);
  EXPECT_FALSE(account->rules[0].targets[1].retries_max);
  ASSERT_EQ(account->topics.size(), 1U) << "the other has another prefix";
  EXPECT_TRUE(account->topics[0].logs_failures);
  ASSERT_EQ(account->topics[0].subscriptions.size(), 2U);
  EXPECT_FALSE(account->topics[0].subscriptions[0].confirmed);
  EXPECT_EQ(account->topics[0].subscriptions[1].dead_letter_arn, "dead");
  ASSERT_EQ(account->queues.size(), 1U) << "the other is gone";
  EXPECT_EQ(account->queues[0].dead_letter_arn, "dlq");
  EXPECT_EQ(account->queues[0].receives_max, 3);
  EXPECT_EQ(account->queues[0].visibility_seconds, 45);
  EXPECT_EQ(account->queues[0].retention_seconds, 60);
  ASSERT_EQ(account->mappings.size(), 1U);
  EXPECT_EQ(account->mappings[0].function_arn, "arn:aws:lambda:r:1:function:crm");
  EXPECT_EQ(account->mappings[0].concurrency_max, 4);
  EXPECT_EQ(account->mappings[0].window_seconds, 5);
  EXPECT_TRUE(account->mappings[0].reports_item_failures);
  ASSERT_EQ(account->functions.size(), 1U);
  EXPECT_EQ(account->functions[0].timeout_seconds, 15);
  EXPECT_EQ(account->functions[0].reserved_concurrency, 0);
  ASSERT_EQ(account->alarms.size(), 1U) << "the others tell nobody";
  EXPECT_EQ(account->alarms[0].dimensions.at("QueueName"), "e");
}

TEST(Read, says_what_these_credentials_may_not_see_and_reads_the_rest) {
  FakeApi api = filled();
  api.says("sns ListTopics", Error{Errc::unauthenticated, "AuthorizationError: not authorized"});
  api.forgets("monitoring DescribeAlarms");
  const auto account = read_of(api);
  ASSERT_TRUE(account.ok());
  ASSERT_EQ(account->unread.size(), 2U);
  EXPECT_NE(account->unread[0].find("sns:ListTopics"), std::string::npos) << account->unread[0];
  EXPECT_NE(account->unread[0].find("AuthorizationError"), std::string::npos);
  EXPECT_NE(account->unread[1].find("alarms"), std::string::npos);
  EXPECT_EQ(account->queues.size(), 1U);
}

TEST(Read, ends_where_no_call_can_be_made) {
  FakeApi api = filled();
  api.says("sts GetCallerIdentity", Error{Errc::unauthenticated, "no credentials"});
  EXPECT_EQ(read_of(api).error().detail, "no credentials");
  EXPECT_EQ(api.asked.size(), 1U);
  api.says("sts GetCallerIdentity", "<R><Account>1</Account></R>");
  api.says("sns ListTopics", Error{Errc::unavailable, "reset"});
  EXPECT_EQ(read_of(api).error().detail, "topics: reset");
}

TEST(Read, does_not_take_other_texts_for_answers) {
  FakeApi api = filled();
  api.says("sns ListTopics", "<html><p>Welcome</html>");
  EXPECT_EQ(read_of(api).error().code, Errc::invalid);
  api.says("sns ListTopics", "<R/>");
  api.says("lambda /2015-03-31/event-source-mappings/?MaxItems=100", "no JSON");
  EXPECT_EQ(read_of(api).error().code, Errc::invalid);
}

TEST(Read, ends_although_there_is_always_one_more_page) {
  FakeApi api = filled();
  api.says("sns ListTopics NextToken=again", "<R><NextToken>again</NextToken></R>");
  api.says("sns ListTopics", "<R><NextToken>again</NextToken></R>");
  const auto account = read_of(api);
  ASSERT_TRUE(account.ok());
  ASSERT_EQ(account->unread.size(), 1U);
  EXPECT_NE(account->unread[0].find("first 1000 pages"), std::string::npos) << account->unread[0];
}

}  // namespace
}  // namespace trunkline::account
