#include <fmt/format.h>

#include <algorithm>

#include "account/findings.hpp"
#include "account/policy.hpp"

// From topics to queues. Source: SNS developer guide, "Dead-letter queues", "FIFO topics"; SQS developer guide,
// "Dead-letter queues".
namespace trunkline::account {
namespace {

constexpr std::string_view kSns = "sns.amazonaws.com";
constexpr std::int64_t kWeekSeconds = 7 * 86'400;

void check_dead_letters(const Account& account, const Topic& topic, const Subscription& each, Findings& out) {
  const std::string repair = fmt::format(
      R"(aws sns set-subscription-attributes --subscription-arn {} --attribute-name RedrivePolicy --attribute-value )"
      R"('{{"deadLetterTargetArn":"<a {} queue>"}}')",
      each.arn, is_fifo(topic.arn) ? "FIFO" : "standard");
  if (each.dead_letter_arn.empty()) {
    out.push_back(
        {Risk::loses, "subscription-without-dead-letters", each.arn,
         fmt::format("what {} does not take is dropped, at once when it is gone or refuses SNS", each.endpoint),
         repair});
    return;
  }
  if (!account.is_own(each.dead_letter_arn)) return;
  const Queue* queue = account.queue(each.dead_letter_arn);
  if (queue == nullptr || is_fifo(each.dead_letter_arn) != is_fifo(topic.arn)) {
    out.push_back(
        {Risk::loses, "dead-letters-gone", each.dead_letter_arn,
         fmt::format("the dead letters of subscription {} go to {}, so they are dropped", each.arn,
                     queue == nullptr ? "a queue that is not there" : "a queue of the other kind than its topic's"),
         repair});
  } else if (!allows(queue->policy, {kSns, "sqs:SendMessage", queue->arn, topic.arn, account.id})) {
    out.push_back({Risk::loses, "dead-letter-policy", queue->arn,
                   fmt::format("its policy does not let sns.amazonaws.com send for topic {}: dead letters are dropped",
                               name_of(topic.arn)),
                   fmt::format("allow sqs:SendMessage to sns.amazonaws.com where aws:SourceArn is {}", topic.arn)});
  }
}

void check_queue(const Account& account, const Topic& topic, const Subscription& each, Findings& out) {
  if (is_fifo(each.endpoint) && !is_fifo(topic.arn)) {
    out.push_back(
        {Risk::loses, "standard-topic-to-fifo", topic.arn,
         fmt::format("a standard topic cannot feed the FIFO queue {}: nothing arrives", name_of(each.endpoint)),
         fmt::format("make a FIFO topic and subscribe the queue to it (aws sns create-topic --name {}.fifo "
                     "--attributes FifoTopic=true)",
                     name_of(topic.arn))});
  } else if (!is_fifo(each.endpoint) && !account.unordered.contains(name_of(each.endpoint))) {
    out.push_back({Risk::reorders, "standard-queue", each.endpoint,
                   "a standard queue keeps no order and may give a message twice",
                   "a FIFO topic and FIFO queue with the conversation as message group, where the order matters"});
  }
  if (!account.is_own(each.endpoint)) return;
  const Queue* queue = account.queue(each.endpoint);
  if (queue == nullptr) {
    out.push_back({Risk::loses, "target-gone", each.endpoint,
                   fmt::format("topic {} sends to this queue, which is not there", name_of(topic.arn)),
                   fmt::format("aws sqs create-queue --queue-name {}, or aws sns unsubscribe --subscription-arn {}",
                               name_of(each.endpoint), each.arn)});
  } else if (!allows(queue->policy, {kSns, "sqs:SendMessage", queue->arn, topic.arn, account.id})) {
    out.push_back({Risk::loses, "queue-policy-sns", queue->arn,
                   fmt::format("its policy does not let sns.amazonaws.com send for topic {}: no event arrives",
                               name_of(topic.arn)),
                   fmt::format("allow sqs:SendMessage to sns.amazonaws.com where aws:SourceArn is {}", topic.arn)});
  }
}

bool feeds(const Account& account, const std::string& queue) {
  for (const Topic& topic : account.topics) {
    for (const Subscription& each : topic.subscriptions) {
      if (each.endpoint == queue) return true;
    }
  }
  return std::any_of(account.rules.begin(), account.rules.end(), [&](const Rule& rule) {
    return std::any_of(rule.targets.begin(), rule.targets.end(),
                       [&](const Target& target) { return target.arn == queue; });
  });
}

void check_redrive(const Account& account, const Queue& queue, Findings& out) {
  if (queue.dead_letter_arn.empty() || !account.is_own(queue.dead_letter_arn)) return;
  const Queue* dead = account.queue(queue.dead_letter_arn);
  if (dead == nullptr || is_fifo(queue.dead_letter_arn) != is_fifo(queue.arn)) {
    out.push_back(
        {Risk::loses, "dead-letters-gone", queue.dead_letter_arn,
         fmt::format("the dead letters of {} go to {}: a message that fails comes until it expires", name_of(queue.arn),
                     dead == nullptr ? "a queue that is not there" : "a queue of the other kind"),
         fmt::format("make that queue, {}", is_fifo(queue.arn) ? "FIFO" : "standard")});
    return;
  }
  // In a standard queue a dead letter's time to live counts from when it was first sent.
  if (dead->retention_seconds < 1'209'600 && dead->retention_seconds <= queue.retention_seconds) {
    out.push_back(
        {Risk::loses, "dead-letters-expire", dead->arn,
         fmt::format("it keeps messages {} days, no longer than {}: dead letters may vanish as they come",
                     dead->retention_seconds / 86'400, name_of(queue.arn)),
         fmt::format("aws sqs set-queue-attributes --queue-url {} --attributes MessageRetentionPeriod=1209600",
                     dead->url)});
  }
}

}  // namespace

void check_subscriptions(const Account& account, Findings& out) {
  for (const Topic& topic : account.topics) {
    for (const Subscription& each : topic.subscriptions) {
      if (!each.confirmed) {
        out.push_back({Risk::loses, "subscription-pending", topic.arn,
                       fmt::format("the subscription of {} waits for its confirmation: it gets nothing", each.endpoint),
                       "confirm it, or subscribe again"});
        continue;
      }
      if (each.for_people()) continue;
      check_dead_letters(account, topic, each, out);
      if (each.protocol == "sqs") check_queue(account, topic, each, out);
    }
  }
}

void check_queues(const Account& account, Findings& out) {
  for (const Queue& queue : account.queues) {
    check_redrive(account, queue, out);
    if (queue.retention_seconds < kWeekSeconds && feeds(account, queue.arn)) {
      out.push_back(
          {Risk::loses, "short-retention", queue.arn,
           fmt::format("what waits for {} hours is dropped without a word: a consumer that is away over a long weekend "
                       "loses it",
                       queue.retention_seconds / 3600),
           fmt::format("aws sqs set-queue-attributes --queue-url {} --attributes MessageRetentionPeriod=1209600",
                       queue.url)});
    }
  }
}

}  // namespace trunkline::account
