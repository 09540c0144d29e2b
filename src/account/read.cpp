#include "account/read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "account/answer.hpp"
#include "account/policy.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::account {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr std::string_view kPartner = "aws.partner/genesys.com";

std::string object(const Parameters& members) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (const auto& [name, value] : members) {
    if (!value.empty()) writer.member(name, value);
  }
  writer.end_object();
  return out;
}

std::int64_t number(const std::string& text, std::int64_t otherwise) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() ? value : otherwise;
}
std::string at(const Attributes& attributes, const std::string& name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::string() : found->second;
}
// Without version or alias: "arn:aws:lambda:REGION:ACCOUNT:function:NAME".
std::string unqualified(std::string arn) {
  std::size_t end = 0;
  for (int colons = 0; end < arn.size() && (arn[end] != ':' || ++colons < 7); ++end) {
  }
  arn.resize(end);
  return arn;
}

class Reader {
 public:
  Reader(Api& api, const ReadScope& scope, const ReadProgress& progress)
      : api_(api), scope_(scope), progress_(progress) {}

  Result<Account> read() {
    account_.region = scope_.region;
    TRUNKLINE_TRY(account_.id, identity());
    TRUNKLINE_TRY_VOID(step("partner event sources", &Reader::read_sources, "events:ListEventSources"));
    TRUNKLINE_TRY_VOID(step("event buses", &Reader::read_buses, "events:ListEventBuses"));
    TRUNKLINE_TRY_VOID(step("rules", &Reader::read_rules, "events:ListRules and events:ListTargetsByRule"));
    TRUNKLINE_TRY_VOID(step("topics", &Reader::read_topics,
                            "sns:ListTopics, sns:GetTopicAttributes, sns:ListSubscriptionsByTopic and "
                            "sns:GetSubscriptionAttributes"));
    TRUNKLINE_TRY_VOID(step("queues", &Reader::read_queues, "sqs:ListQueues and sqs:GetQueueAttributes"));
    TRUNKLINE_TRY_VOID(step("event source mappings", &Reader::read_mappings, "lambda:ListEventSourceMappings"));
    TRUNKLINE_TRY_VOID(step("functions", &Reader::read_functions,
                            "lambda:GetFunctionConfiguration and lambda:GetFunctionConcurrency"));
    TRUNKLINE_TRY_VOID(step("schedules of functions", &Reader::read_functions_here,
                            "lambda:GetFunctionConfiguration, lambda:GetPolicy, events:ListRuleNamesByTarget and "
                            "events:DescribeRule"));
    TRUNKLINE_TRY_VOID(step("alarms", &Reader::read_alarms, "cloudwatch:DescribeAlarms"));
    return std::move(account_);
  }

 private:
  // What may not be seen is said; what stops everything is an error.
  Result<void> step(std::string_view what, Result<void> (Reader::*part)(), std::string_view permissions) {
    what_ = what;
    const Result<void> done = (this->*part)();
    if (done.ok()) return {};
    if (done.error().code == Errc::unauthenticated)
      account_.unread.push_back(
          fmt::format("{}: these credentials may not ({}): {}", what, permissions, done.error().detail));
    else if (done.error().code == Errc::unsupported || done.error().code == Errc::too_large)
      account_.unread.push_back(fmt::format("{}: {}", what, done.error().detail));
    else
      return Error{done.error().code, fmt::format("{}: {}", what, done.error().detail)};
    return {};
  }

  void count() { progress_(what_, ++calls_); }
  Result<std::string> json(std::string_view service, std::string_view operation, const Parameters& members) {
    count();
    return api_.json(service, operation, object(members));
  }
  Result<std::string> query(std::string_view service, std::string_view action, Parameters parameters) {
    count();
    std::erase_if(parameters, [](const auto& each) { return each.second.empty(); });
    return api_.query(service, action, parameters);
  }

  // Page after page; `page` answers the token of the next one.
  Result<void> pages(const std::function<Result<std::string>(const std::string& token)>& page) {
    std::string token;
    for (std::size_t read = 0; read == 0 || !token.empty(); ++read) {
      if (read == kPagesMax) return {Errc::too_large, fmt::format("only the first {} pages were read", read)};
      TRUNKLINE_TRY(token, page(token));
    }
    return {};
  }

  Result<std::string> identity() {
    count();
    TRUNKLINE_TRY(const std::string body, api_.query("sts", "GetCallerIdentity", {}));
    return text_of(body, "Account");
  }

