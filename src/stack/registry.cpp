#include "stack/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "json/writer.hpp"

namespace trunkline::stack {
namespace {

using base::Errc;
using base::Result;

// A page of a query has 1 MB; a consumer's entry some hundred bytes, and a topic a hundred subscriptions.
constexpr std::size_t kPagesMax = 100;

void text(json::Writer& out, std::string_view name, std::string_view value) {
  out.key(name).begin_object().member("S", value).end_object();
}
void number(json::Writer& out, std::string_view name, std::int64_t value) {
  out.key(name).begin_object().member("N", std::to_string(value)).end_object();
}
void key(json::Writer& out, std::string_view sort) {
  out.begin_object();
  text(out, "pk", "reg");
  text(out, "sk", sort);
  out.end_object();
}

bool is_conflict(const base::Error& error) {
  return error.detail.find("ConditionalCheckFailed") != std::string::npos;
}
// A condition that does not hold says that it is so already, or that another one was quicker.
Result<void> unless_conflict(const Result<std::string>& answer) {
  return answer.ok() || is_conflict(answer.error()) ? Result<void>() : Result<void>(answer.error());
}

// "https://sqs.eu-west-1.amazonaws.com/123456789012/q" of a stack in the region and account of `topic`.
std::string arn_of_queue(const std::string& topic, const std::string& url) {
  std::string arn = topic.substr(0, topic.rfind(':') + 1) + url.substr(url.rfind('/') + 1);
  const std::size_t service = arn.find(":sns:");
  return service == std::string::npos ? std::string() : arn.replace(service, 5, ":sqs:");
}

}  // namespace

Result<std::uint32_t> EngineRegistry::last_number() {
  std::string asked;
  json::Writer out(asked);
  out.begin_object().member("TableName", table_).member("ConsistentRead", true).key("Key");
  key(out, "counter");
  out.end_object();
  const auto body = api_.json("dynamodb", "GetItem", asked);
  if (!body.ok() && body.error().code == Errc::not_found) return std::uint32_t{0};
  if (!body.ok()) return body.error();
  return read_counter(*body);
}

Result<std::map<std::string, RegistryEntry>> EngineRegistry::entries() {
  std::map<std::string, RegistryEntry> found;
  std::string start;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    std::string asked;
    json::Writer out(asked);
    out.begin_object().member("TableName", table_).member("ConsistentRead", true);
    out.member("KeyConditionExpression", "pk = :pk AND begins_with(sk, :q)").key("ExpressionAttributeValues");
    out.begin_object();
    text(out, ":pk", "reg");
    text(out, ":q", "q#");
    out.end_object();
    if (!start.empty()) out.key("ExclusiveStartKey").raw(start);
    out.end_object();
    TRUNKLINE_TRY(const std::string body, api_.json("dynamodb", "Query", asked));
    TRUNKLINE_TRY(start, read_entries(body, found));
    if (start.empty()) break;
  }
  return found;
}

Result<std::map<std::string, std::string>> EngineRegistry::subscriptions(const std::string& topic) {
  std::map<std::string, std::string> found;
  std::string token;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    account::Parameters parameters = {{"TopicArn", topic}};
    if (!token.empty()) parameters.emplace_back("NextToken", token);
    TRUNKLINE_TRY(const std::string body, api_.query("sns", "ListSubscriptionsByTopic", parameters));
    TRUNKLINE_TRY(token, read_subscriptions(body, found));
    if (token.empty()) break;
  }
  return found;
}

Result<void> EngineRegistry::write(const Consumer& consumer, const std::map<std::string, std::string>& members,
                                   base::WallTime now) {
  std::string asked;
  json::Writer out(asked);
  out.begin_object().member("TableName", table_).key("Item").begin_object();
  text(out, "pk", "reg");
  text(out, "sk", "q#" + consumer.name);
  number(out, "e_id", consumer.number);
  text(out, "e_order", consumer.order);
  for (const auto& [name, value] : members) text(out, name, value);
  number(out, "e_subscribed", now.time_since_epoch().count());
  out.end_object();
  // Also one that has the same number and is not complete.
  out.member("ConditionExpression", "attribute_not_exists(pk) OR e_id = :id").key("ExpressionAttributeValues");
  out.begin_object();
  number(out, ":id", consumer.number);
  out.end_object().end_object();
  return unless_conflict(api_.json("dynamodb", "PutItem", asked));
}

