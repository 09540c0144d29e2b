#include "stack/functions.hpp"

#include <functional>

// Sources: CloudFormation's template reference; Lambda developer guide, "Using Lambda with Amazon SQS".
namespace trunkline::stack {
namespace {

constexpr std::string_view kLambda = "lambda.amazonaws.com";
constexpr std::int64_t kLogDays = 30;
// Of a rule's invocation: the next minute makes another one.
constexpr std::int64_t kMinuteSeconds = 60;

// One function with what belongs to it.
struct Function {
  std::string id;  // ends the logical ids: "IngestGenesys"
  std::string name;
  std::string handler;
  std::string description;
  std::int64_t timeout_seconds = 30;
  std::string queue_id;  // that it reads
  std::int64_t batch = 10;
  std::int64_t window_seconds = 0;
  std::int64_t concurrency = 0;  // 0: no cap of its own
  bool delivers = false;
  std::string every_minute;  // what its scheduled event is for; empty: it has none
};

class FunctionWriter {
 public:
  FunctionWriter(const Spec& spec, Resources& to) : spec_(spec), to_(to), out_(to.out()) {}

  void shared_policy();
  void add(const Function& each) {
    log(each);
    role(each);
    function(each);
    mapping(each);
    if (!each.every_minute.empty()) every_minute(each);
  }

 private:
  void log(const Function& each);
  void role(const Function& each);
  void function(const Function& each);
  void mapping(const Function& each);
  void every_minute(const Function& each);