  Result<void> read_sources();
  Result<void> read_buses();
  Result<void> read_rules();
  Result<void> read_targets(Rule& rule);
  Result<void> read_topics();
  Result<void> read_topic(Topic& topic);
  Result<void> read_subscription(Subscription& subscription);
  Result<void> read_queues();
  Result<void> read_mappings();
  Result<void> read_functions();
  Result<void> read_function(Function& function);
  Result<void> read_functions_here();
  Result<void> read_schedule(FunctionHere& function);
  Result<void> read_alarms();

  Api& api_;
  const ReadScope& scope_;
  const ReadProgress& progress_;
  std::string_view what_ = "credentials";
  std::size_t calls_ = 0;
  Account account_;
};

// Something that vanished between the list and this call is no error.
Result<void> unless_gone(Result<void> read) {
  if (!read.ok() && read.error().code == Errc::not_found) return {};
  return read;
}

Result<void> Reader::read_sources() {
  return pages([&](const std::string& token) -> Result<std::string> {
    TRUNKLINE_TRY(const std::string body,
                  json("events", "ListEventSources", {{"NamePrefix", std::string(kPartner)}, {"NextToken", token}}));
    return each_of(body, "EventSources", "NextToken", [&](json::Value each) {
      account_.sources.push_back({std::string(each.string_at("Name")), std::string(each.string_at("State"))});
    });
  });
}

Result<void> Reader::read_buses() {
  account_.buses = scope_.buses;
  return pages([&](const std::string& token) -> Result<std::string> {
    TRUNKLINE_TRY(const std::string body,
                  json("events", "ListEventBuses", {{"NamePrefix", std::string(kPartner)}, {"NextToken", token}}));
    return each_of(body, "EventBuses", "NextToken", [&](json::Value each) {
      const std::string name(each.string_at("Name"));
      auto& buses = account_.buses;
      if (std::find(buses.begin(), buses.end(), name) == buses.end()) buses.push_back(name);
    });
  });
}

Result<void> Reader::read_rules() {
  for (const std::string& bus : account_.buses) {
    TRUNKLINE_TRY_VOID(pages([&](const std::string& token) -> Result<std::string> {
      TRUNKLINE_TRY(const std::string body, json("events", "ListRules", {{"EventBusName", bus}, {"NextToken", token}}));
      return each_of(body, "Rules", "NextToken", [&](json::Value each) {
        Rule rule;
        rule.bus = bus;
        rule.name = each.string_at("Name");
        rule.arn = each.string_at("Arn");
        rule.enabled = each.string_at("State") != "DISABLED";
        rule.scheduled = !each.string_at("ScheduleExpression").empty();
        account_.rules.push_back(std::move(rule));
      });
    }));
  }
  for (Rule& rule : account_.rules) TRUNKLINE_TRY_VOID(unless_gone(read_targets(rule)));
  return {};
}

Result<void> Reader::read_targets(Rule& rule) {
  TRUNKLINE_TRY(const std::string body,
                json("events", "ListTargetsByRule", {{"Rule", rule.name}, {"EventBusName", rule.bus}}));
  // A rule has five targets at most: there is one page.
  const auto read = each_of(body, "Targets", "NextToken", [&](json::Value each) {
    Target target;
    target.id = each.string_at("Id");
    target.arn = each.string_at("Arn");
    target.role_arn = each.string_at("RoleArn");
    if (const auto dead = each.find("DeadLetterConfig")) target.dead_letter_arn = dead->string_at("Arn");
    if (const auto group = each.find("SqsParameters")) target.message_group_id = group->string_at("MessageGroupId");
    if (const auto retries = each.find("RetryPolicy")) {
      if (const auto most = retries->find("MaximumRetryAttempts")) target.retries_max = most->integer();
      if (const auto age = retries->find("MaximumEventAgeInSeconds")) target.age_max_seconds = age->integer();
    }
    rule.targets.push_back(std::move(target));
  });
  return read.ok() ? Result<void>() : Result<void>(read.error());
}

Result<void> Reader::read_topics() {
  std::vector<Topic> found;
  TRUNKLINE_TRY_VOID(pages([&](const std::string& token) -> Result<std::string> {
    TRUNKLINE_TRY(const std::string body, query("sns", "ListTopics", {{"NextToken", token}}));
    return each_member(body, "Topics", [&](pugi::xml_node member) {
      Topic topic;
      topic.arn = member.child_value("TopicArn");
      if (name_of(topic.arn).starts_with(scope_.prefix)) found.push_back(std::move(topic));
    });
  }));
  for (Topic& topic : found) {
    TRUNKLINE_TRY_VOID(unless_gone(read_topic(topic)));
    account_.topics.push_back(std::move(topic));
  }
  return {};
}

