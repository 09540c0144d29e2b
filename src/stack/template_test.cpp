#include "stack/template.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "account/findings.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "stack/spec_testing.hpp"

namespace trunkline::stack {
namespace {

using json::Value;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kArn = "arn:aws:{}:eu-west-1:123456789012:{}";
const std::string kVectors = TRUNKLINE_SOURCE_DIR "/tests/vectors/stack/";

// CloudFormation in small: what intrinsic functions of the template come to, all conditions true.
class Stack {
 public:
  explicit Stack(std::string text) : text_(std::move(text)) {
    root_ = *document_.parse(text_);
    for (auto each = root_->find("Resources")->first(); each; each = each->next())
      resources_.emplace(each->name(), *each);
  }

  const std::map<std::string, Value, std::less<>>& resources() const { return resources_; }
  Value properties(const std::string& id) const { return *resources_.at(id).find("Properties"); }
  std::vector<std::string> of_type(std::string_view type) const {
    std::vector<std::string> ids;
    for (const auto& [id, resource] : resources_) {
      if (resource.string_at("Type") == type) ids.push_back(id);
    }
    return ids;
  }

  // Resolved JSON.
  std::string resolve(const Value& value) const {
    if (value.is(json::Type::object)) {
      if (const auto found = function(value)) return quoted(*found);
      std::string out = "{";
      for (auto each = value.first(); each; each = each->next())
        out += (out.size() > 1 ? "," : "") + quoted(std::string(each->name())) + ":" + resolve(*each);
      return out + "}";
    }
    if (!value.is(json::Type::array)) return std::string(value.raw());
    std::string out = "[";
    for (auto each = value.first(); each; each = each->next()) out += (out.size() > 1 ? "," : "") + resolve(*each);
    return out + "]";
  }
  std::string text(const std::optional<Value>& value) const {
    if (!value) return {};
    if (value->is(json::Type::object)) return function(*value).value_or("");
    return value->is(json::Type::string) ? std::string(value->string()) : std::string(value->raw());
  }
  std::string text(const std::string& id, std::string_view property) const {
    return text(properties(id).find(property));
  }

 private:
  static std::string quoted(const std::string& text) {
    std::string out;
    json::append_string(out, text);
    return out;
  }
  std::optional<std::string> function(const Value& value) const {
    if (const auto id = value.find("Ref")) return ref(std::string(id->string()));
    if (const auto at = value.find("Fn::GetAtt")) return arn(std::string(at->first()->string()));
    if (const auto sub = value.find("Fn::Sub")) return substituted(std::string(sub->string()));
    if (const auto one = value.find("Fn::If")) return text(one->first()->next());
    return std::nullopt;
  }
  static std::string substituted(std::string text) {
    for (const auto& [from, to] : std::map<std::string, std::string>{
             {"${AWS::Partition}", "aws"}, {"${AWS::Region}", "eu-west-1"}, {"${AWS::AccountId}", "123456789012"}}) {
      for (std::size_t at = 0; (at = text.find(from)) != std::string::npos;) text.replace(at, from.size(), to);
    }
    return text;
  }
  std::string ref(const std::string& id) const {
    if (!resources_.contains(id)) return "${" + id + "}";  // a parameter
    const std::string_view type = resources_.at(id).string_at("Type");
    if (type == "AWS::SNS::Topic") return fmt::format(kArn, "sns", text(id, "TopicName"));
    if (type == "AWS::SQS::Queue") return "https://sqs.eu-west-1.amazonaws.com/123456789012/" + text(id, "QueueName");
    if (type == "AWS::Events::EventBus") return text(id, "Name");
    if (type == "AWS::Lambda::Function") return text(id, "FunctionName");
    return id;
  }
  std::string arn(const std::string& id) const {
    const std::string_view type = resources_.at(id).string_at("Type");
    if (type == "AWS::SQS::Queue") return fmt::format(kArn, "sqs", text(id, "QueueName"));
    if (type == "AWS::Lambda::Function") return fmt::format(kArn, "lambda", "function:" + text(id, "FunctionName"));
    if (type == "AWS::Events::Rule" && !properties(id).find("EventBusName"))
      return fmt::format(kArn, "events", "rule/" + text(id, "Name"));
    if (type == "AWS::Events::Rule")
      return fmt::format(kArn, "events", fmt::format("rule/{}/{}", text(id, "EventBusName"), text(id, "Name")));
    return "arn:aws:iam::123456789012:role/" + id;
  }

