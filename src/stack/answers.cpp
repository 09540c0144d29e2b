#include "stack/answers.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "account/answer.hpp"
#include "json/document.hpp"

namespace trunkline::stack {
namespace {

using base::Result;

// "<Outputs><member><OutputKey>…" to a map.
std::map<std::string, std::string> pairs(pugi::xml_node list, const char* key, const char* value) {
  std::map<std::string, std::string> out;
  for (const pugi::xml_node each : list.children("member")) out[each.child_value(key)] = each.child_value(value);
  return out;
}

template <class Number>
Number number(std::string_view digits) {
  Number value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string_view member(const json::Value& item, std::string_view name, std::string_view type) {
  const auto found = item.find(name);
  return found ? found->string_at(type) : std::string_view();
}

}  // namespace

Result<std::optional<StackState>> read_stack(const std::string& body) {
  std::optional<StackState> found;
  const auto read = account::each_member(body, "Stacks", [&](pugi::xml_node each) {
    StackState state;
    state.id = each.child_value("StackId");
    state.status = each.child_value("StackStatus");
    state.reason = each.child_value("StackStatusReason");
    state.parameters = pairs(each.child("Parameters"), "ParameterKey", "ParameterValue");
    state.outputs = pairs(each.child("Outputs"), "OutputKey", "OutputValue");
    found = std::move(state);
  });
  if (!read.ok()) return read.error();
  if (found && found->status == "DELETE_COMPLETE") found.reset();
  return found;
}

Result<std::string> read_resources(const std::string& body, std::vector<StackResource>& to) {
  return account::each_member(body, "StackResourceSummaries", [&](pugi::xml_node each) {
    to.push_back({each.child_value("LogicalResourceId"), each.child_value("ResourceType"),
                  each.child_value("PhysicalResourceId"), each.child_value("ResourceStatus")});
  });
}

Result<std::string> read_events(const std::string& body, std::vector<Event>& to) {
  return account::each_member(body, "StackEvents", [&](pugi::xml_node each) {
    to.push_back({each.child_value("EventId"), each.child_value("LogicalResourceId"), each.child_value("ResourceType"),
                  each.child_value("ResourceStatus"), each.child_value("ResourceStatusReason")});
  });
}

Result<std::string> read_changes(const std::string& body, std::vector<Change>& to) {
  return account::each_member(body, "Changes", [&](pugi::xml_node member) {
    const pugi::xml_node each = member.child("ResourceChange");
    to.push_back({each.child_value("Action"), each.child_value("LogicalResourceId"), each.child_value("ResourceType"),
                  each.child_value("Replacement")});
  });
}

Result<std::int64_t> read_messages(const std::string& body) {
  TRUNKLINE_TRY(const account::Attributes attributes, account::attributes_of(body, "Attributes"));
  std::int64_t messages = 0;
  for (const char* which :
       {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}) {
    const auto found = attributes.find(which);
    // No queue holds more than that.
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 4;
    if (found != attributes.end()) messages += std::clamp<std::int64_t>(number<std::int64_t>(found->second), 0, kMost);
  }
  return messages;
}

Result<std::string> read_subscriptions(const std::string& body, std::map<std::string, std::string>& to) {
  return account::each_member(body, "Subscriptions", [&](pugi::xml_node each) {
    to[each.child_value("Endpoint")] = each.child_value("SubscriptionArn");
  });
}

Result<std::string> read_entries(std::string_view body, std::map<std::string, RegistryEntry>& to) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(body));
  const auto items = root.find("Items");
  for (auto each = items ? items->first() : std::nullopt; each; each = each->next()) {
    const std::string_view sort = member(*each, "sk", "S");
    if (!sort.starts_with("q#")) continue;
    to[std::string(sort.substr(2))] = {number<std::uint32_t>(member(*each, "e_id", "N")),
                                       std::string(member(*each, "e_subscription", "S"))};
  }
  const auto last = root.find("LastEvaluatedKey");
  return last ? std::string(last->raw()) : std::string();
}

Result<std::uint32_t> read_counter(std::string_view body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(body));
  const auto item = root.find("Item");
  return item ? number<std::uint32_t>(member(*item, "e_last", "N")) : 0;
}

Result<bool> read_expires(std::string_view body) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(body));
  return member(root, "TimeToLiveDescription", "TimeToLiveStatus").starts_with("ENABL");
}

}  // namespace trunkline::stack