Result<void> Reader::read_topic(Topic& topic) {
  TRUNKLINE_TRY(const std::string body, query("sns", "GetTopicAttributes", {{"TopicArn", topic.arn}}));
  TRUNKLINE_TRY(const Attributes attributes, entries_of(body));
  topic.policy = at(attributes, "Policy");
  topic.logs_failures = !at(attributes, "SQSFailureFeedbackRoleArn").empty();
  TRUNKLINE_TRY_VOID(pages([&](const std::string& token) -> Result<std::string> {
    TRUNKLINE_TRY(const std::string page,
                  query("sns", "ListSubscriptionsByTopic", {{"TopicArn", topic.arn}, {"NextToken", token}}));
    return each_member(page, "Subscriptions", [&](pugi::xml_node member) {
      Subscription each;
      each.arn = member.child_value("SubscriptionArn");
      each.protocol = member.child_value("Protocol");
      each.endpoint = member.child_value("Endpoint");
      each.confirmed = each.arn.starts_with("arn:");  // else "PendingConfirmation"
      topic.subscriptions.push_back(std::move(each));
    });
  }));
  for (Subscription& each : topic.subscriptions) {
    if (each.confirmed) TRUNKLINE_TRY_VOID(unless_gone(read_subscription(each)));
  }
  return {};
}

Result<void> Reader::read_subscription(Subscription& subscription) {
  TRUNKLINE_TRY(const std::string body,
                query("sns", "GetSubscriptionAttributes", {{"SubscriptionArn", subscription.arn}}));
  TRUNKLINE_TRY(const Attributes attributes, entries_of(body));
  subscription.dead_letter_arn = member_of(at(attributes, "RedrivePolicy"), "deadLetterTargetArn");
  return {};
}

Result<void> Reader::read_queues() {
  std::vector<std::string> urls;
  TRUNKLINE_TRY_VOID(pages([&](const std::string& token) -> Result<std::string> {
    // With MaxResults there are pages; without, the first thousand only.
    std::string asked = object({{"QueueNamePrefix", scope_.prefix}, {"NextToken", token}});
    asked.pop_back();
    count();
    TRUNKLINE_TRY(const std::string body,
                  api_.json("sqs", "ListQueues", asked + (asked.size() > 1 ? "," : "") + R"("MaxResults":1000})"));
    return each_of(body, "QueueUrls", "NextToken", [&](json::Value each) { urls.emplace_back(each.string()); });
  }));
  for (const std::string& url : urls) {
    std::string asked = object({{"QueueUrl", url}});
    asked.pop_back();
    count();
    const auto body = api_.json("sqs", "GetQueueAttributes", asked + R"(,"AttributeNames":["All"]})");
    if (!body.ok() && body.error().code == Errc::not_found) continue;
    TRUNKLINE_TRY(const Attributes attributes, body.ok() ? attributes_of(*body, "Attributes") : body.error());
    Queue queue;
    queue.url = url;
    queue.arn = at(attributes, "QueueArn");
    queue.policy = at(attributes, "Policy");
    const std::string redrive = at(attributes, "RedrivePolicy");
    queue.dead_letter_arn = member_of(redrive, "deadLetterTargetArn");
    queue.receives_max = number(member_of(redrive, "maxReceiveCount"), 0);
    queue.visibility_seconds = number(at(attributes, "VisibilityTimeout"), queue.visibility_seconds);
    queue.retention_seconds = number(at(attributes, "MessageRetentionPeriod"), queue.retention_seconds);
    account_.queues.push_back(std::move(queue));
  }
  return {};
}

Result<void> Reader::read_mappings() {
  return pages([&](const std::string& token) -> Result<std::string> {
    count();
    TRUNKLINE_TRY(const std::string body,
                  api_.get("lambda", "/2015-03-31/event-source-mappings/?MaxItems=100" +
                                         (token.empty() ? "" : "&Marker=" + base::percent_encode(token))));
    return each_of(body, "EventSourceMappings", "NextMarker", [&](json::Value each) {
      SourceMapping mapping;
      mapping.id = each.string_at("UUID");
      mapping.queue_arn = each.string_at("EventSourceArn");
      mapping.function_arn = unqualified(std::string(each.string_at("FunctionArn")));
      mapping.state = each.string_at("State");
      if (const auto window = each.find("MaximumBatchingWindowInSeconds"))
        mapping.window_seconds = window->integer().value_or(0);
      if (const auto scaling = each.find("ScalingConfig")) {
        if (const auto most = scaling->find("MaximumConcurrency")) mapping.concurrency_max = most->integer();
      }
      const auto types = each.find("FunctionResponseTypes");
      for (auto type = types ? types->first() : std::nullopt; type; type = type->next())
        mapping.reports_item_failures = mapping.reports_item_failures || type->string() == "ReportBatchItemFailures";
      account_.mappings.push_back(std::move(mapping));
    });
  });
}