Result<void> EngineRegistry::remove(const std::string& name, std::uint32_t entry) {
  std::string asked;
  json::Writer out(asked);
  out.begin_object().member("TableName", table_).key("Key");
  key(out, "q#" + name);
  out.member("ConditionExpression", "e_id = :id").key("ExpressionAttributeValues").begin_object();
  number(out, ":id", entry);
  out.end_object().end_object();
  return unless_conflict(api_.json("dynamodb", "DeleteItem", asked));
}

Result<void> EngineRegistry::raise_counter(std::uint32_t to) {
  std::string asked;
  json::Writer out(asked);
  out.begin_object().member("TableName", table_).key("Key");
  key(out, "counter");
  out.member("UpdateExpression", "SET e_last = :last");
  out.member("ConditionExpression", "attribute_not_exists(e_last) OR e_last < :last");
  out.key("ExpressionAttributeValues").begin_object();
  number(out, ":last", to);
  out.end_object().end_object();
  return unless_conflict(api_.json("dynamodb", "UpdateItem", asked));
}

Result<std::vector<std::string>> EngineRegistry::hand_over(const Spec& spec,
                                                           const std::vector<StackResource>& resources,
                                                           base::WallTime now) {
  std::map<std::string, std::string> physical;
  for (const StackResource& each : resources) physical[each.id] = each.physical;
  std::map<std::string, std::map<std::string, std::string>> subscribed;
  for (const std::string& order : orders_in_use(spec)) {
    TRUNKLINE_TRY(subscribed[order], subscriptions(physical["Topic" + camel(order)]));
  }
  TRUNKLINE_TRY(const auto known, entries());
  // First the counter: a worker that is not told of yet takes none of these numbers.
  TRUNKLINE_TRY_VOID(raise_counter(spec.last_number));
  std::vector<std::string> left;
  for (const Consumer& each : spec.consumers) {
    const std::string topic = physical["Topic" + camel(topic_order(each))];
    const std::string url = physical[logical_queue(each)];
    const std::string arn = arn_of_queue(topic, url);
    const std::string subscription = subscribed[topic_order(each)][arn];
    const auto entry = known.find(each.name);
    if (entry != known.end() && entry->second.number != each.number) {
      left.push_back(
          fmt::format("consumer {} has queue number {} in table {}, and {} in the stack: workers made it before "
                      "the stack; give the consumer another name, or the stack another table",
                      each.name, entry->second.number, table_, each.number));
    } else if (subscription.empty()) {
      left.push_back(fmt::format("consumer {}: the stack has no subscription of {}", each.name, url));
    } else if (entry == known.end() || entry->second.subscription != subscription) {
      TRUNKLINE_TRY_VOID(write(each,
                               {{"e_url", url},
                                {"e_arn", arn},
                                {"e_net", physical["Net" + camel(each.name)]},
                                {"e_topic", topic},
                                {"e_subscription", subscription}},
                               now));
    }
  }
  for (const auto& [name, entry] : known) {
    const auto is = [&](const Consumer& each) { return each.name == name; };
    if (std::ranges::any_of(spec.consumers, is)) continue;
    TRUNKLINE_TRY_VOID(remove(name, entry.number));
  }
  return left;
}

Result<void> EngineRegistry::forget() {
  const auto known = entries();
  if (!known.ok()) return known.error().code == Errc::not_found ? Result<void>() : Result<void>(known.error());
  for (const auto& [name, entry] : *known) TRUNKLINE_TRY_VOID(remove(name, entry.number));
  return {};
}

Result<void> EngineRegistry::ensure_expiry() {
  std::string asked;
  json::Writer(asked).begin_object().member("TableName", table_).end_object();
  TRUNKLINE_TRY(const std::string body, api_.json("dynamodb", "DescribeTimeToLive", asked));
  TRUNKLINE_TRY(const bool expires, read_expires(body));
  if (expires) return {};
  asked.clear();
  json::Writer out(asked);
  out.begin_object().member("TableName", table_).key("TimeToLiveSpecification").begin_object();
  out.member("AttributeName", "e_ends").member("Enabled", true).end_object().end_object();
  const auto set = api_.json("dynamodb", "UpdateTimeToLive", asked);
  return set.ok() ? Result<void>() : Result<void>(set.error());
}

}  // namespace trunkline::stack
