#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/crypto.hpp"
#include "base/run_and_wait.hpp"
#include "base/uuid.hpp"
#include "sns/delivery_policy.hpp"
#include "sns/endpoint.hpp"
#include "sns/handshake.hpp"
#include "sns/http_deliveries.hpp"
#include "sns/operations.hpp"
#include "sqs/definition.hpp"

namespace trunkline::sns {
namespace {

constexpr std::array<std::string_view, 6> kOtherProtocols = {"email",       "email-json", "sms",
                                                             "application", "lambda",     "firehose"};

std::optional<Fault> check_protocol(const std::string& protocol, const Topic& topic) {
  if (protocol == "sqs") return std::nullopt;
  const bool http = protocol == "http" || protocol == "https";
  if (http && topic.fifo()) return invalid("Protocol Reason: FIFO topics deliver to SQS queues alone");
  if (http) return std::nullopt;
  if (std::ranges::find(kOtherProtocols, protocol) != kOtherProtocols.end())
    return invalid(fmt::format("Protocol Reason: this hub does not deliver by {}", protocol));
  return invalid(fmt::format("Amazon SNS does not support this protocol string: {}", protocol));
}

// Only queues that clients have made take messages: those of the configuration have what their consumer's filter takes.
std::optional<Fault> check_endpoint(const Call& call, const Subscription& subscription) {
  if (subscription.http()) {
    if (auto fault = check_url(subscription.endpoint, subscription.protocol)) return fault;
    if (const auto why = call.context.deliveries.forbidden(subscription.endpoint))
      return invalid(
          fmt::format("Endpoint Reason: {}; the hub's option sns.allow_loopback, sns.allow_private or "
                      "sns.allowed_cidrs allows it",
                      *why));
    return std::nullopt;
  }
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
  out["Protocol"] = subscription.protocol;
  out["Endpoint"] = subscription.endpoint;
  out["PendingConfirmation"] = subscription.stage == Stage::pending ? "true" : "false";
  out["ConfirmationWasAuthenticated"] = subscription.authenticated ? "true" : "false";
  const TopicPtr topic = subscription.http() ? call.context.topics.find(subscription.topic) : nullptr;
  if (topic)
    out["EffectiveDeliveryPolicy"] = subscription_policy_text(
        effective_policy(topic->topic.text("DeliveryPolicy"), subscription.text("DeliveryPolicy")));
  out["SubscriptionPrincipal"] = fmt::format("arn:aws:iam::{}:root", call.context.account);
  return out;
}

// Puts the message into the subscription's queue and waits until it is on disk there.
std::optional<Fault> tell(Call& call, const Topic& topic, const Subscription& subscription, std::string_view type) {
  std::vector<engine::PublishItem> items;
  items.emplace_back(
      publish_entry(subscription, confirmation(call, topic, subscription, type), call.context.clock.wall()));
  const auto results = base::answer_of<std::vector<engine::PublishResult>>([&](engine::PublishCallback done) {
    call.context.engine.publish(std::move(items), call.context.engine_loop, std::move(done));
  });
  const auto& error = results.front().error;
  return error ? std::optional(fault_of(*error)) : std::nullopt;
}

std::shared_ptr<const Subscription> stored(const Call& call, const std::string& topic, const std::string& id) {
  const TopicPtr found = call.context.topics.find(topic);
  if (!found) return nullptr;
  const auto subscription = found->subscriptions.find(id);
  return subscription == found->subscriptions.end() ? nullptr : subscription->second;
}

// AWS tells the ARN of a subscription that is not confirmed to who asks for it.
Call::Write answer_with(const Call& call, const Subscription& made) {
  const bool hidden =
      made.stage == Stage::pending && call.parameters.text("ReturnSubscriptionArn").value_or("") != "true";
  return [arn = hidden ? std::string("pending confirmation") : call.subscription_arn(made)](Output& output) {
    output.text("SubscriptionArn", arn);
  };
}

void wait_for_confirmation(const Call& call, Subscription& subscription) {
  subscription.stage = Stage::pending;
  subscription.token = new_token();
  subscription.until = call.context.clock.wall() + kTokenHolds;
  subscription.authenticated = false;
}

// Its endpoint is asked (again); it is delivered to from now on.
Outcome ask(Call& call, const Topic& topic, const std::string& id) {
  const auto subscription = stored(call, topic.name, id);
  if (!subscription || subscription->queue.value == 0)
    return {Fault{Code::service_unavailable, "The subscription's queue cannot be made now."}};
  call.context.deliveries.follow();
  if (auto fault = tell(call, topic, *subscription, kSubscriptionConfirmation)) return {fault};
  return {{}, answer_with(call, *subscription)};
}

// One of that endpoint is there.
Outcome make_again(Call& call, const Topic& topic, const Subscription& existing, const Texts& wanted) {
  if (existing.stage == Stage::leaving) {
    const auto changed =
        call.context.topics.change_subscription(topic.name, existing.id, [&](Subscription& subscription) {
          wait_for_confirmation(call, subscription);
          subscription.attributes.clear();
          return set_attributes(subscription, wanted, call.context.arn_head("sqs"), At::creation);
        });
    if (!changed.ok() || *changed) return outcome_of(changed);
    return ask(call, topic, existing.id);
  }
  const Texts has = shown(call, existing);
  for (const auto& [name, value] : wanted) {
    const auto at = has.find(name);
    if (at == has.end() ? !value.empty() : at->second != value)
      return {invalid("Attributes Reason: Subscription already exists with different attributes")};
  }
  if (existing.stage == Stage::pending) return ask(call, topic, existing.id);
  return {{}, answer_with(call, existing)};
}

Outcome make(Call& call, Subscription subscription, const Texts& wanted) {
  if (const auto forgot = call.context.topics.forget(call.context.clock.wall()); !forgot.ok())
    return {fault_of(forgot.error())};
  const TopicPtr topic = call.context.topics.find(subscription.topic);
  if (!topic) return {Fault{Code::not_found, "Topic does not exist"}};
  for (const auto& [id, existing] : topic->subscriptions) {
    if (existing->endpoint == subscription.endpoint && existing->protocol == subscription.protocol)
      return make_again(call, topic->topic, *existing, wanted);
  }
  if (auto fault = check_endpoint(call, subscription)) return {fault};
  if (auto fault = check_dead_letter_queue(call, subscription, At::creation)) return {fault};
  const std::string id = subscription.id;
  if (subscription.http()) wait_for_confirmation(call, subscription);
  const Call::Write write = answer_with(call, subscription);
  const bool http = subscription.http();
  const auto made = call.context.topics.subscribe(std::move(subscription));
  if (!http || !made.ok() || *made) return outcome_of(made, write);
  return ask(call, topic->topic, id);
}

// By whom the token was sent to; nothing where no subscription waits for it.
std::shared_ptr<const Subscription> by_token(const TopicState& topic, std::string_view token, base::WallTime now) {
  for (const auto& [id, subscription] : topic.subscriptions) {
    if (subscription->http() && !subscription->forgotten(now) && base::equal_constant_time(subscription->token, token))
      return subscription;
  }
  return nullptr;
}

Outcome confirm(Call& call, const std::string& topic, const std::string& token, bool owner_leaves) {
  const TopicPtr state = call.context.topics.find(topic);
  const auto found = state ? by_token(*state, token, call.context.clock.wall()) : nullptr;
  if (!found) return {invalid("Token")};
  const Call::Write write = [arn = call.subscription_arn(*found)](Output& output) {
    output.text("SubscriptionArn", arn);
  };
  if (found->stage == Stage::confirmed) return {{}, write};
  return outcome_of(call.context.topics.change_subscription(topic, found->id,
                                                            [&](Subscription& subscription) {
                                                              subscription.stage = Stage::confirmed;
                                                              subscription.authenticated = call.authenticated;
                                                              subscription.owner_leaves = owner_leaves;
                                                              return std::optional<Fault>();
                                                            }),
                    write);
}

// By its UnsubscribeURL: who holds the endpoint may take it back for two days, and is told so.
Outcome leave_by_url(Call& call, const Subscription& subscription) {
  if (!subscription.http() || subscription.owner_leaves)
    return {Fault{Code::authorization, "The subscription can be taken away by a signed request only."}};
  if (subscription.stage != Stage::confirmed) return {};
  const auto changed =
      call.context.topics.change_subscription(subscription.topic, subscription.id, [&](Subscription& leaving) {
        wait_for_confirmation(call, leaving);
        leaving.stage = Stage::leaving;
        return std::optional<Fault>();
      });
  if (!changed.ok() || *changed) return outcome_of(changed);
  const TopicPtr topic = call.context.topics.find(subscription.topic);
  const auto leaving = stored(call, subscription.topic, subscription.id);
  if (!topic || !leaving) return {};
  return {tell(call, topic->topic, *leaving, kUnsubscribeConfirmation)};
}

Outcome leave(Call& call, const SubscriptionPlace& place) {
  const auto subscription = stored(call, place.topic, place.id);
  // One that is not there (any more) is no fault, as on AWS.
  if (!subscription) return {};
  if (!call.authenticated) return leave_by_url(call, *subscription);
  const auto changed = call.context.topics.unsubscribe(place.topic, place.id);
  if (changed.ok() && subscription->http()) call.context.deliveries.follow();
  return outcome_of(changed);
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
      if (!subscription->listed(call.context.clock.wall())) continue;
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
      output.text("Protocol", each.subscription->protocol);
      output.text("SubscriptionArn", each.subscription->stage == Stage::pending
                                         ? std::string("PendingConfirmation")
                                         : call.subscription_arn(*each.subscription));
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
  const std::string protocol = call->parameters.text("Protocol").value_or("");
  if (const auto fault = check_protocol(protocol, topic->topic)) return call->fail(*fault);
  Subscription subscription{base::random_uuid(), topic->topic.name, call->parameters.text("Endpoint").value_or("")};
  subscription.protocol = protocol;
  const Texts wanted = texts_of(call->parameters, "Attributes.entry", "key", "value");
  if (const auto fault = set_attributes(subscription, wanted, call->context.arn_head("sqs"), At::creation))
    return call->fail(*fault);
  work(std::move(call), [subscription = std::move(subscription), wanted](Call& subscribing) {
    return make(subscribing, subscription, wanted);
  });
}

void unsubscribe(CallPtr call) {
  const auto place = subscription_place(*call);
  if (!place) return;
  work(std::move(call), [place = *place](Call& leaving) { return leave(leaving, place); });
}

void confirm_subscription(CallPtr call) {
  const TopicPtr topic = topic_of(*call);
  if (!topic) return;
  const std::string token = call->parameters.text("Token").value_or("");
  if (token.empty()) return call->fail(invalid("Token"));
  const bool owner_leaves = call->parameters.text("AuthenticateOnUnsubscribe").value_or("") == "true";
  if (owner_leaves && !call->authenticated)
    return call->fail({Code::authorization, "AuthenticateOnUnsubscribe needs a signed request."});
  work(std::move(call), [name = topic->topic.name, token, owner_leaves](Call& confirming) {
    return confirm(confirming, name, token, owner_leaves);
  });
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
  if (!topic || !topic->subscriptions.contains(place->id) ||
      !topic->subscriptions.at(place->id)->listed(call->context.clock.wall()))
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
    const auto changed =
        changing.context.topics.change_subscription(place.topic, place.id, [&](Subscription& subscription) {
          auto fault = set_attributes(subscription, attributes, changing.context.arn_head("sqs"), At::change);
          if (!fault && attributes.contains("RedrivePolicy"))
            fault = check_dead_letter_queue(changing, subscription, At::change);
          return fault;
        });
    if (attributes.contains("DeliveryPolicy")) changing.context.deliveries.follow();
    return outcome_of(changed);
  });
}

}  // namespace trunkline::sns
