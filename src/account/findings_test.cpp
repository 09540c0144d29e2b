#include "account/findings.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "account/policy.hpp"

namespace trunkline::account {
namespace {

std::string arn(const std::string& service, const std::string& name) {
  return fmt::format("arn:aws:{}:eu-west-1:123456789012:{}", service, name);
}
std::string policy(const std::string& service, const std::string& action, const std::string& source) {
  return fmt::format(
      R"({{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{}"}},"Action":"{}",)"
      R"("Resource":"*","Condition":{{"ArnEquals":{{"aws:SourceArn":"{}"}}}}}}]}})",
      service, action, source);
}
const std::string kBus = "aws.partner/genesys.com/cloud/org/trunkline";
const std::string kRule = "arn:aws:events:eu-west-1:123456789012:rule/" + kBus + "/all";

Queue queue(const std::string& name, const std::string& access, const std::string& dead = {}) {
  Queue made;
  made.arn = arn("sqs", name);
  made.url = "https://sqs.eu-west-1.amazonaws.com/123456789012/" + name;
  made.policy = access;
  made.dead_letter_arn = dead.empty() ? "" : arn("sqs", dead);
  made.receives_max = dead.empty() ? 0 : 5;
  made.visibility_seconds = 180;
  made.retention_seconds = 1'209'600;
  return made;
}
Alarm alarm(const std::string& metric, const std::string& dimension, const std::string& name) {
  return {"AWS/SQS", metric, {{dimension, name}}};
}

// A rule to a function, a FIFO topic to a FIFO queue that a function reads; nothing is wrong with it.
Account good() {
  Account made;
  made.id = "123456789012";
  made.region = "eu-west-1";
  made.sources = {{kBus, "ACTIVE"}};
  made.buses = {kBus};
  Target target;
  target.id = "ingest";
  target.arn = arn("lambda", "function:ingest");
  target.dead_letter_arn = arn("sqs", "rule-dead");
  Target copy;
  copy.id = "topic";
  copy.arn = arn("sns", "copy");
  copy.dead_letter_arn = arn("sqs", "rule-dead");
  Rule rule{kBus, "all", kRule, true, {target, copy}};
  made.rules = {rule};
  Subscription subscription;
  subscription.arn = arn("sns", "events.fifo:1");
  subscription.protocol = "sqs";
  subscription.endpoint = arn("sqs", "crm.fifo");
  subscription.dead_letter_arn = arn("sqs", "topic-dead.fifo");
  Topic topic{arn("sns", "events.fifo"), "", true, {subscription}};
  Topic other{arn("sns", "copy"), policy("events.amazonaws.com", "sns:Publish", kRule), true, {}};
  made.topics = {topic, other};
  const std::string from_topic = policy("sns.amazonaws.com", "sqs:SendMessage", topic.arn);
  made.queues = {queue("rule-dead", policy("events.amazonaws.com", "sqs:SendMessage", kRule)),
                 queue("topic-dead.fifo", from_topic), queue("crm.fifo", from_topic, "crm-dead.fifo"),
                 queue("crm-dead.fifo", "")};
  made.functions = {{arn("lambda", "function:crm"), 30, std::nullopt}};
  made.mappings = {{"uuid-1", arn("sqs", "crm.fifo"), arn("lambda", "function:crm"), "Enabled", 0, 2, true}};
  made.alarms = {alarm("NumberOfNotificationsFailed", "TopicName", "events.fifo"),
                 alarm("ApproximateNumberOfMessagesVisible", "QueueName", "rule-dead"),
                 alarm("ApproximateNumberOfMessagesVisible", "QueueName", "topic-dead.fifo"),
                 alarm("ApproximateNumberOfMessagesVisible", "QueueName", "crm-dead.fifo"),
                 alarm("ApproximateAgeOfOldestMessage", "QueueName", "crm.fifo")};
  return made;
}

struct Planted {
  std::string name;
  std::function<void(Account&)> plant;
  std::set<std::string> codes;
};
Target& ingest(Account& account) {
  return account.rules[0].targets[0];
}
Subscription& crm(Account& account) {
  return account.topics[0].subscriptions[0];
}
Queue& of(Account& account, const std::string& name) {
  return *std::find_if(account.queues.begin(), account.queues.end(),
                       [&](const Queue& each) { return each.arn == arn("sqs", name); });
}
void without(Account& account, const std::string& name) {
  std::erase_if(account.queues, [&](const Queue& each) { return each.arn == arn("sqs", name); });
}

