#include <fmt/format.h>

#include <algorithm>

#include "account/findings.hpp"
#include "account/policy.hpp"

// From Genesys Cloud to what the rules of its bus call. Source: EventBridge user guide, "Retry policy and dead-letter
// queues", "Resource-based policies"; API reference, Target.
namespace trunkline::account {
namespace {

constexpr std::int64_t kOutageSeconds = 6 * 3600;  // a target may well be away for so long
constexpr std::int64_t kRetries = 185;             // which EventBridge spreads over a day
constexpr std::string_view kEventBridge = "events.amazonaws.com";

bool lets_in(const Account& account, std::string_view policy, std::string_view action, const std::string& resource,
             const Rule& rule) {
  return allows(policy, {kEventBridge, action, resource, rule.arn, account.id});
}

std::string target_repair(const Rule& rule, const Target& target, std::string_view setting) {
  return fmt::format("set {} of target {} (aws events put-targets --event-bus-name {} --rule {} --targets …)", setting,
                     target.id, rule.bus, rule.name);
}

void check_retries(const Rule& rule, const Target& target, Findings& out) {
  const std::string subject = fmt::format("{} target {}", rule.arn, target.id);
  if (target.dead_letter_arn.empty()) {
    out.push_back(
        {Risk::loses, "target-without-dead-letters", subject,
         fmt::format("what {} cannot be given is dropped when the retries have ended, and at once when it is gone "
                     "or refuses EventBridge",
                     target.arn),
         target_repair(rule, target, "DeadLetterConfig={Arn=<a standard queue>}")});
  }
  const bool soon = target.age_max_seconds.value_or(86'400) < kOutageSeconds;
  const bool few = target.retries_max.value_or(kRetries) < kRetries / 2;
  if (soon || few) {
    out.push_back(
        {Risk::loses, "short-retries", subject,
         fmt::format(
             "EventBridge gives up after {}: an outage that is longer takes every event out of its order",
             soon ? fmt::format("{} s", *target.age_max_seconds) : fmt::format("{} retries", *target.retries_max)),
         target_repair(rule, target, "RetryPolicy={MaximumRetryAttempts=185,MaximumEventAgeInSeconds=86400}")});
  }
}

void check_dead_letters(const Account& account, const Rule& rule, const Target& target, Findings& out) {
  const std::string& arn = target.dead_letter_arn;
  if (arn.empty() || !account.is_own(arn)) return;
  const Queue* queue = account.queue(arn);
  if (queue == nullptr || is_fifo(arn)) {
    out.push_back({Risk::loses, "dead-letters-gone", arn,
                   fmt::format("the dead letters of rule {} go to {}, so they are dropped", rule.name,
                               queue == nullptr ? "a queue that is not there"
                                                : "a FIFO queue, which EventBridge cannot write to"),
                   target_repair(rule, target, "DeadLetterConfig={Arn=<a standard queue>}")});
  } else if (!lets_in(account, queue->policy, "sqs:SendMessage", arn, rule)) {
    out.push_back(
        {Risk::loses, "dead-letter-policy", arn,
         fmt::format("its policy does not let events.amazonaws.com send for rule {}: dead letters are dropped",
                     rule.name),
         fmt::format("allow sqs:SendMessage to events.amazonaws.com where aws:SourceArn is {}", rule.arn)});
  }
}

void check_queue_target(const Account& account, const Rule& rule, const Target& target, Findings& out) {
  const Queue* queue = account.queue(target.arn);
  if (queue == nullptr) {
    out.push_back({Risk::loses, "target-gone", target.arn,
                   fmt::format("rule {} sends to this queue, which is not there", rule.name),
                   fmt::format("aws sqs create-queue --queue-name {}, or remove the target", name_of(target.arn))});
    return;
  }
  if (target.role_arn.empty() && !lets_in(account, queue->policy, "sqs:SendMessage", target.arn, rule)) {
    out.push_back(
        {Risk::loses, "queue-policy-events", target.arn,
         fmt::format("its policy does not let events.amazonaws.com send for rule {}: no event arrives", rule.name),
         fmt::format("allow sqs:SendMessage to events.amazonaws.com where aws:SourceArn is {}", rule.arn)});
  }
  if (is_fifo(target.arn)) {
    out.push_back(
        {Risk::loses, "one-group", target.arn,
         fmt::format("all that rule {} sends is one message group ({}), in the order in which EventBridge happens to "
                     "send it: one message that fails holds up all behind it until they expire",
                     rule.name, target.message_group_id),
         "let the rule send to a standard queue, and Trunkline's `sqs` source read that: its lanes are conversations"});
  } else if (!account.unordered.contains(name_of(target.arn))) {
    out.push_back(
        {Risk::reorders, "standard-queue", target.arn,
         fmt::format("a standard queue keeps no order: what rule {} sends is read in any", rule.name),
         "let Trunkline's `sqs` source read it: it orders the events of a conversation by their own time within "
         "event_time_window"});
  }
}

void check_topic_target(const Account& account, const Rule& rule, const Target& target, Findings& out) {
  const Topic* topic = account.topic(target.arn);
  if (topic == nullptr) {
    out.push_back({Risk::loses, "target-gone", target.arn,
                   fmt::format("rule {} publishes to this topic, which is not there", rule.name),
                   fmt::format("aws sns create-topic --name {}, or remove the target", name_of(target.arn))});
  } else if (target.role_arn.empty() && !lets_in(account, topic->policy, "sns:Publish", target.arn, rule)) {
    out.push_back(
        {Risk::loses, "topic-policy-events", target.arn,
         fmt::format("its policy does not let events.amazonaws.com publish for rule {}: no event arrives", rule.name),
         fmt::format("allow sns:Publish to events.amazonaws.com where aws:SourceArn is {}", rule.arn)});
  }
}

void check_bus(const Account& account, const std::string& bus, Findings& out) {
  const auto works = [&](const Rule& rule) { return rule.bus == bus && rule.enabled && !rule.targets.empty(); };
  if (std::any_of(account.rules.begin(), account.rules.end(), works)) return;
  out.push_back({Risk::loses, "bus-without-rule", bus,
                 "no enabled rule with a target takes events from this bus: all of them are dropped",
                 fmt::format("aws events put-rule --event-bus-name {} --name trunkline --event-pattern "
                             R"('{{"source":[{{"prefix":"aws.partner/genesys.com"}}]}}', then put-targets)",
                             bus)});
}

}  // namespace

void check_sources(const Account& account, Findings& out) {
  for (const EventSource& each : account.sources) {
    if (each.state == "PENDING") {
      out.push_back(
          {Risk::loses, "source-pending", each.name,
           "Genesys Cloud has made this event source and nobody has taken it: its events are dropped, and after two "
           "weeks it is deleted",
           fmt::format("aws events create-event-bus --name {0} --event-source-name {0}", each.name)});
    } else if (each.state != "ACTIVE") {
      out.push_back(
          {Risk::loses, "source-deleted", each.name,
           fmt::format("Genesys Cloud has ended this event source (state {}): no event comes any more", each.state),
           "make the integration Amazon EventBridge Source of Genesys Cloud anew"});
    }
  }
  for (const std::string& bus : account.buses) check_bus(account, bus, out);
}

void check_targets(const Account& account, Findings& out) {
  for (const Rule& rule : account.rules) {
    if (rule.scheduled) continue;
    if (!rule.enabled) {
      out.push_back({Risk::loses, "rule-disabled", rule.arn,
                     "the rule is disabled: events that only it takes are dropped",
                     fmt::format("aws events enable-rule --event-bus-name {} --name {}", rule.bus, rule.name)});
      continue;
    }
    for (const Target& target : rule.targets) {
      check_retries(rule, target, out);
      check_dead_letters(account, rule, target, out);
      if (!account.is_own(target.arn)) continue;
      if (service_of(target.arn) == "sqs") check_queue_target(account, rule, target, out);
      if (service_of(target.arn) == "sns") check_topic_target(account, rule, target, out);
    }
  }
}

}  // namespace trunkline::account
