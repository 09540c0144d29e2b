#include <fmt/format.h>

#include "base/uuid.hpp"
#include "sns/operations.hpp"

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
  out["SubscriptionsConfirmed"] = std::to_string(state.subscriptions.size());
  out["SubscriptionsPending"] = "0";
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
    return outcome_of(changing.context.topics.change(name, how));
  });
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
  work(std::move(call), [name = *name](Call& deleting) { return outcome_of(deleting.context.topics.remove(name)); });
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
