#include "stack/template.hpp"

#include <fmt/format.h>

#include <functional>

#include "json/document.hpp"
#include "stack/alarms.hpp"
#include "stack/functions.hpp"
#include "stack/writer.hpp"

// Names of types and properties: CloudFormation's template reference.
namespace trunkline::stack {
namespace {

constexpr std::string_view kEventBridge = "events.amazonaws.com";
constexpr std::string_view kSns = "sns.amazonaws.com";
constexpr std::int64_t kRetentionSeconds = 1'209'600;  // 14 days, SQS's longest
// The hub quarantines what it cannot read: only what kills it is received so often.
constexpr std::int64_t kIngestReceives = 100;
// SQS's most: attempts are counted in the table, this is the last net.
constexpr std::int64_t kConsumerReceives = 1'000;
constexpr std::int64_t kRetries = 185;
constexpr std::int64_t kRetrySeconds = 86'400;

class Template {
 public:
  Template(const Spec& spec, json::Writer& out) : spec_(spec), out_(out), to_(out) {}

  void write() {
    out_.begin_object().member("AWSTemplateFormatVersion", "2010-09-09");
    out_.member("Description", fmt::format("Trunkline ({}): events of EventBridge to an ingest queue, a table, FIFO "
                                           "topics and a queue for each consumer",
                                           spec_.prefix));
    parameters();
    out_.key("Resources").begin_object();
    for (const Ingest& each : spec_.ingests) ingest(each);
    if (spec_.engine) {
      table();
      delivery_log();
      for (const std::string& order : orders_in_use(spec_)) topic(order);
      undelivered();
      for (const Consumer& each : spec_.consumers) consumer(each);
    }
    add_functions(spec_, to_);
    add_alarms(spec_, to_);
    workers();
    out_.end_object();
    outputs();
    out_.end_object();
  }

 private:
  void parameters();
  void ingest(const Ingest& each);
  void ingest_queues(const Ingest& each);
  void rule(const Ingest& each);
  void bus_name(const Ingest& each);
  void table();
  void delivery_log();
  void topic(const std::string& order);
  void undelivered();
  void consumer(const Consumer& each);
  void subscription(const Consumer& each);
  void queue(const std::string& name, bool fifo);
  void redrive(const std::string& dead_id, std::int64_t receives);
  void no_dead_letters_of_others();
  void dead_letters_of(const std::string& queue);
  void queue_policy(const std::string& id, const std::string& queue_id, std::string_view service,
                    const std::function<void()>& source);
  void workers();
  void outputs();

