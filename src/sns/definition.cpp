#include "sns/definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/document.hpp"
#include "json/writer.hpp"
#include "sns/delivery_policy.hpp"
#include "sns/endpoint.hpp"
#include "sqs/definition.hpp"

namespace trunkline::sns {
namespace {

constexpr std::size_t kNameMax = 256;         // of a topic
constexpr std::size_t kDisplayNameMax = 100;  // AWS's own
constexpr std::size_t kTextMax = 30'720;      // of an access policy; AWS's own
constexpr std::size_t kTagKeyMax = 128;
constexpr std::size_t kTagValueMax = 256;
constexpr std::string_view kFifo = ".fifo";

bool is_object(const std::string& text) {
  json::Document document;
  const auto root = document.parse(text, 32);
  return root.ok() && root->is(json::Type::object);
}

std::string find_text(const Texts& texts, std::string_view name, std::string_view otherwise) {
  const auto found = texts.find(std::string(name));
  return found == texts.end() ? std::string(otherwise) : found->second;
}

enum class Kind : std::uint8_t { text, object, flag, one_of_two };
struct TopicAttribute {
  std::string_view name;
  Kind kind;
  bool fifo_only = false;
  std::string_view one = "";
  std::string_view other = "";
};
// What SNS has beyond these needs what the hub does not do: encryption of what is stored, delivery status logs, archives.
constexpr std::array kTopicAttributes = {
    TopicAttribute{"ContentBasedDeduplication", Kind::flag, true},
    TopicAttribute{"DeliveryPolicy", Kind::object},
    TopicAttribute{"DisplayName", Kind::text},
    TopicAttribute{"FifoThroughputScope", Kind::one_of_two, true, "Topic", "MessageGroup"},
    TopicAttribute{"FifoTopic", Kind::flag},
    TopicAttribute{"Policy", Kind::object},
    TopicAttribute{"SignatureVersion", Kind::one_of_two, false, "1", "2"},
    TopicAttribute{"TracingConfig", Kind::one_of_two, false, "PassThrough", "Active"},
};

bool holds(const TopicAttribute& attribute, const std::string& value) {
  switch (attribute.kind) {
    case Kind::text:
      return value.size() <= kDisplayNameMax;
    case Kind::object:
      return value.size() <= kTextMax && is_object(value);
    case Kind::flag:
      return value == "true" || value == "false";
    case Kind::one_of_two:
      return value == attribute.one || value == attribute.other;
  }
  return false;
}

// The queue that {"deadLetterTargetArn": …} names; in any account where `arn_head` is empty.
std::optional<Fault> read_redrive(const std::string& policy, std::string_view arn_head, std::string_view prefix,
                                  Subscription& subscription) {
  json::Document document;
  const auto root = document.parse(policy, 8);
  if (!root.ok() || !root->is(json::Type::object))
    return invalid(fmt::format("{}RedrivePolicy: failed to parse JSON.", prefix));
  const std::string_view arn = root->string_at("deadLetterTargetArn");
  const std::string_view name = sqs::queue_in_arn(arn);
  if (name.empty() || (!arn_head.empty() && arn != fmt::format("{}{}", arn_head, name)))
    return invalid(fmt::format("{}RedrivePolicy: deadLetterTargetArn is an invalid arn", prefix));
  if (subscription.topic.ends_with(kFifo) && !name.ends_with(kFifo))
    return invalid(
        fmt::format("{}RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.", prefix));
  if (!subscription.topic.ends_with(kFifo) && name.ends_with(kFifo))
    return invalid(
        fmt::format("{}RedrivePolicy: FIFO SQS Queues can not be used as DLQ for standard SNS topics", prefix));
  subscription.dead_letter_queue = std::string(name);
  return std::nullopt;
}

// `operation` decides the words in front of the faults; the policy's own limits are AWS's.
std::optional<Fault> compile(Subscription& subscription, std::string_view arn_head, At when) {
  const std::string_view prefix = when == At::creation ? "Attributes Reason: " : "";
  const std::string scope = subscription.text("FilterPolicyScope", "MessageAttributes");
  if (scope != "MessageAttributes" && scope != "MessageBody")
    return invalid(fmt::format(
        "{}FilterPolicyScope: Invalid value [{}]. Please use either MessageBody or MessageAttributes", prefix, scope));
  auto compiled =
      filter::Policy::compile(subscription.text("FilterPolicy"),
                              scope == "MessageBody" ? filter::Scope::message_body : filter::Scope::message_attributes);
  if (const auto* error = std::get_if<filter::PolicyError>(&compiled)) {
    const auto operation =
        when == At::creation ? filter::Operation::subscribe : filter::Operation::set_subscription_attributes;
    return Fault{Code::invalid_parameter, error->message(operation)};
  }
  subscription.policy = std::get<filter::Policy>(std::move(compiled));
  subscription.dead_letter_queue.clear();
  const std::string redrive = subscription.text("RedrivePolicy");
  return redrive.empty() ? std::nullopt : read_redrive(redrive, arn_head, prefix, subscription);
}

void put(json::Writer& writer, std::string_view name, const Texts& texts) {
  writer.key(name).begin_object();
  for (const auto& [key, value] : texts) writer.member(key, value);
  writer.end_object();
}
bool take(json::Value root, std::string_view name, Texts& out) {
  const auto object = root.find(name);
  if (!object || !object->is(json::Type::object)) return false;
  for (auto member = object->first(); member; member = member->next())
    out.emplace(std::string(member->name()), std::string(member->string()));
  return true;
}

// By Stage.
constexpr std::array<std::string_view, 3> kStages = {"confirmed", "pending", "leaving"};

bool take_endpoint(json::Value root, Subscription& out) {
  const std::string_view protocol = root.string_at("protocol");
  if (protocol.empty()) return !sqs::queue_in_arn(out.endpoint).empty();
  const auto stage = std::ranges::find(kStages, root.string_at("stage"));
  const auto until = root.find("until");
  const auto millis = until ? until->integer() : std::nullopt;
  if (stage == kStages.end() || !millis || check_url(out.endpoint, protocol)) return false;
  out.protocol = protocol;
  out.stage = static_cast<Stage>(stage - kStages.begin());
  out.token = root.string_at("token");
  out.until = base::WallTime(base::Millis(*millis));
  const auto flag = [&](std::string_view name) {
    const auto value = root.find(name);
    return value && value->boolean();
  };
  out.authenticated = flag("authenticated");
  out.owner_leaves = flag("ownerLeaves");
  return true;
}

}  // namespace

std::string Topic::text(std::string_view attribute, std::string_view otherwise) const {
  return find_text(attributes, attribute, otherwise);
}
std::string Subscription::text(std::string_view attribute, std::string_view otherwise) const {
  return find_text(attributes, attribute, otherwise);
}

std::optional<Fault> check_topic_name(std::string_view name, bool fifo) {
  const bool ends = name.ends_with(kFifo);
  const std::string_view stem = ends ? name.substr(0, name.size() - kFifo.size()) : name;
  const bool good = !stem.empty() && name.size() <= kNameMax && std::ranges::all_of(stem, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (fifo && !ends)
    return invalid(
        "Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase "
        "ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.");
  if (!good || ends != fifo) return invalid("Topic Name");
  return std::nullopt;
}

std::optional<Fault> set_attribute(Topic& topic, const std::string& name, const std::string& value, At when) {
  const std::string_view prefix = when == At::creation ? "Attributes Reason: " : "";
  const auto known = std::ranges::find(kTopicAttributes, name, &TopicAttribute::name);
  if (known == kTopicAttributes.end())
    return when == At::creation ? invalid(fmt::format("Attributes Reason: Unknown attribute {}", name))
                                : invalid("AttributeName");
  if (name == "FifoTopic" && when == At::change) return invalid("AttributeName");
  if (known->fifo_only && !topic.fifo()) return invalid(fmt::format("{}{}: is for FIFO topics only", prefix, name));
  // A policy is taken away by an empty text.
  if (value.empty() && when == At::change && (known->kind == Kind::object || known->kind == Kind::text)) {
    topic.attributes.erase(name);
    return std::nullopt;
  }
  if (!holds(*known, value)) return invalid(fmt::format("{}{}: Invalid value [{}].", prefix, name, value));
  if (name == "DeliveryPolicy") {
    if (auto fault = check_topic_policy(value, prefix)) return fault;
  }
  topic.attributes[name] = value;
  return std::nullopt;
}

std::optional<Fault> set_tags(Topic& topic, const Texts& tags) {
  Texts all = topic.tags;
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > kTagKeyMax || value.size() > kTagValueMax || key.starts_with("aws:"))
      return invalid("Tags Reason: a key has 1 to 128 characters and does not begin with aws:, a value 256 at most");
    all[key] = value;
  }
  if (all.size() > kTagsMax)
    return Fault{Code::tag_limit, "Could not complete request: tag quota of per resource exceeded"};
  topic.tags = std::move(all);
  return std::nullopt;
}