  std::string text_;
  json::Document document_;
  std::optional<Value> root_;
  std::map<std::string, Value, std::less<>> resources_;
};

std::int64_t number(const std::optional<Value>& value) {
  return value ? value->integer().value_or(-1) : -1;
}

void read_queues(const Stack& stack, account::Account& to) {
  for (const std::string& id : stack.of_type("AWS::SQS::Queue")) {
    account::Queue queue;
    queue.arn = fmt::format(kArn, "sqs", stack.text(id, "QueueName"));
    queue.url = stack.text(id, "QueueName");
    queue.retention_seconds = number(stack.properties(id).find("MessageRetentionPeriod"));
    if (const auto visibility = stack.properties(id).find("VisibilityTimeout"))
      queue.visibility_seconds = number(visibility);
    if (const auto redrive = stack.properties(id).find("RedrivePolicy")) {
      queue.dead_letter_arn = stack.text(redrive->find("deadLetterTargetArn"));
      queue.receives_max = number(redrive->find("maxReceiveCount"));
    }
    for (const std::string& policy : stack.of_type("AWS::SQS::QueuePolicy")) {
      if (stack.properties(policy).find("Queues")->first()->string_at("Ref") == id)
        queue.policy = stack.resolve(*stack.properties(policy).find("PolicyDocument"));
    }
    to.queues.push_back(std::move(queue));
  }
}

void read_topics(const Stack& stack, account::Account& to) {
  for (const std::string& id : stack.of_type("AWS::SNS::Topic")) {
    account::Topic topic;
    topic.arn = fmt::format(kArn, "sns", stack.text(id, "TopicName"));
    topic.logs_failures = stack.properties(id).find("DeliveryStatusLogging").has_value();
    for (const std::string& each : stack.of_type("AWS::SNS::Subscription")) {
      if (stack.text(each, "TopicArn") != topic.arn) continue;
      account::Subscription subscription;
      subscription.arn = topic.arn + ":" + each;
      subscription.protocol = stack.text(each, "Protocol");
      subscription.endpoint = stack.text(each, "Endpoint");
      const auto redrive = stack.properties(each).find("RedrivePolicy");
      if (redrive) subscription.dead_letter_arn = stack.text(redrive->find("deadLetterTargetArn"));
      topic.subscriptions.push_back(std::move(subscription));
    }
    to.topics.push_back(std::move(topic));
  }
}

void read_rules(const Stack& stack, account::Account& to) {
  for (const std::string& id : stack.of_type("AWS::Events::EventBus")) {
    to.sources.push_back({stack.text(id, "EventSourceName"), "ACTIVE"});
    to.buses.push_back(stack.text(id, "Name"));
  }
  for (const std::string& id : stack.of_type("AWS::Events::Rule")) {
    if (stack.properties(id).find("ScheduleExpression")) continue;
    account::Rule rule;
    rule.bus = stack.text(id, "EventBusName");
    rule.name = stack.text(id, "Name");
    rule.arn = fmt::format(kArn, "events", fmt::format("rule/{}/{}", rule.bus, rule.name));
    rule.enabled = stack.text(id, "State") == "ENABLED";
    const Value given = *stack.properties(id).find("Targets")->first();
    account::Target target;
    target.id = given.string_at("Id");
    target.arn = stack.text(given.find("Arn"));
    target.dead_letter_arn = stack.text(given.find("DeadLetterConfig")->find("Arn"));
    target.retries_max = number(given.find("RetryPolicy")->find("MaximumRetryAttempts"));
    target.age_max_seconds = number(given.find("RetryPolicy")->find("MaximumEventAgeInSeconds"));
    rule.targets.push_back(std::move(target));
    to.rules.push_back(std::move(rule));
  }
}

void read_functions(const Stack& stack, account::Account& to) {
  for (const std::string& id : stack.of_type("AWS::Lambda::Function")) {
    account::Function function;
    function.arn = fmt::format(kArn, "lambda", "function:" + stack.text(id, "FunctionName"));
    function.timeout_seconds = number(stack.properties(id).find("Timeout"));
    to.functions.push_back(std::move(function));
  }
  for (const std::string& id : stack.of_type("AWS::Lambda::EventSourceMapping")) {
    account::SourceMapping mapping;
    mapping.id = id;
    mapping.queue_arn = stack.text(id, "EventSourceArn");
    mapping.function_arn = fmt::format(kArn, "lambda", "function:" + stack.text(id, "FunctionName"));
    mapping.state = "Enabled";
    if (const auto window = stack.properties(id).find("MaximumBatchingWindowInSeconds"))
      mapping.window_seconds = number(window);
    if (const auto scaling = stack.properties(id).find("ScalingConfig"))
      mapping.concurrency_max = number(scaling->find("MaximumConcurrency"));
    const auto types = stack.properties(id).find("FunctionResponseTypes");
    mapping.reports_item_failures = types && types->raw() == R"(["ReportBatchItemFailures"])";
    to.mappings.push_back(std::move(mapping));
  }
}

account::Account deployed(const Spec& spec) {
  const Stack stack(make_template(spec));
  account::Account made;
  made.id = "123456789012";
  made.region = "eu-west-1";
  read_queues(stack, made);
  read_topics(stack, made);
  read_rules(stack, made);
  read_functions(stack, made);
  for (const std::string& id : stack.of_type("AWS::CloudWatch::Alarm")) {
    const Value properties = stack.properties(id);
    if (properties.find("AlarmActions")->size() == 0) continue;
    account::Alarm alarm{stack.text(id, "Namespace"), stack.text(id, "MetricName"), {}};
    for (auto each = properties.find("Dimensions")->first(); each; each = each->next())
      alarm.dimensions.emplace(each->string_at("Name"), each->string_at("Value"));
    made.alarms.push_back(std::move(alarm));
  }
  for (const Ingest& each : spec.ingests) {
    made.unordered.insert(each.queue);
    made.read_here.insert(each.queue);
  }
  for (const Consumer& each : spec.consumers) {
    if (!is_fifo(each)) made.unordered.insert(queue_name(spec, each));
    made.read_here.insert(queue_name(spec, each));
  }
  return made;
}

std::set<std::string> codes(const account::Account& account) {
  std::set<std::string> found;
  for (const account::Finding& each : account::examine(account)) found.insert(each.code + " " + each.subject);
  return found;
}

TEST(Template, makes_what_the_doctor_finds_nothing_in) {
  account::Account account = deployed(sample_spec());
  EXPECT_EQ(account.queues.size(), 3U + 1U + 2U * 4U);
  ASSERT_EQ(account.topics.size(), 3U);
  EXPECT_EQ(account.rules.size(), 1U);
  EXPECT_THAT(codes(account), IsEmpty());
  // Each of these would be seen.
  account.queues[0].policy.clear();
  account.alarms.clear();
  EXPECT_GT(codes(account).size(), 5U);
}

TEST(Template, without_an_engine_is_the_ingest_queue_alone) {
  Spec spec = sample_spec();
  spec.engine = false;
  spec.consumers.clear();
  const account::Account account = deployed(spec);
  EXPECT_EQ(account.queues.size(), 3U);
  EXPECT_THAT(codes(account), IsEmpty());
  const Stack stack(make_template(spec));
  EXPECT_THAT(stack.of_type("AWS::DynamoDB::Table"), IsEmpty());
  EXPECT_THAT(stack.resolve(stack.properties("Workers")), Not(HasSubstr("dynamodb")));
}

TEST(Template, of_workers_that_take_events_themselves_has_no_ingest) {
  Spec spec = sample_spec();
  spec.ingests.clear();
  EXPECT_EQ(problems_of(spec).size(), 1U);
  spec.by_http = true;
  EXPECT_THAT(problems_of(spec), IsEmpty());
  const account::Account account = deployed(spec);
  EXPECT_EQ(account.queues.size(), 1U + 2U * 4U);
  EXPECT_THAT(account.rules, IsEmpty());
  EXPECT_THAT(codes(account), IsEmpty());
  EXPECT_THAT(make_template(spec), Not(HasSubstr(R"("Resource":[])")));
}

TEST(Template, of_a_bus_that_is_there_has_no_parameters_for_it) {
  Spec spec = sample_spec();
  spec.ingests[0].bus = "genesys";
  const std::string text = make_template(spec);
  EXPECT_THAT(text, Not(HasSubstr("MakeBus")));
  EXPECT_THAT(text, HasSubstr(R"("EventBusName":"genesys")"));
  spec.engine = false;
  EXPECT_THAT(make_template(spec), Not(HasSubstr("Parameters")));
}

TEST(Template, says_what_each_resource_is_and_names_each_once) {
  const std::string text = make_template(sample_spec());
  std::set<std::pair<std::string, std::string>> names;
  for (const ResourceLine& each : resources_of(text)) {
    EXPECT_FALSE(each.description.empty()) << each.id;
    EXPECT_EQ(each.id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
              std::string::npos);
    EXPECT_TRUE(each.name.empty() || names.emplace(each.type, each.name).second) << each.name;
  }
}

TEST(Template, has_the_table_as_the_engine_wants_it_and_keeps_it) {
  const Stack stack(make_template(sample_spec()));
  EXPECT_EQ(stack.resources().at("Table").string_at("DeletionPolicy"), "Retain");
  EXPECT_EQ(stack.resources().at("Table").string_at("UpdateReplacePolicy"), "Retain");
  const std::string table = stack.resolve(stack.properties("Table"));
  EXPECT_THAT(table, HasSubstr(R"("KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},)"
                               R"({"AttributeName":"sk","KeyType":"RANGE"}])"));
  EXPECT_THAT(table, HasSubstr(R"("TimeToLiveSpecification":{"AttributeName":"e_ends","Enabled":true})"));
  EXPECT_EQ(stack.text("Table", "BillingMode"), "PAY_PER_REQUEST");
}

