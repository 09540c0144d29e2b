#include "stack/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/hash.hpp"
#include "json/document.hpp"

namespace trunkline::stack {
namespace {

using base::Errc;
using base::Result;

// Of SQS and EventBridge.
constexpr std::size_t kQueueNameMax = 80;
constexpr std::size_t kRuleNameMax = 64;
constexpr std::size_t kFunctionNameMax = 64;
// Of Lambda: quotas of a function.
constexpr std::int64_t kTimeoutMax = 900;
constexpr std::size_t kEnvironmentBytesMax = 4'096;
constexpr std::int64_t kTimesTimeout = 6;
constexpr std::size_t kBusNameMax = 256;
constexpr std::size_t kPrefixMax = 20;
// Of a consumer's name within a queue's, as the engine cuts it.
constexpr std::size_t kOwnNameMax = 40;
// Quotas of SNS: subscriptions of a FIFO topic.
constexpr std::size_t kSubscriptionsMax = 100;
constexpr std::size_t kTableNameMax = 255;

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool all_of_name(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](char c) { return is_letter_or_digit(c) || others.find(c) != others.npos; });
}

std::string base_name(const Spec& spec, const Consumer& consumer) {
  std::string name = consumer.name.substr(0, kOwnNameMax);
  std::ranges::replace_if(name, [](char c) { return !is_letter_or_digit(c); }, '-');
  return fmt::format("{}-{}-{}", spec.prefix, consumer.number, name);
}

// What is cut off still tells one from another.
std::string cut_to(std::size_t most, std::string name) {
  if (name.size() <= most) return name;
  const std::string rest = fmt::format("-{:08x}", base::hash64(name) >> 32);
  return name.substr(0, most - rest.size()) + rest;
}

class Problems {
 public:
  void add(std::string text) { list.push_back(std::move(text)); }
  std::vector<std::string> list;
};

void check_names(const Spec& spec, Problems& out) {
  if (spec.prefix.empty() || spec.prefix.size() > kPrefixMax || !all_of_name(spec.prefix, "-"))
    out.add(fmt::format("aws.prefix '{}': 1 to {} letters, digits and '-', since it begins the names of queues",
                        spec.prefix, kPrefixMax));
  if (spec.table.size() < 3 || spec.table.size() > kTableNameMax || !all_of_name(spec.table, "-_."))
    out.add(fmt::format("aws.table '{}': 3 to {} letters, digits, '-', '_' and '.'", spec.table, kTableNameMax));
  for (const std::string& arn : spec.alarm_topics) {
    if (!arn.starts_with("arn:") || arn.find(":sns:") == std::string::npos)
      out.add(fmt::format("aws.alarm_topics '{}': no ARN of a topic (arn:aws:sns:REGION:ACCOUNT:NAME)", arn));
  }
  if (!spec.alarm_topics.empty() && !spec.alarm_email.empty())
    out.add("aws.alarm_email: belongs to the topic that the stack makes, and aws.alarm_topics names others; leave one");
}

void check_ingest(const Ingest& each, Problems& out) {
  const std::string where = fmt::format("sources.{}.sqs", each.source);
  if (each.queue.ends_with(".fifo")) {
    out.add(
        fmt::format("{}.queue_url: EventBridge puts all that a rule sends to a FIFO queue into one message group, so "
                    "that one message that fails holds up all behind it; name a standard queue",
                    where));
  } else if (each.queue.empty() || !all_of_name(each.queue, "-_") || unrouted_name(each).size() > kQueueNameMax) {
    out.add(
        fmt::format("{}.queue_url: '{}' is no name that a queue and its dead-letter queues can have: 1 to {} "
                    "letters, digits, '-' and '_'",
                    where, each.queue, kQueueNameMax - (unrouted_name(each).size() - each.queue.size())));
  }
  if (each.bus.empty()) {
    out.add(
        fmt::format("{}.event_bus: missing; name the partner event source that Genesys Cloud has made "
                    "(aws.partner/genesys.com/cloud/ORG-ID/NAME; `aws events list-event-sources` shows it), or an "
                    "event bus",
                    where));
  } else if (!all_of_name(each.bus, "/.-_") || each.bus.size() > kBusNameMax) {
    out.add(fmt::format("{}.event_bus '{}': no name of an event bus, which is letters, digits, '/', '.', '-' and '_'",
                        where, each.bus));
  }
}