  const Spec& spec_;
  Resources& to_;
  json::Writer& out_;
};

// Entries of queues are `apply`'s: a function that is quicker than that finds none and fails, and gives no number away.
void FunctionWriter::shared_policy() {
  to_.add("Functions", "AWS::IAM::ManagedPolicy", "What each function may: the table, and to publish", [&] {
    out_.member("Description", "Trunkline's functions");
    out_.key("PolicyDocument").begin_object().member("Version", "2012-10-17").key("Statement").begin_array();
    add_table_statements(spec_, to_);
    to_.statement(
        "Deny", {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
        [&] { to_.arn("dynamodb", "table/" + spec_.table); },
        [&] {
          out_.key("Condition").begin_object().key("ForAnyValue:StringEquals").begin_object();
          out_.key("dynamodb:LeadingKeys").begin_array().string("reg").end_array().end_object().end_object();
        });
    // Queues that are young get their events directly.
    to_.statement({"sqs:SendMessage"}, [&] { to_.arn("sqs", spec_.prefix + "-*"); });
    out_.end_array().end_object();
  });
}

void FunctionWriter::log(const Function& each) {
  to_.add("Log" + each.id, "AWS::Logs::LogGroup", "What the function logs, its metrics among it",
          [&] { out_.member("LogGroupName", "/aws/lambda/" + each.name).key("RetentionInDays").integer(kLogDays); });
}

void FunctionWriter::role(const Function& each) {
  to_.add("Role" + each.id, "AWS::IAM::Role", "What this function alone may", [&] {
    to_.role(kLambda, "function", [&] {
      to_.statement({"logs:CreateLogStream", "logs:PutLogEvents"},
                    [&] { to_.arn("logs", "log-group:/aws/lambda/" + each.name + ":*"); });
      const auto queue = [&] { to_.get_att(each.queue_id, "Arn"); };
      if (!each.delivers)
        return to_.statement({"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}, queue);
      to_.statement(
          {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}, queue);
      // An outage disables the mapping. To list them has no resource.
      to_.statement({"lambda:ListEventSourceMappings"}, [&] { out_.string("*"); });
      to_.statement(
          "Allow", {"lambda:UpdateEventSourceMapping"}, [&] { to_.arn("lambda", "event-source-mapping:*"); },
          [&] {
            out_.key("Condition").begin_object().key("ArnEquals").begin_object().key("lambda:FunctionArn");
            to_.arn("lambda", "function:" + each.name);
            out_.end_object().end_object();
          });
    });
    out_.key("ManagedPolicyArns").begin_array();
    to_.ref("Functions");
    out_.end_array();
  });
}

void FunctionWriter::function(const Function& each) {
  const auto properties = [&] {
    out_.member("FunctionName", each.name).member("Runtime", "provided.al2023").key("Architectures").begin_array();
    out_.string(spec_.functions.architecture).end_array().member("Handler", each.handler);
    out_.key("MemorySize").integer(spec_.functions.memory_mib).key("Timeout").integer(each.timeout_seconds);
    out_.key("Role");
    to_.get_att("Role" + each.id, "Arn");
    out_.key("Code").begin_object().key("S3Bucket");
    to_.ref(kCodeBucketParameter);
    out_.key("S3Key");
    to_.ref(kCodeKeyParameter);
    out_.end_object();
    if (spec_.functions.environment.empty()) return;
    out_.key("Environment").begin_object().key("Variables").begin_object();
    for (const auto& [name, value] : spec_.functions.environment) out_.member(name, value);
    out_.end_object().end_object();
  };
  to_.add("Function" + each.id, "AWS::Lambda::Function", each.description, properties, {{}, false, {"Log" + each.id}});
}

void FunctionWriter::mapping(const Function& each) {
  to_.add("Mapping" + each.id, "AWS::Lambda::EventSourceMapping", "Its queue's messages", [&] {
    out_.key("EventSourceArn");
    to_.get_att(each.queue_id, "Arn");
    out_.key("FunctionName");
    to_.ref("Function" + each.id);
    out_.key("BatchSize").integer(each.batch);
    if (each.window_seconds > 0) out_.key("MaximumBatchingWindowInSeconds").integer(each.window_seconds);
    out_.key("FunctionResponseTypes").begin_array().string("ReportBatchItemFailures").end_array();
    if (each.concurrency == 0) return;
    out_.key("ScalingConfig").begin_object().key("MaximumConcurrency").integer(each.concurrency).end_object();
  });
}

// The rule, that it may invoke, and that an invocation that fails or waits is not made good: the next one comes in a minute.
void FunctionWriter::every_minute(const Function& each) {
  to_.add("Minute" + each.id, "AWS::Events::Rule", each.every_minute, [&] {
    out_.member("Name", each.name).member("ScheduleExpression", "rate(1 minute)").member("State", "ENABLED");
    out_.key("Targets").begin_array().begin_object().member("Id", "function").key("Arn");
    to_.get_att("Function" + each.id, "Arn");
    out_.end_object().end_array();
  });
  to_.add("Permission" + each.id, "AWS::Lambda::Permission", "Lets that rule invoke the function", [&] {
    out_.key("FunctionName");
    to_.ref("Function" + each.id);
    out_.member("Action", "lambda:InvokeFunction").member("Principal", "events.amazonaws.com").key("SourceArn");
    to_.get_att("Minute" + each.id, "Arn");
  });
  to_.add("Invocations" + each.id, "AWS::Lambda::EventInvokeConfig", "None of that rule is tried again", [&] {
    out_.key("FunctionName");
    to_.ref("Function" + each.id);
    out_.member("Qualifier", "$LATEST").key("MaximumRetryAttempts").integer(0);
    out_.key("MaximumEventAgeInSeconds").integer(kMinuteSeconds);
  });
}

Function taking(const Spec& spec, const Ingest& each, bool sweeps) {
  Function function;
  function.id = "Ingest" + camel(each.source);
  function.name = function_name(spec, each);
  function.handler = "ingest:" + each.source;
  function.description = "Takes the events of source " + each.source;
  function.timeout_seconds = kIngestTimeoutSeconds;
  function.queue_id = "Ingest" + camel(each.source);
  if (sweeps) function.every_minute = "Publishes what a worker or function has stored and left";
  return function;
}

Function delivering(const Spec& spec, const Consumer& each) {
  Function function;
  function.id = "Deliver" + camel(each.name);
  function.name = function_name(spec, each);
  function.handler = "consumer:" + each.name;
  function.description = "Delivers the events of consumer " + each.name;
  function.timeout_seconds = each.function->timeout_seconds;
  function.queue_id = logical_queue(each);
  function.batch = each.function->batch;
  function.window_seconds = each.function->window_seconds;
  function.concurrency = each.function->concurrency;
  function.delivers = true;
  function.every_minute = "Ends an outage: probes the downstream while the mapping is disabled";
  return function;
}

}  // namespace

void add_functions(const Spec& spec, Resources& to) {
  if (function_names(spec).empty()) return;
  FunctionWriter writer(spec, to);
  writer.shared_policy();
  bool sweeps = true;  // one is enough: the table is the same
  for (const Ingest& each : spec.ingests) {
    if (!each.function) continue;
    writer.add(taking(spec, each, std::exchange(sweeps, false)));
  }
  for (const Consumer& each : spec.consumers) {
    if (each.function) writer.add(delivering(spec, each));
  }
}

void add_function_parameters(const Spec& spec, json::Writer& out) {
  out.key(kCodeBucketParameter).begin_object().member("Type", "String");
  if (!spec.functions.bucket.empty()) out.member("Default", spec.functions.bucket);
  out.member("Description", "S3 bucket of this region that the functions' zip is in").end_object();
  out.key(kCodeKeyParameter).begin_object().member("Type", "String");
  out.member("Description", "Its key: `trunkline lambda zip` makes it; another zip has another key").end_object();
}

void add_table_statements(const Spec& spec, Resources& to) {
  to.statement({"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem",
                "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"},
               [&] { to.arn("dynamodb", "table/" + spec.table); });
  to.statement({"sns:Publish"}, [&] {
    for (const std::string& order : orders_in_use(spec)) to.ref("Topic" + camel(order));
  });
}

}  // namespace trunkline::stack