TEST(Template, has_queues_as_the_engine_makes_them) {
  const Stack stack(make_template(sample_spec()));
  EXPECT_EQ(
      stack.resolve(stack.properties("QueueCrmMain")),
      R"({"QueueName":"trunkline-2-crm-main.fifo","MessageRetentionPeriod":1209600,"FifoQueue":true,)"
      R"("DeduplicationScope":"messageGroup","FifoThroughputLimit":"perMessageGroupId",)"
      R"("RedrivePolicy":{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:trunkline-2-crm-main-net.fifo",)"
      R"("maxReceiveCount":1000},"RedriveAllowPolicy":{"redrivePermission":"denyAll"}})");
  EXPECT_THAT(stack.resolve(stack.properties("NetCrmMain")),
              HasSubstr(R"("RedriveAllowPolicy":{"redrivePermission":"byQueue","sourceQueueArns":)"
                        R"(["arn:aws:sqs:eu-west-1:123456789012:trunkline-2-crm-main.fifo"]})"));
  EXPECT_EQ(
      stack.resolve(stack.properties("SubscriptionSiem")),
      R"({"TopicArn":"arn:aws:sns:eu-west-1:123456789012:trunkline-conversation.fifo","Protocol":"sqs",)"
      R"("Endpoint":"arn:aws:sqs:eu-west-1:123456789012:trunkline-1-siem","RawMessageDelivery":true,)"
      R"("FilterPolicyScope":"MessageAttributes","FilterPolicy":{"routes":["q1"]},)"
      R"("RedrivePolicy":{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:trunkline-undelivered.fifo"}})");
  EXPECT_EQ(stack.text("TopicAgent", "FifoThroughputScope"), "MessageGroup");
}