std::optional<Fault> set_attributes(Subscription& subscription, const Texts& attributes, std::string_view arn_head,
                                    At when) {
  const std::string_view prefix = when == At::creation ? "Attributes Reason: " : "";
  for (const auto& [name, value] : attributes) {
    if (name == "RawMessageDelivery") {
      if (value != "true" && value != "false")
        return invalid(fmt::format("{}RawMessageDelivery: Invalid value [{}]. Must be true or false.", prefix, value));
    } else if (name == "DeliveryPolicy" && subscription.http()) {
      if (value.empty()) {
        subscription.attributes.erase(name);
        continue;
      }
      if (auto fault = check_subscription_policy(value, prefix)) return fault;
    } else if (name == "FilterPolicy" || name == "RedrivePolicy") {
      const bool none = value.empty() || (name == "FilterPolicy" && value == "{}");
      if (none) {
        subscription.attributes.erase(name);
        continue;
      }
    } else if (name != "FilterPolicyScope") {
      // DeliveryPolicy is for HTTP alone, SubscriptionRoleArn for Firehose, ReplayPolicy for archives.
      return invalid(when == At::creation ? fmt::format("Attributes Reason: Unknown attribute {}", name)
                                          : std::string("AttributeName"));
    }
    subscription.attributes[name] = value;
  }
  return compile(subscription, arn_head, when);
}

