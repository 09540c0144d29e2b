#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "account/findings.hpp"

// From queues to functions, and who is told. Source: Lambda developer guide, "Using Lambda with Amazon SQS"; CloudWatch
// metrics of SNS and SQS.
namespace trunkline::account {
namespace {

std::string set_queue(const Queue& queue, std::string_view attributes) {
  return fmt::format("aws sqs set-queue-attributes --queue-url {} --attributes {}", queue.url, attributes);
}
std::string set_mapping(const SourceMapping& mapping, std::string_view options) {
  return fmt::format("aws lambda update-event-source-mapping --uuid {} {}", mapping.id, options);
}

void check_function(const Queue& queue, const SourceMapping& mapping, const Function& function, Findings& out) {
  const std::int64_t least = function.timeout_seconds;
  const std::int64_t wanted = 6 * function.timeout_seconds + mapping.window_seconds;
  if (queue.visibility_seconds < wanted) {
    const bool below = queue.visibility_seconds < least;
    out.push_back(
        {is_fifo(queue.arn) && below ? Risk::reorders : Risk::loses, "short-visibility", queue.arn,
         fmt::format("a message comes again after {} s, {} may work for {} s on it: {}", queue.visibility_seconds,
                     name_of(function.arn), function.timeout_seconds,
                     below ? "it is done twice, at the same time, and counted twice towards the dead letters"
                           : "throttled or retried batches run out of it and are counted towards the dead letters"),
         set_queue(queue, fmt::format("VisibilityTimeout={}", wanted))});
  }
  // A poller that fetches no more than that is never throttled.
  const bool bounded = mapping.concurrency_max && function.reserved_concurrency &&
                       *mapping.concurrency_max <= *function.reserved_concurrency;
  if (function.reserved_concurrency && !bounded) {
    out.push_back(
        {Risk::loses, "reserved-concurrency", function.arn,
         fmt::format(
             "{} at a time: what is throttled was received already, so that the cap itself moves messages of {} "
             "to the dead letters",
             *function.reserved_concurrency, name_of(queue.arn)),
         fmt::format("aws lambda delete-function-concurrency --function-name {}; {}", name_of(function.arn),
                     set_mapping(mapping, fmt::format("--scaling-config MaximumConcurrency={}",
                                                      std::max<std::int64_t>(2, *function.reserved_concurrency))))});
  }
}

void check_mapping(const Account& account, const SourceMapping& mapping, const Queue& queue, Findings& out) {
  if (mapping.state.starts_with("Disabl")) {
    out.push_back({Risk::loses, "mapping-disabled", mapping.id,
                   fmt::format("{} is not read by {}: what waits expires after {} hours", name_of(queue.arn),
                               name_of(mapping.function_arn), queue.retention_seconds / 3600),
                   set_mapping(mapping, "--enabled")});
  }
  if (!mapping.reports_item_failures) {
    out.push_back(
        {Risk::loses, "whole-batches", mapping.id,
         fmt::format(
             "when {} fails with one message, all of its batch come again and are counted towards the dead letters",
             name_of(mapping.function_arn)),
         set_mapping(mapping, "--function-response-types ReportBatchItemFailures, and answer with batchItemFailures")});
  }
  if (queue.dead_letter_arn.empty()) {
    out.push_back(
        {Risk::loses, "queue-without-dead-letters", queue.arn,
         fmt::format(
             "a message that {} never takes comes again until it expires; in a FIFO queue its group waits as long",
             name_of(mapping.function_arn)),
         set_queue(queue, R"('{"RedrivePolicy":"{\"deadLetterTargetArn\":\"<queue>\",\"maxReceiveCount\":5}"}')")});
  } else if (queue.receives_max < 5) {
    out.push_back(
        {Risk::loses, "few-receives", queue.arn,
         fmt::format("{} receives move a message to the dead letters: so does a short outage of what {} calls",
                     queue.receives_max, name_of(mapping.function_arn)),
         set_queue(queue, "RedrivePolicy with maxReceiveCount 5 or more")});
  }
  if (const Function* function = account.function(mapping.function_arn)) check_function(queue, mapping, *function, out);
}

bool has_alarm(const Account& account, std::string_view metric, const std::string& dimension, const std::string& name) {
  return std::any_of(account.alarms.begin(), account.alarms.end(), [&](const Alarm& each) {
    const auto found = each.dimensions.find(dimension);
    return each.metric == metric && found != each.dimensions.end() && found->second == name;
  });
}

void want_alarm(const Account& account, std::string_view space, std::string_view metric, const std::string& dimension,
                const std::string& arn, std::string_view what, Findings& out) {
  if (has_alarm(account, metric, dimension, name_of(arn))) return;
  out.push_back(
      {Risk::unseen, "no-alarm", arn, fmt::format("no alarm with an action on {}: {}", metric, what),
       fmt::format(
           "aws cloudwatch put-metric-alarm --alarm-name {0}-{2} --namespace {1} --metric-name {2} --dimensions "
           "Name={3},Value={0} --statistic Maximum --period 60 --evaluation-periods 1 --threshold {4} "
           "--comparison-operator GreaterThanThreshold --alarm-actions <topic>",
           name_of(arn), space, metric, dimension, metric == "ApproximateAgeOfOldestMessage" ? 300 : 0)});
}

bool takes_dead_letters(const Account& account, const std::string& queue) {
  const auto from_queue = [&](const Queue& each) { return each.dead_letter_arn == queue; };
  if (std::any_of(account.queues.begin(), account.queues.end(), from_queue)) return true;
  for (const Topic& topic : account.topics) {
    for (const Subscription& each : topic.subscriptions) {
      if (each.dead_letter_arn == queue) return true;
    }
  }
  for (const Rule& rule : account.rules) {
    for (const Target& target : rule.targets) {
      if (target.dead_letter_arn == queue) return true;
    }
  }
  return false;
}

bool is_read(const Account& account, const std::string& queue) {
  return account.read_here.contains(name_of(queue)) ||
         std::any_of(account.mappings.begin(), account.mappings.end(),
                     [&](const SourceMapping& each) { return each.queue_arn == queue; });
}

}  // namespace

void check_consumers(const Account& account, Findings& out) {
  for (const SourceMapping& mapping : account.mappings) {
    const Queue* queue = account.queue(mapping.queue_arn);
    if (queue != nullptr) check_mapping(account, mapping, *queue, out);
  }
}

void check_alarms(const Account& account, Findings& out) {
  for (const Topic& topic : account.topics) {
    if (std::all_of(topic.subscriptions.begin(), topic.subscriptions.end(), std::mem_fn(&Subscription::for_people)))
      continue;
    want_alarm(account, "AWS/SNS", "NumberOfNotificationsFailed", "TopicName", topic.arn,
               "failed deliveries go unnoticed", out);
    if (!topic.logs_failures) {
      out.push_back(
          {Risk::unseen, "no-delivery-log", topic.arn,
           "failed deliveries to queues are not logged: why an event did not arrive cannot be found out",
           fmt::format("aws sns set-topic-attributes --topic-arn {} --attribute-name SQSFailureFeedbackRoleArn "
                       "--attribute-value <role that may write logs>",
                       topic.arn)});
    }
  }
  for (const Queue& queue : account.queues) {
    if (takes_dead_letters(account, queue.arn)) {
      want_alarm(account, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.arn,
                 "dead letters go unnoticed until they expire", out);
    } else if (is_read(account, queue.arn)) {
      want_alarm(account, "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue.arn,
                 "a consumer that does not keep up goes unnoticed", out);
    }
  }
}

}  // namespace trunkline::account