TEST(Template, lets_only_the_one_source_send) {
  const Stack stack(make_template(sample_spec()));
  const std::string policy = stack.resolve(stack.properties("PolicyIngestGenesysProd"));
  EXPECT_THAT(policy, HasSubstr(R"("Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage",)"
                                R"("Resource":"arn:aws:sqs:eu-west-1:123456789012:genesys-events")"));
  EXPECT_THAT(policy, HasSubstr(R"("ArnEquals":{"aws:SourceArn":"arn:aws:events:eu-west-1:123456789012:rule/)"
                                R"(aws.partner/genesys.com/cloud/0b5e/trunkline/trunkline-genesys-prod"})"));
}

TEST(Template, alarms_go_where_the_configuration_says) {
  Spec spec = sample_spec();
  EXPECT_THAT(make_template(spec), HasSubstr(R"("AlarmActions":[{"Ref":"Alarms"}])"));
  spec.alarm_email = "ops@example.com";
  EXPECT_THAT(make_template(spec), HasSubstr(R"({"Protocol":"email","Endpoint":"ops@example.com"})"));
  EXPECT_THAT(codes(deployed(spec)), IsEmpty());
  spec.alarm_email.clear();
  spec.alarm_topics = {"arn:aws:sns:eu-west-1:123456789012:operators"};
  EXPECT_THAT(make_template(spec), HasSubstr(R"("AlarmActions":["arn:aws:sns:eu-west-1:123456789012:operators"])"));
  EXPECT_THAT(make_template(spec), Not(HasSubstr(R"("Alarms":)")));
  EXPECT_THAT(codes(deployed(spec)), IsEmpty());
}

