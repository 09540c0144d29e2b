#include "stack/alarms.hpp"

#include <functional>

namespace trunkline::stack {
namespace {

struct Alarm {
  std::string id;
  std::string name;  // behind the prefix
  std::string description;
  std::string space;  // "AWS/SQS"
  std::string metric;
  std::vector<std::pair<std::string, std::string>> dimensions;
  std::string statistic = "Maximum";
  std::int64_t threshold = 0;  // above it there is alarm
  std::int64_t periods = 1;    // minutes that are looked at
  std::int64_t bad = 1;        // how many of them are above
};

Alarm not_empty(std::string id, const std::string& queue, std::string what) {
  return {std::move(id),         queue + "-not-empty", std::move(what), "AWS/SQS", "ApproximateNumberOfMessagesVisible",
          {{"QueueName", queue}}};
}
Alarm too_old(std::string id, const std::string& queue, std::int64_t seconds, std::string what) {
  return {std::move(id),          queue + "-old", std::move(what), "AWS/SQS", "ApproximateAgeOfOldestMessage",
          {{"QueueName", queue}}, "Maximum",      seconds};
}

std::vector<Alarm> alarms_of_ingest(const Spec& spec, const Ingest& each) {
  const std::string id = camel(each.source);
  std::vector<std::pair<std::string, std::string>> rule;
  // Rules of the default bus have their name alone.
  if (each.bus != "default") rule.emplace_back("EventBusName", each.bus);
  rule.emplace_back("RuleName", rule_name(spec, each));
  return {
      too_old("AlarmLag" + id, each.queue, 900, "events wait for the hub: it is away, or does not keep up"),
      not_empty("AlarmDead" + id, dead_name(each), "messages were received too often: the hub dies with them"),
      not_empty("AlarmUnrouted" + id, unrouted_name(each), "EventBridge could not give events to the ingest queue"),
      {"AlarmRule" + id, rule_name(spec, each) + "-failed", "invocations of the rule's target failed for good",
       "AWS/Events", "FailedInvocations", rule, "Sum", 0},
      {"AlarmLost" + id, rule_name(spec, each) + "-lost",
       "events could go neither to the ingest queue nor to its dead letters: they are lost", "AWS/Events",
       "InvocationsFailedToBeSentToDlq", rule, "Sum", 0},
  };
}

// What one invocation does not do comes again by its queue: several minutes of it are alarming.
std::vector<Alarm> alarms_of_function(const std::string& id, const std::string& name) {
  constexpr std::int64_t kMinutes = 5;
  constexpr std::int64_t kBad = 3;
  const auto alarm = [&](std::string_view metric, std::string_view ending, std::string what) {
    return Alarm{fmt::format("Alarm{}{}", metric, id),
                 fmt::format("{}-{}", name, ending),
                 std::move(what),
                 "AWS/Lambda",
                 std::string(metric),
                 {{"FunctionName", name}},
                 "Sum",
                 0,
                 kMinutes,
                 kBad};
  };
  return {alarm("Errors", "failed", "invocations fail: the function cannot start, or not store"),
          alarm("Throttles", "throttled", "invocations are refused: the account's concurrency is used up")};
}

void add_alarms_of_functions(const Spec& spec, std::vector<Alarm>& to) {
  const auto add = [&](const std::string& id, const std::string& name) {
    for (Alarm& alarm : alarms_of_function(id, name)) to.push_back(std::move(alarm));
  };
  for (const Ingest& each : spec.ingests) {
    if (each.function) add("Ingest" + camel(each.source), function_name(spec, each));
  }
  for (const Consumer& each : spec.consumers) {
    if (each.function) add("Deliver" + camel(each.name), function_name(spec, each));
  }
}

std::vector<Alarm> alarms_of(const Spec& spec) {
  std::vector<Alarm> all;
  for (const Ingest& each : spec.ingests) {
    for (Alarm& alarm : alarms_of_ingest(spec, each)) all.push_back(std::move(alarm));
  }
  if (!spec.engine) return all;
  for (const std::string& order : orders_in_use(spec)) {
    const std::string topic = topic_name(spec, order);
    all.push_back({"AlarmTopic" + camel(order),
                   topic + "-failed",
                   "SNS could not deliver to a consumer's queue",
                   "AWS/SNS",
                   "NumberOfNotificationsFailed",
                   {{"TopicName", topic}},
                   "Sum",
                   0});
  }
  all.push_back(not_empty("AlarmUndelivered", undelivered_name(spec), "SNS could not deliver events to a queue"));
  for (const Consumer& each : spec.consumers) {
    const std::string id = camel(each.name);
    all.push_back(too_old("AlarmAge" + id, queue_name(spec, each), each.oldest_age_seconds,
                          fmt::format("events wait for consumer {}", each.name)));
    all.push_back(not_empty("AlarmNet" + id, net_name(spec, each),
                            fmt::format("events for consumer {} were received a thousand times", each.name)));
  }
  add_alarms_of_functions(spec, all);
  return all;
}

void add_topic(const Spec& spec, Resources& to) {
  to.add("Alarms", "AWS::SNS::Topic", "Alarms go here; subscribe who is to be told", [&] {
    to.out().member("TopicName", spec.prefix + "-alarms");
    if (spec.alarm_email.empty()) return;
    to.out().key("Subscription").begin_array().begin_object().member("Protocol", "email");
    to.out().member("Endpoint", spec.alarm_email).end_object().end_array();
  });
}

void add_actions(const Spec& spec, Resources& to) {
  for (const std::string_view when : {"AlarmActions", "OKActions"}) {
    to.out().key(when).begin_array();
    if (spec.alarm_topics.empty()) to.ref("Alarms");
    for (const std::string& topic : spec.alarm_topics) to.out().string(topic);
    to.out().end_array();
  }
}

}  // namespace

void add_alarms(const Spec& spec, Resources& to) {
  if (spec.alarm_topics.empty()) add_topic(spec, to);
  for (const Alarm& each : alarms_of(spec)) {
    to.add(each.id, "AWS::CloudWatch::Alarm", each.description, [&] {
      json::Writer& out = to.out();
      const std::string name = each.name.starts_with(spec.prefix + "-") ? each.name : spec.prefix + "-" + each.name;
      out.member("AlarmName", name).member("AlarmDescription", each.description);
      out.member("Namespace", each.space).member("MetricName", each.metric).key("Dimensions").begin_array();
      for (const auto& [dimension, value] : each.dimensions)
        out.begin_object().member("Name", dimension).member("Value", value).end_object();
      out.end_array().member("Statistic", each.statistic).key("Period").integer(60);
      out.key("EvaluationPeriods").integer(each.periods);
      if (each.bad != each.periods) out.key("DatapointsToAlarm").integer(each.bad);
      out.key("Threshold").integer(each.threshold);
      out.member("ComparisonOperator", "GreaterThanThreshold").member("TreatMissingData", "notBreaching");
      add_actions(spec, to);
    });
  }
}

std::size_t alarm_count(const Spec& spec) {
  return alarms_of(spec).size();
}

}  // namespace trunkline::stack
