#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "json/document.hpp"
#include "sns/definition.hpp"
#include "sns/delivery_policy.hpp"
#include "sns/endpoint.hpp"
#include "sns/http_message.hpp"
#include "sns/publication.hpp"
#include "sqs/parameters.hpp"

using namespace trunkline;

namespace {

// A message that was taken is within its bounds, and what queues get of it is JSON.
void published(const sqs::Parameters& parameters) {
  sns::Publication publication;
  if (sns::read_publication(parameters, "", publication)) return;
  TRUNKLINE_CHECK(!publication.message.empty() && publication.bytes <= sns::kMessageBytesMax,
                  "a message out of bounds");
  for (const char* name : {"topic", "topic.fifo"}) {
    sns::Topic topic{name, "id"};
    sns::Publication one = publication;
    if (sns::fit(topic, one)) continue;
    TRUNKLINE_CHECK(topic.fifo() == !one.deduplication_id.empty(), "a FIFO topic without an id, or the reverse");
    const std::string body =
        sns::envelope(one, one.message, "arn", {1, "c2lnbmVk", "http://hub/cert.pem"}, "http://hub/");
    json::Document document;
    const auto root = document.parse(body);
    TRUNKLINE_CHECK(root.ok() && root->string_at("Message") == one.message,
                    "an envelope that does not hold its message");
    static_cast<void>(sns::text_to_sign(one, one.message, "arn"));
  }
}

// Attributes that were taken survive being stored, and decide the same afterwards.
void defined(const sqs::Parameters& parameters) {
  sns::Topic topic{parameters.text("Name").value_or(""), "id"};
  const std::string name = parameters.text("AttributeName").value_or("");
  const std::string value = parameters.text("AttributeValue").value_or("");
  if (!sns::check_topic_name(topic.name, topic.fifo()) && !sns::set_attribute(topic, name, value, sns::At::change) &&
      !sns::set_tags(topic, {{"key", value}})) {
    const auto again = sns::decode_topic(sns::encode(topic));
    TRUNKLINE_CHECK(again.ok() && again->name == topic.name && again->attributes.size() == topic.attributes.size(),
                    "a topic does not survive being stored");
  }
  sns::Subscription subscription{"id", topic.name.ends_with(".fifo") ? "a.fifo" : "a", "arn:aws:sqs:r:1:queue"};
  sns::Texts attributes;
  for (const char* each : {"FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"}) {
    if (auto text = parameters.text(each)) attributes[each] = *text;
  }
  if (!name.empty()) attributes[name] = value;
  // The endpoint of one by HTTP, and how it is tried again: an hour in all at most, whoever has said it.
  if (const auto endpoint = parameters.text("Endpoint")) {
    subscription.endpoint = *endpoint;
    subscription.protocol = parameters.text("Protocol").value_or("http");
    if (!subscription.http() || sns::check_url(subscription.endpoint, subscription.protocol)) return;
    static_cast<void>(sns::literal_address(subscription.endpoint));
    const sns::DeliveryPolicy policy = sns::effective_policy(topic.text("DeliveryPolicy"), value);
    base::Millis all{0};
    delivery::Random random(value.size());
    for (std::uint32_t retry = 1; const auto delay = sns::delay_before(policy, retry); ++retry) {
      all += *delay;
      const base::Millis jittered = sns::jittered(*delay, random);
      TRUNKLINE_CHECK(jittered <= *delay && jittered >= *delay / 2, "a delay that its policy does not say");
    }
    TRUNKLINE_CHECK(all <= std::chrono::seconds(sns::kRetrySecondsMax), "retries without an end");
    TRUNKLINE_CHECK(!sns::check_subscription_policy(sns::subscription_policy_text(policy), ""),
                    "an effective policy that is none");
  }
  if (sns::set_attributes(subscription, attributes, "arn:aws:sqs:r:1:", sns::At::creation)) return;
  const auto again = sns::decode_subscription(sns::encode(subscription));
  TRUNKLINE_CHECK(again.ok() && again->dead_letter_queue == subscription.dead_letter_queue,
                  "a subscription does not survive being stored");
  sns::Publication publication;
  if (sns::read_publication(parameters, "", publication)) return;
  TRUNKLINE_CHECK(sns::accepts(*again, publication) == sns::accepts(subscription, publication),
                  "a stored policy decides otherwise");
}

}  // namespace

// First byte: a form of Publish; one that defines a topic and a subscription; what is stored of either.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 2) {
    static_cast<void>(sns::decode_topic(rest).ok());
    static_cast<void>(sns::decode_subscription(rest).ok());
    static_cast<void>(sns::decode_http_message(rest).ok());
    return 0;
  }
  sqs::Parameters parameters;
  if (sqs::Parameters::read_form(rest, parameters)) return 0;
  if (data[0] % 3 == 0) {
    published(parameters);
  } else {
    defined(parameters);
  }
  return 0;
}