TEST(Template, holds_names_that_need_escapes) {
  Spec spec = sample_spec();
  spec.alarm_email = "\"a\\\n\"@example.com";
  json::Document document;
  const std::string text = make_template(spec);
  ASSERT_TRUE(document.parse(text).ok());
  EXPECT_THAT(text, HasSubstr(R"("Endpoint":"\"a\\\n\"@example.com")"));
}

TEST(Functions, are_none_where_the_spec_has_none) {
  const Stack stack(make_template(sample_spec()));
  for (const std::string_view type :
       {"AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Logs::LogGroup"})
    EXPECT_THAT(stack.of_type(type), IsEmpty());
  EXPECT_THAT(make_template(sample_spec()), Not(HasSubstr("FunctionCode")));
}

TEST(Functions, are_made_so_that_the_doctor_finds_nothing) {
  account::Account account = deployed(sample_functions_spec());
  EXPECT_EQ(account.functions.size(), 4U);
  EXPECT_EQ(account.mappings.size(), 4U);
  EXPECT_THAT(codes(account), IsEmpty());
  // Each of these would be seen.
  account.mappings[0].reports_item_failures = false;
  account.mappings[1].state = "Disabled";
  account.functions[0].reserved_concurrency = 1;
  for (account::Queue& queue : account.queues) queue.visibility_seconds = 30;
  std::set<std::string> found;
  for (const account::Finding& each : account::examine(account)) found.insert(each.code);
  EXPECT_THAT(found,
              testing::IsSupersetOf({"whole-batches", "mapping-disabled", "reserved-concurrency", "short-visibility"}));
}

TEST(Functions, have_the_zip_of_the_parameters_and_the_handler_that_says_which_they_are) {
  const Stack stack(make_template(sample_functions_spec()));
  EXPECT_EQ(stack.resolve(stack.properties("FunctionDeliverCrmMain")),
            R"({"FunctionName":"trunkline-deliver-crm-main","Runtime":"provided.al2023","Architectures":["arm64"],)"
            R"("Handler":"consumer:crm-main","MemorySize":512,"Timeout":30,)"
            R"("Role":"arn:aws:iam::123456789012:role/RoleDeliverCrmMain",)"
            R"("Code":{"S3Bucket":"${FunctionCodeBucket}","S3Key":"${FunctionCodeKey}"},)"
            R"("Environment":{"Variables":{"HEC_TOKEN":"{{resolve:secretsmanager:hec:SecretString:token}}"}}})");
  EXPECT_EQ(stack.text("FunctionIngestGenesysProd", "Handler"), "ingest:genesys-prod");
  EXPECT_FALSE(stack.resources().contains("FunctionDeliverWfm"));
  EXPECT_THAT(make_template(sample_functions_spec()),
              HasSubstr(R"("FunctionCodeBucket":{"Type":"String","Default":"code-bucket")"));
}

TEST(Functions, get_their_messages_by_a_mapping_that_keeps_order_and_cap) {
  const Stack stack(make_template(sample_functions_spec()));
  EXPECT_EQ(stack.resolve(stack.properties("MappingDeliverCrmMain")),
            R"({"EventSourceArn":"arn:aws:sqs:eu-west-1:123456789012:trunkline-2-crm-main.fifo",)"
            R"("FunctionName":"trunkline-deliver-crm-main","BatchSize":10,)"
            R"("FunctionResponseTypes":["ReportBatchItemFailures"],"ScalingConfig":{"MaximumConcurrency":16}})");
  const std::string siem = stack.resolve(stack.properties("MappingDeliverSiem"));
  EXPECT_THAT(siem, HasSubstr(R"("BatchSize":500,"MaximumBatchingWindowInSeconds":20)"));
  EXPECT_EQ(number(stack.properties("QueueSiem").find("VisibilityTimeout")), 6 * 40 + 20);
  EXPECT_EQ(number(stack.properties("IngestGenesysProd").find("VisibilityTimeout")), 6 * 30);
  EXPECT_FALSE(stack.properties("QueueWfm").find("VisibilityTimeout"));
  EXPECT_THAT(stack.resolve(stack.properties("MappingIngestGenesysProd")), Not(HasSubstr("ScalingConfig")));
}

TEST(Functions, may_what_they_need_and_no_more) {
  const Stack stack(make_template(sample_functions_spec()));
  const std::string crm = stack.resolve(stack.properties("RoleDeliverCrmMain"));
  EXPECT_THAT(crm, HasSubstr(R"("Principal":{"Service":"lambda.amazonaws.com"})"));
  EXPECT_THAT(crm, HasSubstr(R"("Resource":["arn:aws:sqs:eu-west-1:123456789012:trunkline-2-crm-main.fifo"])"));
  EXPECT_THAT(crm, HasSubstr(R"("Action":["lambda:UpdateEventSourceMapping"],"Resource":)"
                             R"(["arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:*"],"Condition":)"
                             R"({"ArnEquals":{"lambda:FunctionArn":)"
                             R"("arn:aws:lambda:eu-west-1:123456789012:function:trunkline-deliver-crm-main"}})"));
  EXPECT_THAT(crm, HasSubstr("log-group:/aws/lambda/trunkline-deliver-crm-main:*"));
  EXPECT_THAT(crm, Not(HasSubstr("trunkline-1-siem")));
  const std::string ingest = stack.resolve(stack.properties("RoleIngestGenesysProd"));
  EXPECT_THAT(ingest, Not(HasSubstr("EventSourceMapping")));
  EXPECT_THAT(ingest, HasSubstr(R"("Resource":["arn:aws:sqs:eu-west-1:123456789012:genesys-events"])"));
  const std::string shared = stack.resolve(stack.properties("Functions"));
  EXPECT_THAT(shared, HasSubstr(R"({"Effect":"Deny","Action":["dynamodb:PutItem","dynamodb:UpdateItem",)"
                                R"("dynamodb:DeleteItem"],"Resource":["arn:aws:dynamodb:eu-west-1:123456789012:)"
                                R"(table/trunkline"],"Condition":{"ForAnyValue:StringEquals":)"
                                R"({"dynamodb:LeadingKeys":["reg"]}}})"));
}