// Those that read queues.
Result<void> Reader::read_functions() {
  std::set<std::string> arns;
  for (const SourceMapping& each : account_.mappings) {
    if (account_.queue(each.queue_arn) != nullptr) arns.insert(each.function_arn);
  }
  for (const std::string& arn : arns) {
    Function function;
    function.arn = arn;
    TRUNKLINE_TRY_VOID(unless_gone(read_function(function)));
    account_.functions.push_back(std::move(function));
  }
  return {};
}

Result<void> Reader::read_function(Function& function) {
  const std::string name = base::percent_encode(name_of(function.arn));
  count();
  TRUNKLINE_TRY(const std::string configuration,
                api_.get("lambda", "/2015-03-31/functions/" + name + "/configuration"));
  TRUNKLINE_TRY(function.timeout_seconds, integer_of(configuration, "Timeout", function.timeout_seconds));
  count();
  TRUNKLINE_TRY(const std::string concurrency, api_.get("lambda", "/2019-09-30/functions/" + name + "/concurrency"));
  TRUNKLINE_TRY(const std::int64_t reserved, integer_of(concurrency, "ReservedConcurrentExecutions", -1));
  if (reserved >= 0) function.reserved_concurrency = reserved;
  return {};
}

// An ARN of this account's region (IAM user guide, "Amazon Resource Names").
std::string own_function_arn(const Account& account, const std::string& name) {
  const std::string_view partition = account.region.starts_with("cn-")       ? "aws-cn"
                                     : account.region.starts_with("us-gov-") ? "aws-us-gov"
                                                                             : "aws";
  return fmt::format("arn:{}:lambda:{}:{}:function:{}", partition, account.region, account.id, name);
}

Result<void> Reader::read_functions_here() {
  for (FunctionHere each : scope_.functions) {
    count();
    const auto found =
        api_.get("lambda", "/2015-03-31/functions/" + base::percent_encode(each.name) + "/configuration");
    if (!found.ok() && found.error().code != Errc::not_found) return found.error();
    each.there = found.ok();
    if (each.there && each.wants_minute) TRUNKLINE_TRY_VOID(unless_gone(read_schedule(each)));
    account_.functions_here.push_back(std::move(each));
  }
  return {};
}

Result<void> Reader::read_schedule(FunctionHere& function) {
  const std::string arn = own_function_arn(account_, function.name);
  count();
  TRUNKLINE_TRY(const std::string held,
                api_.get("lambda", "/2015-03-31/functions/" + base::percent_encode(function.name) + "/policy"));
  const std::string policy = member_of(held, "Policy");
  std::vector<std::string> rules;
  TRUNKLINE_TRY_VOID(pages([&](const std::string& token) -> Result<std::string> {
    TRUNKLINE_TRY(const std::string body,
                  json("events", "ListRuleNamesByTarget", {{"TargetArn", arn}, {"NextToken", token}}));
    return each_of(body, "RuleNames", "NextToken", [&](json::Value each) { rules.emplace_back(each.string()); });
  }));
  for (const std::string& name : rules) {
    TRUNKLINE_TRY(const std::string rule, json("events", "DescribeRule", {{"Name", name}}));
    const bool runs = member_of(rule, "State") != "DISABLED" && !member_of(rule, "ScheduleExpression").empty();
    const std::string source = member_of(rule, "Arn");
    if (runs && allows(policy, {"events.amazonaws.com", "lambda:InvokeFunction", arn, source, account_.id}))
      function.invoked_every_minute = true;
  }
  return {};
}

Result<void> Reader::read_alarms() {
  return pages([&](const std::string& token) -> Result<std::string> {
    TRUNKLINE_TRY(const std::string body, query("monitoring", "DescribeAlarms", {{"NextToken", token}}));
    return each_member(body, "MetricAlarms", [&](pugi::xml_node member) {
      if (std::string_view(member.child_value("ActionsEnabled")) != "true") return;
      if (!member.child("AlarmActions").child("member")) return;
      Alarm alarm;
      alarm.metric_namespace = member.child_value("Namespace");
      alarm.metric = member.child_value("MetricName");
      for (const pugi::xml_node each : member.child("Dimensions").children("member"))
        alarm.dimensions[each.child_value("Name")] = each.child_value("Value");
      account_.alarms.push_back(std::move(alarm));
    });
  });
}

}  // namespace

Result<Account> read(Api& api, const ReadScope& scope, const ReadProgress& progress) {
  return Reader(api, scope, progress).read();
}

}  // namespace trunkline::account
