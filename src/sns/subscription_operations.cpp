#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/uuid.hpp"
#include "sns/operations.hpp"
#include "sqs/definition.hpp"

namespace trunkline::sns {
namespace {

constexpr std::array<std::string_view, 8> kOtherProtocols = {"http", "https",       "email",  "email-json",
                                                             "sms",  "application", "lambda", "firehose"};

std::optional<Fault> check_protocol(const std::string& protocol) {
  if (protocol == "sqs") return std::nullopt;
  if (std::ranges::find(kOtherProtocols, protocol) != kOtherProtocols.end())
    return invalid(fmt::format("Protocol Reason: this hub delivers to its own SQS queues, not by {}", protocol));
  return invalid(fmt::format("Amazon SNS does not support this protocol string: {}", protocol));
}

// Only queues that clients have made take messages: those of the configuration have what their consumer's filter takes.
std::optional<Fault> check_endpoint(const Call& call, const Subscription& subscription) {
  const std::string name(sqs::queue_in_arn(subscription.endpoint));
  if (name.empty() || subscription.endpoint != call.context.arn_head("sqs") + name) return invalid("SQS endpoint ARN");
  if (name.ends_with(".fifo") && !subscription.topic.ends_with(".fifo"))
    return invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics");
  if (!call.context.queues.find(name))
    return invalid(fmt::format("SQS endpoint ARN: no client has made a queue '{}'", name));
  return std::nullopt;
}

std::optional<Fault> check_dead_letter_queue(const Call& call, const Subscription& subscription, At when) {
  const std::string& name = subscription.dead_letter_queue;
  if (name.empty() || call.context.queues.find(name)) return std::nullopt;
  return invalid(fmt::format("{}RedrivePolicy: no client has made a queue '{}'",
                             when == At::creation ? "Attributes Reason: " : "", name));
}

Texts shown(const Call& call, const Subscription& subscription) {
  Texts out = subscription.attributes;
  if (subscription.text("FilterPolicy").empty()) {
    out.erase("FilterPolicyScope");
  } else {
    out.try_emplace("FilterPolicyScope", "MessageAttributes");
  }
  out.try_emplace("RawMessageDelivery", "false");
  out["SubscriptionArn"] = call.subscription_arn(subscription);
  out["TopicArn"] = call.topic_arn(subscription.topic);
  out["Owner"] = call.context.account;
  out["Protocol"] = "sqs";
  out["Endpoint"] = subscription.endpoint;
  out["PendingConfirmation"] = "false";
  out["ConfirmationWasAuthenticated"] = "true";
  out["SubscriptionPrincipal"] = fmt::format("arn:aws:iam::{}:root", call.context.account);
  return out;
}

Outcome make(Call& call, Subscription subscription, const Texts& wanted) {
  const auto answer_with = [&call](const Subscription& made) {
    return [arn = call.subscription_arn(made)](Output& output) { output.text("SubscriptionArn", arn); };
  };
  const TopicPtr topic = call.context.topics.find(subscription.topic);
  if (!topic) return {Fault{Code::not_found, "Topic does not exist"}};
  for (const auto& [id, existing] : topic->subscriptions) {
    if (existing->endpoint != subscription.endpoint) continue;
    const Texts has = shown(call, *existing);
    for (const auto& [name, value] : wanted) {
      const auto at = has.find(name);
      if (at == has.end() ? !value.empty() : at->second != value)
        return {invalid("Attributes Reason: Subscription already exists with different attributes")};
    }
    return {{}, answer_with(*existing)};
  }
  if (auto fault = check_endpoint(call, subscription)) return {fault};
  if (auto fault = check_dead_letter_queue(call, subscription, At::creation)) return {fault};
  const Call::Write write = answer_with(subscription);
  return outcome_of(call.context.topics.subscribe(std::move(subscription)), write);
}

struct Listed {
  std::shared_ptr<const Subscription> subscription;
  std::string place;  // for the token
};

void list(Call& call, const std::vector<TopicPtr>& topics) {
  const auto after = after_token(call);
  if (!after) return;
  std::vector<Listed> page;
  bool more = false;
  for (const TopicPtr& topic : topics) {
    for (const auto& [id, subscription] : topic->subscriptions) {
      // '/' is in no topic's name and sorts before all characters of one but '-' and '.', which is why both are compared.
      std::string place = fmt::format("{}/{}", topic->topic.name, id);
      const std::string from = after->substr(0, after->find('/'));
      if (topic->topic.name < from || (topic->topic.name == from && place <= *after)) continue;
      more = page.size() == kPage;
      if (more) break;
      page.push_back({subscription, std::move(place)});
    }
    if (more) break;
  }
  call.answer([&](Output& output) {
    output.begin_item("Subscriptions");
    for (const Listed& each : page) {
      output.begin_item("member");
      output.text("TopicArn", call.topic_arn(each.subscription->topic));
      output.text("Protocol", "sqs");
      output.text("SubscriptionArn", call.subscription_arn(*each.subscription));
      output.text("Owner", call.context.account);
      output.text("Endpoint", each.subscription->endpoint);
      output.end_item("member");
    }
    output.end_item("Subscriptions");
    if (more) output.text("NextToken", next_token(page.back().place));
  });
}

}  // namespace

void subscribe(CallPtr call) {
  const TopicPtr topic = topic_of(*call);
  if (!topic) return;
  if (const auto fault = check_protocol(call->parameters.text("Protocol").value_or(""))) return call->fail(*fault);
  Subscription subscription{base::random_uuid(), topic->topic.name, call->parameters.text("Endpoint").value_or("")};
  const Texts wanted = texts_of(call->parameters, "Attributes.entry", "key", "value");
  if (const auto fault = set_attributes(subscription, wanted, call->context.arn_head("sqs"), At::creation))
    return call->fail(*fault);
  work(std::move(call), [subscription = std::move(subscription), wanted](Call& subscribing) {
    return make(subscribing, subscription, wanted);
  });
}

// One that is not there (any more) is no fault, as on AWS.
void unsubscribe(CallPtr call) {
  const auto place = subscription_place(*call);
  if (!place) return;
  work(std::move(call), [place = *place](Call& leaving) {
    const auto changed = leaving.context.topics.unsubscribe(place.topic, place.id);
    if (changed.ok() && *changed && (*changed)->code == Code::not_found) return Outcome{};
    return outcome_of(changed);
  });
}

void confirm_subscription(CallPtr call) {
  if (topic_of(*call)) call->fail(invalid("Token Reason: subscriptions of queues need no confirmation"));
}

void list_subscriptions(CallPtr call) {
  list(*call, call->context.topics.all());
}

void list_subscriptions_by_topic(CallPtr call) {
  if (const TopicPtr topic = topic_of(*call)) list(*call, {topic});
}

void get_subscription_attributes(CallPtr call) {
  const auto place = subscription_place(*call);
  if (!place) return;
  const TopicPtr topic = call->context.topics.find(place->topic);
  if (!topic || !topic->subscriptions.contains(place->id))
    return call->fail({Code::not_found, "Subscription does not exist"});
  const Texts attributes = shown(*call, *topic->subscriptions.at(place->id));
  call->answer([&](Output& output) { write_map(output, "Attributes", {attributes.begin(), attributes.end()}); });
}

void set_subscription_attributes(CallPtr call) {
  const auto place = subscription_place(*call);
  if (!place) return;
  const Texts attributes = {
      {call->parameters.text("AttributeName").value_or(""), call->parameters.text("AttributeValue").value_or("")}};
  work(std::move(call), [place = *place, attributes](Call& changing) {
    return outcome_of(
        changing.context.topics.change_subscription(place.topic, place.id, [&](Subscription& subscription) {
          auto fault = set_attributes(subscription, attributes, changing.context.arn_head("sqs"), At::change);
          if (!fault && attributes.contains("RedrivePolicy"))
            fault = check_dead_letter_queue(changing, subscription, At::change);
          return fault;
        }));
  });
}

}  // namespace trunkline::sns