TEST(Functions, are_invoked_every_minute_by_their_own_rule_alone) {
  const Stack stack(make_template(sample_functions_spec()));
  for (const std::string id : {"IngestGenesysProd", "DeliverSiem", "DeliverCrmMain", "DeliverDashboard"}) {
    EXPECT_EQ(stack.text("Minute" + id, "ScheduleExpression"), "rate(1 minute)");
    EXPECT_EQ(stack.text("Permission" + id, "SourceArn"),
              fmt::format(kArn, "events", "rule/" + stack.text("Minute" + id, "Name")));
    EXPECT_EQ(stack.text("Permission" + id, "Action"), "lambda:InvokeFunction");
    EXPECT_EQ(number(stack.properties("Invocations" + id).find("MaximumRetryAttempts")), 0);
  }
  // A sweep is the table's: one source's function does it for all.
  Spec two = sample_functions_spec();
  two.ingests.push_back({"second", "second-events", "genesys", 60, true});
  EXPECT_EQ(Stack(make_template(two)).of_type("AWS::Lambda::Permission").size(), 4U);
}

TEST(Workers, may_put_metrics) {
  for (const Spec& spec : {sample_spec(), sample_functions_spec()}) {
    const Stack stack(make_template(spec));
    EXPECT_THAT(stack.resolve(stack.properties("Workers")),
                HasSubstr(R"({"Effect":"Allow","Action":["cloudwatch:PutMetricData"],"Resource":["*"]})"));
  }
}