std::string encode(const Topic& topic) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("name", topic.name).member("id", topic.id);
  put(writer, "attributes", topic.attributes);
  put(writer, "tags", topic.tags);
  writer.end_object();
  return out;
}

std::string encode(const Subscription& subscription) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("id", subscription.id).member("topic", subscription.topic);
  writer.member("endpoint", subscription.endpoint);
  if (subscription.http()) {
    writer.member("protocol", subscription.protocol)
        .member("stage", kStages.at(static_cast<std::size_t>(subscription.stage)));
    writer.member("token", subscription.token);
    writer.member("until", static_cast<std::int64_t>(subscription.until.time_since_epoch().count()));
    writer.member("authenticated", subscription.authenticated).member("ownerLeaves", subscription.owner_leaves);
  }
  put(writer, "attributes", subscription.attributes);
  writer.end_object();
  return out;
}

base::Result<Topic> decode_topic(const std::string& text) {
  const base::Error corrupt{base::Errc::corrupt, "a stored topic of the SNS API does not decode"};
  json::Document document;
  const auto root = document.parse(text, 8);
  if (!root.ok()) return corrupt;
  Topic topic{std::string(root->string_at("name")), std::string(root->string_at("id"))};
  if (check_topic_name(topic.name, topic.fifo()) || topic.id.empty() || !take(*root, "attributes", topic.attributes) ||
      !take(*root, "tags", topic.tags))
    return corrupt;
  return topic;
}

base::Result<Subscription> decode_subscription(const std::string& text) {
  const base::Error corrupt{base::Errc::corrupt, "a stored subscription of the SNS API does not decode"};
  json::Document document;
  const auto root = document.parse(text, 8);
  if (!root.ok()) return corrupt;
  Subscription subscription{std::string(root->string_at("id")), std::string(root->string_at("topic")),
                            std::string(root->string_at("endpoint"))};
  if (subscription.id.empty() || subscription.topic.empty() || !take(*root, "attributes", subscription.attributes) ||
      !take_endpoint(*root, subscription))
    return corrupt;
  // The account may have another name now; the queue's own is what counts.
  if (compile(subscription, "", At::change)) return corrupt;
  return subscription;
}

}  // namespace trunkline::sns