void check_consumers(const Spec& spec, Problems& out) {
  std::map<std::string, std::size_t> subscriptions;
  for (const Consumer& each : spec.consumers) ++subscriptions[topic_order(each)];
  for (const auto& [order, count] : subscriptions) {
    if (count > kSubscriptionsMax)
      out.add(
          fmt::format("{} consumers are behind topic {}, and a FIFO topic of SNS has at most {} subscriptions; "
                      "deploy some of them with another configuration and aws.prefix",
                      count, topic_name(spec, order), kSubscriptionsMax));
  }
}

void check_functions(const Spec& spec, Problems& out) {
  for (const Consumer& each : spec.consumers) {
    if (each.function && each.function->timeout_seconds > kTimeoutMax)
      out.add(
          fmt::format("consumers.{}.sink: a function would need {} s for what its time-outs allow, and has {} at most: "
                      "shorten them, or say function: false",
                      each.name, each.function->timeout_seconds, kTimeoutMax));
  }
  std::size_t bytes = 0;
  for (const auto& [name, value] : spec.functions.environment) bytes += name.size() + value.size();
  if (bytes > kEnvironmentBytesMax)
    out.add(
        fmt::format("aws.functions.environment: {} bytes, and a function has {} at most", bytes, kEnvironmentBytesMax));
}

// Logical ids are letters and digits only.
template <class T, class Name>
void check_distinct(const std::vector<T>& list, const Name& name, std::string_view kind, Problems& out) {
  std::map<std::string, std::string> seen;
  for (const T& each : list) {
    const auto [found, fresh] = seen.try_emplace(camel(name(each)), name(each));
    if (!fresh)
      out.add(
          fmt::format("{} '{}' and '{}' have the same name in CloudFormation, which knows letters and digits only: "
                      "{}; call one of them otherwise",
                      kind, found->second, name(each), found->first));
  }
}

}  // namespace

std::string camel(std::string_view name) {
  std::string out;
  bool upper = true;
  for (const char c : name) {
    if (is_letter_or_digit(c)) out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = !is_letter_or_digit(c);
  }
  return out;
}
std::string logical_queue(const Consumer& consumer) {
  return "Queue" + camel(consumer.name);
}

std::string queue_name(const Spec& spec, const Consumer& consumer) {
  return base_name(spec, consumer) + (is_fifo(consumer) ? ".fifo" : "");
}
std::string net_name(const Spec& spec, const Consumer& consumer) {
  return base_name(spec, consumer) + (is_fifo(consumer) ? "-net.fifo" : "-net");
}
std::string topic_order(const Consumer& consumer) {
  return is_fifo(consumer) ? consumer.order : "conversation";
}
std::string topic_name(const Spec& spec, std::string_view order) {
  return fmt::format("{}-{}.fifo", spec.prefix, order);
}
std::string undelivered_name(const Spec& spec) {
  return spec.prefix + "-undelivered.fifo";
}
std::string dead_name(const Ingest& ingest) {
  return ingest.queue + "-dead";
}
std::string unrouted_name(const Ingest& ingest) {
  return ingest.queue + "-unrouted";
}
std::string rule_name(const Spec& spec, const Ingest& ingest) {
  return cut_to(kRuleNameMax, fmt::format("{}-{}", spec.prefix, ingest.source));
}
std::string function_name(const Spec& spec, const Ingest& ingest) {
  return cut_to(kFunctionNameMax, fmt::format("{}-ingest-{}", spec.prefix, ingest.source));
}
std::string function_name(const Spec& spec, const Consumer& consumer) {
  return cut_to(kFunctionNameMax, fmt::format("{}-deliver-{}", spec.prefix, consumer.name));
}
std::vector<std::string> function_names(const Spec& spec) {
  std::vector<std::string> names;
  for (const Ingest& each : spec.ingests) {
    if (each.function) names.push_back(function_name(spec, each));
  }
  for (const Consumer& each : spec.consumers) {
    if (each.function) names.push_back(function_name(spec, each));
  }
  return names;
}