TEST(Template, opens_no_way_before_its_end_may_be_entered) {
  const Stack stack(make_template(sample_spec()));
  const auto after = [&](const std::string& id) {
    return std::string(stack.resources().at(id).find("DependsOn")->raw());
  };
  EXPECT_EQ(after("RuleGenesysProd"), R"(["PolicyIngestGenesysProd","PolicyUnroutedGenesysProd"])");
  EXPECT_EQ(after("SubscriptionWfm"), R"(["PolicyQueueWfm","PolicyUndelivered"])");
  EXPECT_THAT(stack.properties("PolicyIngestGenesysProd").raw(), Not(HasSubstr("RuleGenesysProd")));
}

TEST(Template, keeps_within_a_call_of_cloudformation_for_the_guide_s_four_consumers) {
  EXPECT_LT(make_template(sample_spec()).size(), kTemplateBytesMax);
}

std::string file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// A change of these bytes is a change of what stands in AWS: TRUNKLINE_WRITE_GOLDEN=1 writes the file anew.
TEST(Template, has_the_bytes_of_the_fixture) {
  const std::map<std::string, Spec> fixtures = {{"template.json", sample_spec()},
                                                {"functions.json", sample_functions_spec()}};
  for (const auto& [name, spec] : fixtures) {
    const std::string text = readable(make_template(spec));
    EXPECT_EQ(text, readable(make_template(spec)));
    if (std::getenv("TRUNKLINE_WRITE_GOLDEN") != nullptr) std::ofstream(kVectors + name) << text;
    EXPECT_EQ(text, file(kVectors + name));
  }
}

TEST(Readable, changes_nothing_but_white_space) {
  EXPECT_EQ(readable(R"({"a":{"b":[1,"x , y"],"c":{}}})"),
            "{\n  \"a\": {\n    \"b\": [\n      1,\n      \"x , y\"\n    ],\n    \"c\": {}\n  }\n}\n");
  const std::string text = make_template(sample_spec());
  std::string squeezed;
  bool quoted = false;
  for (const char c : readable(text)) {
    if (c == '"') quoted = !quoted;
    if (quoted || (c != ' ' && c != '\n')) squeezed += c;
  }
  EXPECT_EQ(squeezed, text);
}

}  // namespace
}  // namespace trunkline::stack