const std::vector<Planted>& planted() {
  static const std::vector<Planted> all = {
      {"nothing", [](Account&) {}, {}},
      {"a_pending_source", [](Account& a) { a.sources[0].state = "PENDING"; }, {"source-pending"}},
      {"a_deleted_source", [](Account& a) { a.sources[0].state = "DELETED"; }, {"source-deleted"}},
      {"a_bus_without_rules",
       [](Account& a) {
         a.rules.clear();
         a.alarms.push_back({});
       },
       {"bus-without-rule"}},
      {"a_disabled_rule", [](Account& a) { a.rules[0].enabled = false; }, {"rule-disabled", "bus-without-rule"}},
      {"a_target_without_dead_letters",
       [](Account& a) { ingest(a).dead_letter_arn.clear(); },
       {"target-without-dead-letters"}},
      {"retries_of_minutes", [](Account& a) { ingest(a).age_max_seconds = 300; }, {"short-retries"}},
      {"few_retries", [](Account& a) { ingest(a).retries_max = 3; }, {"short-retries"}},
      {"a_rule_whose_dead_letters_are_gone", [](Account& a) { without(a, "rule-dead"); }, {"dead-letters-gone"}},
      {"a_rule_that_may_not_write_dead_letters",
       [](Account& a) { of(a, "rule-dead").policy.clear(); },
       {"dead-letter-policy"}},
      {"a_topic_that_refuses_the_rule", [](Account& a) { a.topics[1].policy.clear(); }, {"topic-policy-events"}},
      {"a_topic_that_is_gone", [](Account& a) { a.topics.pop_back(); }, {"target-gone"}},
      {"a_standard_topic_to_a_fifo_queue",
       [](Account& a) {
         a.topics[0].arn = arn("sns", "events");
         of(a, "crm.fifo").policy = of(a, "topic-dead.fifo").policy =
             policy("sns.amazonaws.com", "SQS:*", arn("sns", "events"));
         a.alarms[0].dimensions["TopicName"] = "events";
       },
       {"standard-topic-to-fifo", "dead-letters-gone"}},
      {"a_queue_that_refuses_the_topic", [](Account& a) { of(a, "crm.fifo").policy.clear(); }, {"queue-policy-sns"}},
      {"a_queue_that_lets_another_topic_in",
       [](Account& a) {
         of(a, "crm.fifo").policy = policy("sns.amazonaws.com", "sqs:SendMessage", arn("sns", "another"));
       },
       {"queue-policy-sns"}},
      {"a_subscription_without_dead_letters",
       [](Account& a) {
         crm(a).dead_letter_arn.clear();
         a.alarms.push_back({});
       },
       {"subscription-without-dead-letters"}},
      {"a_subscription_that_nobody_confirmed", [](Account& a) { crm(a).confirmed = false; }, {"subscription-pending"}},
      {"a_visibility_below_the_time_out",
       [](Account& a) { of(a, "crm.fifo").visibility_seconds = 20; },
       {"short-visibility"}},
      {"a_visibility_without_reserve",
       [](Account& a) { of(a, "crm.fifo").visibility_seconds = 60; },
       {"short-visibility"}},
      {"a_queue_without_dead_letters",
       [](Account& a) { of(a, "crm.fifo").dead_letter_arn.clear(); },
       {"queue-without-dead-letters"}},
      {"two_receives", [](Account& a) { of(a, "crm.fifo").receives_max = 2; }, {"few-receives"}},
      {"dead_letters_that_expire_with_their_queue",
       [](Account& a) { of(a, "crm-dead.fifo").retention_seconds = 345'600; },
       {"dead-letters-expire"}},
      {"a_short_retention", [](Account& a) { of(a, "crm.fifo").retention_seconds = 86'400; }, {"short-retention"}},
      {"an_own_function_that_is_gone",
       [](Account& a) { a.functions_here = {{"crm", true, false, false}}; },
       {"function-gone"}},
      {"an_own_function_that_reads_nothing",
       [](Account& a) { a.functions_here = {{"other", false, true, false}}; },
       {"function-without-queue"}},
      {"an_own_function_without_a_schedule",
       [](Account& a) { a.functions_here = {{"crm", true, true, false}}; },
       {"no-schedule"}},
      {"an_own_function_as_it_should_be", [](Account& a) { a.functions_here = {{"crm", true, true, true}}; }, {}},
      {"a_schedule_on_a_bus_that_is_read",
       [](Account& a) {
         Rule rule = a.rules[0];
         rule.scheduled = true;
         rule.targets[0].dead_letter_arn.clear();
         rule.enabled = false;
         a.rules.push_back(rule);
       },
       {}},
      {"reserved_concurrency", [](Account& a) { a.functions[0].reserved_concurrency = 1; }, {"reserved-concurrency"}},
      {"reserved_concurrency_above_the_poller_s", [](Account& a) { a.functions[0].reserved_concurrency = 2; }, {}},
      {"whole_batches", [](Account& a) { a.mappings[0].reports_item_failures = false; }, {"whole-batches"}},
      {"a_disabled_mapping", [](Account& a) { a.mappings[0].state = "Disabled"; }, {"mapping-disabled"}},
      {"no_alarm", [](Account& a) { a.alarms.clear(); }, {"no-alarm"}},
      {"no_delivery_log", [](Account& a) { a.topics[0].logs_failures = false; }, {"no-delivery-log"}},
      {"a_fifo_target",
       [](Account& a) {
         ingest(a).arn = arn("sqs", "crm.fifo");
         ingest(a).role_arn = "arn:aws:iam::123456789012:role/events";
       },
       {"one-group"}},
      {"a_queue_that_refuses_the_rule",
       [](Account& a) { ingest(a).arn = arn("sqs", "crm.fifo"), ingest(a).message_group_id = "all"; },
       {"queue-policy-events", "one-group"}},
      {"a_standard_queue", [](Account& a) { ingest(a).arn = arn("sqs", "rule-dead"); }, {"standard-queue"}},
      {"a_standard_queue_that_trunkline_reads",
       [](Account& a) {
         ingest(a).arn = arn("sqs", "rule-dead");
         a.unordered = {"rule-dead"};
       },
       {}},
      {"a_standard_queue_behind_a_topic",
       [](Account& a) {
         a.queues.push_back(queue("copy", policy("sns.amazonaws.com", "sqs:SendMessage", arn("sns", "events.fifo"))));
         a.topics[0].subscriptions.push_back(crm(a));
         a.topics[0].subscriptions.back().endpoint = arn("sqs", "copy");
       },
       {"standard-queue"}},
      {"a_standard_queue_behind_a_topic_of_which_nobody_expects_an_order",
       [](Account& a) {
         a.queues.push_back(queue("copy", policy("sns.amazonaws.com", "sqs:SendMessage", arn("sns", "events.fifo"))));
         a.topics[0].subscriptions.push_back(crm(a));
         a.topics[0].subscriptions.back().endpoint = arn("sqs", "copy");
         a.unordered = {"copy"};
       },
       {}},
  };
  return all;
}

class Findings_ : public testing::TestWithParam<Planted> {};

TEST_P(Findings_, are_what_was_planted_and_nothing_else) {
  Account account = good();
  GetParam().plant(account);
  std::set<std::string> found;
  for (const Finding& each : examine(account)) {
    if (GetParam().codes.empty() || each.code != "no-alarm" || GetParam().codes.contains("no-alarm"))
      found.insert(each.code);
    EXPECT_FALSE(each.subject.empty()) << each.code;
    EXPECT_FALSE(each.what.empty()) << each.code;
    EXPECT_FALSE(each.repair.empty()) << each.code;
  }
  EXPECT_EQ(found, GetParam().codes);
}
INSTANTIATE_TEST_SUITE_P(Account, Findings_, testing::ValuesIn(planted()),
                         [](const testing::TestParamInfo<Planted>& each) { return each.param.name; });

TEST(Findings, want_an_alarm_on_the_age_of_what_trunkline_reads_and_none_on_topics_for_people) {
  Account account = good();
  Subscription mail;
  mail.arn = arn("sns", "copy:1");
  mail.protocol = "email";
  account.topics[1].subscriptions = {mail};
  EXPECT_TRUE(examine(account).empty());
  account.queues.push_back(queue("wfm.fifo", ""));
  EXPECT_TRUE(examine(account).empty());
  account.read_here = {"wfm.fifo"};
  const auto found = examine(account);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].code + " " + found[0].subject, "no-alarm " + arn("sqs", "wfm.fifo"));
}

TEST(Findings, come_with_what_loses_first) {
  Account account = good();
  account.alarms.clear();
  account.mappings[0].reports_item_failures = false;
  const auto found = examine(account);
  ASSERT_GT(found.size(), 1U);
  EXPECT_EQ(found.front().code, "whole-batches");
  EXPECT_EQ(found.back().risk, Risk::unseen);
}

// ---- policies

constexpr Access kAccess{"sns.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:q",
                         "arn:aws:sns:eu-west-1:1:t", "1"};
bool allowed(const std::string& statements) {
  return allows(R"({"Statement":)" + statements + "}", kAccess);
}

TEST(Policy, lets_a_service_in_by_its_name_or_everybody) {
  EXPECT_TRUE(allowed(
      R"({"Effect":"Allow","Principal":{"Service":["x","sns.amazonaws.com"]},"Action":["SQS:send*"],"Resource":"*"})"));
  EXPECT_TRUE(
      allowed(R"([{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"arn:aws:sqs:eu-west-1:1:?"}])"));
  EXPECT_TRUE(allowed(R"({"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*","Resource":"*"})"));
  EXPECT_FALSE(allowed(R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"*","Resource":"*"})"));
  EXPECT_FALSE(
      allowed(R"({"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"*","Resource":"*"})"));
  EXPECT_FALSE(allowed(R"({"Effect":"Allow","Principal":"*","Action":"sqs:ReceiveMessage","Resource":"*"})"));
  EXPECT_FALSE(
      allowed(R"({"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"arn:aws:sqs:eu-west-1:1:other"})"));
}

TEST(Policy, holds_by_its_conditions) {
  const auto with = [](const std::string& condition, const std::string& effect = "Allow") {
    return allowed(R"([{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":")" + effect +
                   R"(","Principal":"*","Action":"*","Resource":"*","Condition":)" + condition + "}]");
  };
  const auto alone = [](const std::string& condition) {
    return allowed(R"({"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":)" + condition + "}");
  };
  EXPECT_TRUE(alone(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:1:t"}})"));
  EXPECT_TRUE(alone(R"({"StringEquals":{"AWS:SourceAccount":["2","1"]}})"));
  EXPECT_FALSE(alone(R"({"StringEquals":{"aws:SourceArn":"arn:aws:sns:*:1:t"}})"));
  EXPECT_FALSE(
      alone(R"({"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:1:t"},"StringEquals":{"aws:SourceAccount":"2"}})"));
  EXPECT_FALSE(alone(R"({"StringEquals":{"AWS:SourceOwner":"1"}})")) << "a topic's own policy lets no service in";
  EXPECT_TRUE(alone(R"({"Bool":{"aws:SecureTransport":"true"}})"));
  EXPECT_TRUE(with(R"({"Bool":{"aws:SecureTransport":"false"}})", "Deny"));
  EXPECT_FALSE(with(R"({"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:1:t"}})", "Deny"));
}

TEST(Policy, that_is_none_lets_nobody_in) {
  for (const char* text : {"", "{", "[]", "3", R"({"Statement":3})", R"({"Statement":[null,{"Effect":"Allow"}]})"})
    EXPECT_FALSE(allows(text, kAccess)) << text;
}

TEST(Pattern, has_stars_and_question_marks) {
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("a*c*", "abbcbc"));
  EXPECT_TRUE(matches_pattern("a?c", "abc"));
  EXPECT_FALSE(matches_pattern("a?c", "ac"));
  EXPECT_FALSE(matches_pattern("a*c", "abcd"));
  EXPECT_FALSE(matches_pattern("", "a"));
}

}  // namespace
}  // namespace trunkline::account
