#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/uuid.hpp"
#include "sns/delivery_policy.hpp"
#include "sns/http_deliveries.hpp"
#include "sns/operations.hpp"
#include "sqs/permission.hpp"

namespace trunkline::sns {
namespace {

Texts attributes_in(const Call& call) {
  return texts_of(call.parameters, "Attributes.entry", "key", "value");
}
Texts tags_in(const Call& call) {
  return texts_of(call.parameters, "Tags.member", "Key", "Value");
}

// What AWS answers where no policy was set: the account may do all.
std::string default_policy(const Call& call, const std::string& arn) {
  return fmt::format(
      R"({{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{{"Sid":"__default_statement_ID","Effect":"Allow",)"
      R"("Principal":{{"AWS":"*"}},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission",)"
      R"("SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],)"
      R"("Resource":"{}","Condition":{{"StringEquals":{{"AWS:SourceOwner":"{}"}}}}}}]}})",
      arn, call.context.account);
}

Texts attributes_of(const Call& call, const TopicState& state) {
  const Topic& topic = state.topic;
  Texts out = topic.attributes;
  const std::string arn = call.topic_arn(topic.name);
  out["TopicArn"] = arn;
  out["Owner"] = call.context.account;
  out.try_emplace("DisplayName", "");
  out.try_emplace("Policy", default_policy(call, arn));
  out["EffectiveDeliveryPolicy"] = topic_policy_text(effective_policy(topic.text("DeliveryPolicy"), ""));
  const base::WallTime now = call.context.clock.wall();
  std::size_t confirmed = 0;
  std::size_t pending = 0;
  for (const auto& [id, subscription] : state.subscriptions) {
    confirmed += subscription->stage == Stage::confirmed ? 1 : 0;
    pending += subscription->stage == Stage::pending && subscription->listed(now) ? 1 : 0;
  }
  out["SubscriptionsConfirmed"] = std::to_string(confirmed);
  out["SubscriptionsPending"] = std::to_string(pending);
  out["SubscriptionsDeleted"] = "0";
  if (topic.fifo()) {
    out["FifoTopic"] = "true";
    out.try_emplace("ContentBasedDeduplication", "false");
    out.try_emplace("FifoThroughputScope", "Topic");
  } else {
    out.erase("FifoTopic");
  }
  return out;
}

Outcome create(Call& call, const Topic& topic) {
  const std::string arn = call.topic_arn(topic.name);
  const Call::Write write = [arn](Output& output) { output.text("TopicArn", arn); };
  const TopicPtr found = call.context.topics.find(topic.name);
  if (!found) return outcome_of(call.context.topics.create(topic), write);
  const Texts has = attributes_of(call, *found);
  for (const auto& [name, value] : topic.attributes) {
    const auto at = has.find(name);
    const bool same = at == has.end() ? name == "FifoTopic" && value == "false" : at->second == value;
    if (!same) return {invalid("Attributes Reason: Topic already exists with different attributes")};
  }
  if (!topic.tags.empty() && topic.tags != found->topic.tags)
    return {invalid("Tags Reason: Topic already exists with different tags")};
  return {{}, write};
}

void change(CallPtr call, std::string_view parameter, Registry::ChangeTopic how) {
  const TopicPtr topic = topic_of(*call, parameter);
  if (!topic) return;
  work(std::move(call), [name = topic->topic.name, how = std::move(how)](Call& changing) {
    const auto changed = changing.context.topics.change(name, how);
    changing.context.deliveries.follow();  // its DeliveryPolicy has a rate
    return outcome_of(changed);
  });
}

// By AWS's documentation of a topic's policy.
constexpr std::array<std::string_view, 9> kActions = {
    "AddPermission",    "DeleteTopic",        "GetTopicAttributes", "ListSubscriptionsByTopic", "Publish", "Receive",
    "RemovePermission", "SetTopicAttributes", "Subscribe"};
constexpr std::size_t kPermissionAccountsMax = 100;  // more than the bytes of a Policy hold

std::optional<Fault> check_statement(const sqs::Permission& permission) {
  if (!sqs::is_label(permission.label)) return invalid("Label");
  const auto& accounts = permission.accounts;
  if (accounts.empty() || accounts.size() > kPermissionAccountsMax || !std::ranges::all_of(accounts, sqs::is_account))
    return invalid("AWSAccountId");
  if (permission.actions.empty()) return invalid("ActionName");
  for (const std::string& action : permission.actions) {
    if (std::ranges::find(kActions, action) == kActions.end())
      return invalid("Policy statement action out of service scope!");
  }
  return std::nullopt;
}

}  // namespace