std::int64_t visibility_seconds(const Ingest& ingest) {
  return ingest.function ? std::max(ingest.visibility_seconds, kTimesTimeout * kIngestTimeoutSeconds)
                         : ingest.visibility_seconds;
}
std::int64_t visibility_seconds(const Consumer& consumer) {
  return consumer.function ? kTimesTimeout * consumer.function->timeout_seconds + consumer.function->window_seconds : 0;
}

std::vector<std::string> orders_in_use(const Spec& spec) {
  std::vector<std::string> orders;
  for (const Consumer& each : spec.consumers) {
    const std::string order = topic_order(each);
    if (std::ranges::find(orders, order) == orders.end()) orders.push_back(order);
  }
  return orders;
}

std::vector<std::string> problems_of(const Spec& spec) {
  Problems out;
  check_names(spec, out);
  if (spec.ingests.empty() && !spec.by_http)
    out.add(
        "no source is fed from AWS: add sources.genesys: {kind: sqs, sqs: {queue_url: "
        "https://sqs.REGION.amazonaws.com/ACCOUNT/genesys-events, event_bus: "
        "aws.partner/genesys.com/cloud/ORG-ID/NAME}}, which is the queue that the stack makes");
  if (spec.engine && spec.consumers.empty())
    out.add("no consumer: there is nothing to deliver to; a hub with a store of its own needs aws.deploy: ingest only");
  std::set<std::string> queues;
  for (const Ingest& each : spec.ingests) {
    check_ingest(each, out);
    if (!queues.insert(each.queue).second)
      out.add(fmt::format("sources.{}.sqs.queue_url: another source has the queue {}, too", each.source, each.queue));
  }
  check_consumers(spec, out);
  check_functions(spec, out);
  check_distinct(spec.ingests, [](const Ingest& each) { return each.source; }, "sources", out);
  check_distinct(spec.consumers, [](const Consumer& each) { return each.name; }, "consumers", out);
  return std::move(out.list);
}

void assign_numbers(Spec& spec, const Numbers& known) {
  spec.last_number = known.last;
  for (const auto& [name, number] : known.of) spec.last_number = std::max(spec.last_number, number);
  for (Consumer& each : spec.consumers) {
    const auto found = known.of.find(logical_queue(each));
    each.number = found == known.of.end() ? ++spec.last_number : found->second;
  }
}

std::uint32_t number_in(std::string_view queue_name, std::string_view prefix) {
  if (!queue_name.starts_with(prefix)) return 0;
  queue_name.remove_prefix(prefix.size());
  if (!queue_name.starts_with('-')) return 0;
  std::uint32_t number = 0;
  const auto read = std::from_chars(queue_name.data() + 1, queue_name.data() + queue_name.size(), number);
  const bool ends = read.ptr != queue_name.data() + queue_name.size() && *read.ptr == '-';
  return read.ec == std::errc() && ends ? number : 0;
}

Result<Numbers> numbers_of_template(std::string_view text) {
  json::Document document;
  const auto root = document.parse(text);
  if (!root.ok()) return {Errc::invalid, fmt::format("no JSON: {}", root.error().detail)};
  const auto resources = root->find("Resources");
  const auto outputs = root->find("Outputs");
  const auto last = outputs ? outputs->find("LastQueueNumber") : std::nullopt;
  const auto prefix = outputs ? outputs->find("Prefix") : std::nullopt;
  if (!resources || !last || !prefix)
    return {Errc::invalid, "no template of `trunkline aws plan`: it has no output LastQueueNumber"};
  Numbers found;
  for (auto each = resources->first(); each; each = each->next()) {
    const auto properties = each->find("Properties");
    if (!properties || each->string_at("Type") != "AWS::SQS::Queue" || !each->name().starts_with("Queue")) continue;
    const std::uint32_t number = number_in(properties->string_at("QueueName"), prefix->string_at("Value"));
    if (number != 0) found.of.emplace(each->name(), number);
  }
  const std::string_view value = last->string_at("Value");
  std::from_chars(value.data(), value.data() + value.size(), found.last);
  return found;
}

}  // namespace trunkline::stack