  const Spec& spec_;
  json::Writer& out_;
  Resources to_;
};

void Template::parameters() {
  const auto yes_no = [&](const std::string& name, std::string_view what) {
    out_.key(name).begin_object().member("Type", "String").member("Default", "true");
    out_.key("AllowedValues").begin_array().string("true").string("false").end_array();
    out_.member("Description", what).end_object();
  };
  std::vector<std::pair<std::string, std::string>> all;
  if (spec_.engine) all.emplace_back(table_parameter(), "false: the table is there already, and is used as it is");
  for (const Ingest& each : spec_.ingests) {
    if (is_partner(each))
      all.emplace_back(bus_parameter(each),
                       fmt::format("false: the event source of source {} has its bus already", each.source));
  }
  const bool functions = !function_names(spec_).empty();
  if (all.empty() && !functions) return;
  out_.key("Parameters").begin_object();
  for (const auto& [name, what] : all) yes_no(name, what);
  if (functions) add_function_parameters(spec_, out_);
  out_.end_object();
  if (all.empty()) return;
  out_.key("Conditions").begin_object();
  for (const auto& [name, what] : all) {
    out_.key(name).begin_object().key("Fn::Equals").begin_array();
    to_.ref(name);
    out_.string("true").end_array().end_object();
  }
  out_.end_object();
}

void Template::queue(const std::string& name, bool fifo) {
  out_.member("QueueName", name).key("MessageRetentionPeriod").integer(kRetentionSeconds);
  if (!fifo) return;
  out_.member("FifoQueue", true).member("DeduplicationScope", "messageGroup");
  out_.member("FifoThroughputLimit", "perMessageGroupId");
}
void Template::redrive(const std::string& dead_id, std::int64_t receives) {
  out_.key("RedrivePolicy").begin_object().key("deadLetterTargetArn");
  to_.get_att(dead_id, "Arn");
  out_.key("maxReceiveCount").integer(receives).end_object();
}
void Template::no_dead_letters_of_others() {
  out_.key("RedriveAllowPolicy").begin_object().member("redrivePermission", "denyAll").end_object();
}
void Template::dead_letters_of(const std::string& queue) {
  out_.key("RedriveAllowPolicy").begin_object().member("redrivePermission", "byQueue");
  out_.key("sourceQueueArns").begin_array();
  to_.arn("sqs", queue);
  out_.end_array().end_object();
}
void Template::queue_policy(const std::string& id, const std::string& queue_id, std::string_view service,
                            const std::function<void()>& source) {
  to_.add(id, "AWS::SQS::QueuePolicy", fmt::format("Lets {} send to {}, for its one source", service, queue_id), [&] {
    out_.key("Queues").begin_array();
    to_.ref(queue_id);
    out_.end_array().key("PolicyDocument").begin_object().member("Version", "2012-10-17");
    out_.key("Statement").begin_array();
    to_.allow(service, "sqs:SendMessage", [&] { to_.get_att(queue_id, "Arn"); }, source);
    out_.end_array().end_object();
  });
}

void Template::ingest_queues(const Ingest& each) {
  const std::string id = camel(each.source);
  to_.add("Ingest" + id, "AWS::SQS::Queue", fmt::format("Source {} fetches events from it", each.source), [&] {
    queue(each.queue, false);
    out_.key("VisibilityTimeout").integer(visibility_seconds(each));
    redrive("Dead" + id, kIngestReceives);
    no_dead_letters_of_others();
  });
  to_.add("Dead" + id, "AWS::SQS::Queue", "Messages that were received too often: the hub dies with them", [&] {
    queue(dead_name(each), false);
    dead_letters_of(each.queue);
  });
  to_.add("Unrouted" + id, "AWS::SQS::Queue", "Events that EventBridge could not give to the ingest queue",
          [&] { queue(unrouted_name(each), false); });
}

void Template::bus_name(const Ingest& each) {
  if (!is_partner(each)) {
    out_.string(each.bus);
    return;
  }
  out_.begin_object().key("Fn::If").begin_array().string(bus_parameter(each));
  to_.ref("Bus" + camel(each.source));
  out_.string(each.bus).end_array().end_object();
}

// After the policies of its queues: what EventBridge may not send is not tried again.
void Template::rule(const Ingest& each) {
  const std::string id = camel(each.source);
  const auto properties = [&] {
    out_.member("Name", rule_name(spec_, each)).key("EventBusName");
    bus_name(each);
    out_.key("EventPattern").begin_object().key("source").begin_array().begin_object();
    out_.member("prefix", "aws.partner/genesys.com").end_object().end_array().end_object();
    out_.member("State", "ENABLED").key("Targets").begin_array().begin_object().member("Id", "ingest").key("Arn");
    to_.get_att("Ingest" + id, "Arn");
    out_.key("RetryPolicy").begin_object().key("MaximumRetryAttempts").integer(kRetries);
    out_.key("MaximumEventAgeInSeconds").integer(kRetrySeconds).end_object();
    out_.key("DeadLetterConfig").begin_object().key("Arn");
    to_.get_att("Unrouted" + id, "Arn");
    out_.end_object().end_object().end_array();
  };
  to_.add("Rule" + id, "AWS::Events::Rule", "All of Genesys's events to the ingest queue, tried for a day", properties,
          {{}, false, {"PolicyIngest" + id, "PolicyUnrouted" + id}});
}

void Template::ingest(const Ingest& each) {
  const std::string id = camel(each.source);
  if (is_partner(each)) {
    to_.add("Bus" + id, "AWS::Events::EventBus", "Takes the event source that Genesys Cloud has made",
            [&] { out_.member("Name", each.bus).member("EventSourceName", each.bus); },
            {bus_parameter(each), false, {}});
  }
  ingest_queues(each);
  for (const std::string& queue_id : {"Ingest" + id, "Unrouted" + id}) {
    // By its name: the rule itself comes later.
    queue_policy("Policy" + queue_id, queue_id, kEventBridge, [&] {
      const std::string bus = each.bus == "default" ? std::string() : each.bus + "/";
      to_.arn("events", fmt::format("rule/{}{}", bus, rule_name(spec_, each)));
    });
  }
  rule(each);
}

// Keys and the attribute that ends items: src/aws_engine/keys.hpp.
void Template::table() {
  to_.add("Table", "AWS::DynamoDB::Table",
          "Events, identities, outbox, fates and state; stays when the stack is deleted",
          [&] {
            out_.member("TableName", spec_.table).member("BillingMode", "PAY_PER_REQUEST");
            out_.key("AttributeDefinitions").begin_array();
            for (const std::string_view key : {"pk", "sk"})
              out_.begin_object().member("AttributeName", key).member("AttributeType", "S").end_object();
            out_.end_array().key("KeySchema").begin_array();
            out_.begin_object().member("AttributeName", "pk").member("KeyType", "HASH").end_object();
            out_.begin_object().member("AttributeName", "sk").member("KeyType", "RANGE").end_object().end_array();
            out_.key("TimeToLiveSpecification").begin_object().member("AttributeName", "e_ends");
            out_.member("Enabled", true).end_object();
            out_.key("PointInTimeRecoverySpecification").begin_object();
            out_.member("PointInTimeRecoveryEnabled", true).end_object();
          },
          {table_parameter(), true, {}});
}

void Template::delivery_log() {
  to_.add("DeliveryLog", "AWS::IAM::Role", "SNS logs with it what it could not deliver", [&] {
    to_.role(kSns, "logs", [&] {
      to_.statement({"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutMetricFilter",
                     "logs:PutRetentionPolicy"},
                    [&] { to_.arn("logs", "log-group:sns/*"); });
    });
  });
}

void Template::topic(const std::string& order) {
  to_.add("Topic" + camel(order), "AWS::SNS::Topic",
          fmt::format("Events in the order of their {}, to the queues that want that", order), [&] {
            out_.member("TopicName", topic_name(spec_, order)).member("FifoTopic", true);
            out_.member("FifoThroughputScope", "MessageGroup");
            out_.key("DeliveryStatusLogging").begin_array().begin_object().member("Protocol", "sqs");
            out_.member("SuccessFeedbackSampleRate", "0").key("FailureFeedbackRoleArn");
            to_.get_att("DeliveryLog", "Arn");
            out_.end_object().end_array();
          });
}

void Template::undelivered() {
  to_.add("Undelivered", "AWS::SQS::Queue", "What SNS could not give to a consumer's queue",
          [&] { queue(undelivered_name(spec_), true); });
  queue_policy("PolicyUndelivered", "Undelivered", kSns, [&] {
    out_.begin_array();
    for (const std::string& order : orders_in_use(spec_)) to_.ref("Topic" + camel(order));
    out_.end_array();
  });
}

void Template::subscription(const Consumer& each) {
  const std::string id = camel(each.name);
  const auto properties = [&] {
    out_.key("TopicArn");
    to_.ref("Topic" + camel(topic_order(each)));
    out_.member("Protocol", "sqs").key("Endpoint");
    to_.get_att("Queue" + id, "Arn");
    out_.member("RawMessageDelivery", true).member("FilterPolicyScope", "MessageAttributes");
    out_.key("FilterPolicy").begin_object().key("routes").begin_array();
    out_.string(fmt::format("q{}", each.number)).end_array().end_object();
    out_.key("RedrivePolicy").begin_object().key("deadLetterTargetArn");
    to_.get_att("Undelivered", "Arn");
    out_.end_object();
  };
  to_.add("Subscription" + id, "AWS::SNS::Subscription",
          fmt::format("What is routed to {}: its filter was evaluated when the event was accepted", each.name),
          properties, {{}, false, {"PolicyQueue" + id, "PolicyUndelivered"}});
}

void Template::consumer(const Consumer& each) {
  const std::string id = camel(each.name);
  to_.add("Queue" + id, "AWS::SQS::Queue", fmt::format("Events for consumer {}, order: {}", each.name, each.order),
          [&] {
            queue(queue_name(spec_, each), is_fifo(each));
            if (each.function) out_.key("VisibilityTimeout").integer(visibility_seconds(each));
            redrive("Net" + id, kConsumerReceives);
            no_dead_letters_of_others();
          });
  to_.add("Net" + id, "AWS::SQS::Queue",
          fmt::format("The last net of {}: dead letters of a consumer stand in the table", each.name), [&] {
            queue(net_name(spec_, each), is_fifo(each));
            dead_letters_of(queue_name(spec_, each));
          });
  queue_policy("PolicyQueue" + id, "Queue" + id, kSns, [&] { to_.ref("Topic" + camel(topic_order(each))); });
  subscription(each);
}

void Template::workers() {
  to_.add("Workers", "AWS::IAM::ManagedPolicy", "What a worker may: attach it to the role that workers run as", [&] {
    out_.member("Description", "Trunkline's workers");
    out_.key("PolicyDocument").begin_object().member("Version", "2012-10-17").key("Statement").begin_array();
    if (spec_.engine) {
      add_table_statements(spec_, to_);
      // For `why CONVERSATION`.
      to_.statement({"dynamodb:Scan"}, [&] { to_.arn("dynamodb", "table/" + spec_.table); });
      // Queues by their prefix, since a policy may have 6,144 characters.
      to_.statement({"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage",
                     "sqs:GetQueueAttributes"},
                    [&] { to_.arn("sqs", spec_.prefix + "-*"); });
    }
    if (!spec_.ingests.empty()) {
      to_.statement(
          {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}, [&] {
            for (const Ingest& each : spec_.ingests) to_.get_att("Ingest" + camel(each.source), "Arn");
          });
    }
    // For `serve --cloudwatch`; metrics have no ARN.
    to_.statement({"cloudwatch:PutMetricData"}, [&] { out_.string("*"); });
    out_.end_array().end_object();
  });
}

void Template::outputs() {
  const auto output = [&](const std::string& name, std::string_view what, const std::function<void()>& value) {
    out_.key(name).begin_object().member("Description", what).key("Value");
    value();
    out_.end_object();
  };
  out_.key("Outputs").begin_object();
  output("Prefix", "Of names", [&] { out_.string(spec_.prefix); });
  if (spec_.engine) output("TableName", "Of the engine", [&] { out_.string(spec_.table); });
  output("LastQueueNumber", "The highest number that a consumer's queue was given; none is given twice",
         [&] { out_.string(std::to_string(spec_.last_number)); });
  output("WorkerPolicy", "ARN of the policy for workers", [&] { to_.ref("Workers"); });
  for (const Ingest& each : spec_.ingests) {
    const std::string id = camel(each.source);
    output("IngestUrl" + id, fmt::format("sources.{}.sqs.queue_url", each.source), [&] { to_.ref("Ingest" + id); });
  }
  if (spec_.alarm_topics.empty()) output("AlarmTopic", "Subscribe who is to be told", [&] { to_.ref("Alarms"); });
  out_.end_object();
}

constexpr std::size_t kLineMax = 110;

void lay_out(const json::Value& value, std::size_t indent, std::string& out) {
  const bool object = value.is(json::Type::object);
  const bool fits = indent > 4 && indent + value.raw().size() <= kLineMax;
  if ((!object && !value.is(json::Type::array)) || value.size() == 0 || fits) {
    out += value.raw();
    return;
  }
  out += object ? '{' : '[';
  for (auto each = value.first(); each; each = each->next()) {
    if (out.back() != '{' && out.back() != '[') out += ',';
    out += '\n';
    out.append(indent + 2, ' ');
    if (object) {
      json::append_string(out, each->name());
      out += ": ";
    }
    lay_out(*each, indent + 2, out);
  }
  out += '\n';
  out.append(indent, ' ');
  out += object ? '}' : ']';
}

}  // namespace

std::string table_parameter() {
  return "MakeTable";
}
std::string bus_parameter(const Ingest& ingest) {
  return "MakeBus" + camel(ingest.source);
}

std::string make_template(const Spec& spec) {
  std::string text;
  json::Writer out(text);
  Template(spec, out).write();
  return text;
}

std::string readable(std::string_view json) {
  json::Document document;
  const auto root = document.parse(json);
  std::string out;
  if (!root.ok()) return std::string(json);
  lay_out(*root, 0, out);
  out += '\n';
  return out;
}

std::vector<ResourceLine> resources_of(std::string_view json) {
  std::vector<ResourceLine> lines;
  json::Document document;
  const auto root = document.parse(json);
  const auto resources = root.ok() ? root->find("Resources") : std::nullopt;
  for (auto each = resources ? resources->first() : std::nullopt; each; each = each->next()) {
    ResourceLine line;
    line.id = each->name();
    line.type = each->string_at("Type");
    if (const auto metadata = each->find("Metadata")) line.description = metadata->string_at("Description");
    const auto properties = each->find("Properties");
    for (const std::string_view name :
         {"QueueName", "TopicName", "TableName", "AlarmName", "FunctionName", "LogGroupName", "Name"}) {
      if (properties && line.name.empty()) line.name = properties->string_at(name);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace trunkline::stack