void create_topic(CallPtr call) {
  Topic topic;
  topic.name = call->parameters.text("Name").value_or("");
  topic.id = base::random_uuid();
  const Texts attributes = attributes_in(*call);
  const auto fifo = attributes.find("FifoTopic");
  if (const auto fault = check_topic_name(topic.name, fifo != attributes.end() && fifo->second == "true"))
    return call->fail(*fault);
  for (const auto& [name, value] : attributes) {
    if (const auto fault = set_attribute(topic, name, value, At::creation)) return call->fail(*fault);
  }
  if (const auto fault = set_tags(topic, tags_in(*call))) return call->fail(*fault);
  work(std::move(call), [topic = std::move(topic)](Call& creating) { return create(creating, topic); });
}

void delete_topic(CallPtr call) {
  const auto name = topic_name(*call, "TopicArn");
  if (!name) return;
  work(std::move(call), [name = *name](Call& deleting) {
    const auto removed = deleting.context.topics.remove(name);
    deleting.context.deliveries.follow();
    return outcome_of(removed);
  });
}

void list_topics(CallPtr call) {
  const auto after = after_token(*call);
  if (!after) return;
  std::vector<std::string> names;
  bool more = false;
  for (const TopicPtr& topic : call->context.topics.all()) {
    if (topic->topic.name <= *after) continue;
    more = names.size() == kPage;
    if (more) break;
    names.push_back(topic->topic.name);
  }
  call->answer([&](Output& output) {
    output.begin_item("Topics");
    for (const std::string& name : names) {
      output.begin_item("member");
      output.text("TopicArn", call->topic_arn(name));
      output.end_item("member");
    }
    output.end_item("Topics");
    if (more) output.text("NextToken", next_token(names.back()));
  });
}

void get_topic_attributes(CallPtr call) {
  const TopicPtr topic = topic_of(*call);
  if (!topic) return;
  const Texts attributes = attributes_of(*call, *topic);
  call->answer([&](Output& output) { write_map(output, "Attributes", {attributes.begin(), attributes.end()}); });
}

void set_topic_attributes(CallPtr call) {
  const auto name = call->parameters.text("AttributeName");
  if (!name || name->empty()) return call->fail(invalid("AttributeName"));
  const std::string value = call->parameters.text("AttributeValue").value_or("");
  change(std::move(call), "TopicArn",
         [name = *name, value](Topic& topic) { return set_attribute(topic, name, value, At::change); });
}

// It is kept and shown: who has a key of the hub may do all.
void add_permission(CallPtr call) {
  const TopicPtr topic = topic_of(*call);
  if (!topic) return;
  sqs::Permission permission;
  permission.label = call->parameters.text("Label").value_or("");
  permission.accounts = call->parameters.list("AWSAccountId.member");
  permission.actions = call->parameters.list("ActionName.member");
  if (const auto fault = check_statement(permission)) return call->fail(*fault);
  const std::string arn = call->topic_arn(topic->topic.name);
  const std::string before = default_policy(*call, arn);
  change(std::move(call), "TopicArn", [permission, arn, before](Topic& changing) -> std::optional<Fault> {
    sqs::PolicyDocument policy(changing.text("Policy", before), "");
    if (policy.has(permission.label)) return invalid("Statement already exists");
    policy.add("SNS", arn, permission);
    return set_attribute(changing, "Policy", policy.text(), At::change);
  });
}

void remove_permission(CallPtr call) {
  const TopicPtr topic = topic_of(*call);
  if (!topic) return;
  const std::string label = call->parameters.text("Label").value_or("");
  if (!sqs::is_label(label)) return call->fail(invalid("Label"));
  const std::string before = default_policy(*call, call->topic_arn(topic->topic.name));
  // One that is not there is no fault.
  change(std::move(call), "TopicArn", [label, before](Topic& changing) -> std::optional<Fault> {
    sqs::PolicyDocument policy(changing.text("Policy", before), "");
    if (!policy.remove(label)) return std::nullopt;
    return set_attribute(changing, "Policy", policy.text(), At::change);
  });
}

void tag_resource(CallPtr call) {
  const Texts tags = tags_in(*call);
  change(std::move(call), "ResourceArn", [tags](Topic& topic) { return set_tags(topic, tags); });
}

void untag_resource(CallPtr call) {
  const std::vector<std::string> keys = call->parameters.list("TagKeys.member");
  change(std::move(call), "ResourceArn", [keys](Topic& topic) {
    for (const std::string& key : keys) topic.tags.erase(key);
    return std::optional<Fault>();
  });
}

void list_tags_for_resource(CallPtr call) {
  const TopicPtr topic = topic_of(*call, "ResourceArn");
  if (!topic) return;
  call->answer([&](Output& output) {
    output.begin_item("Tags");
    for (const auto& [key, value] : topic->topic.tags) {
      output.begin_item("member");
      output.text("Key", key);
      output.text("Value", value);
      output.end_item("member");
    }
    output.end_item("Tags");
  });
}

}  // namespace trunkline::sns
