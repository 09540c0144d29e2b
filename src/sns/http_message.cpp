#include "sns/http_message.hpp"

#include <fmt/format.h>

#include "base/crypto.hpp"
#include "engine/sent.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sns {

std::string encode(const HttpMessage& message) {
  std::string out;
  out.reserve(message.body.size() + 256);
  json::Writer writer(out);
  writer.begin_object().member("type", message.type).member("messageId", message.id).member("body", message.body);
  if (message.raw) writer.member("raw", true);
  if (!message.attributes.empty()) {
    writer.key("attributes").begin_array();
    for (const sqs::MessageAttribute& each : message.attributes) {
      writer.begin_object().member("name", each.name).member("type", each.data_type);
      // Of any bytes.
      writer.member("value", base::base64_encode(each.value)).end_object();
    }
    writer.end_array();
  }
  writer.end_object();
  return out;
}

base::Result<HttpMessage> decode_http_message(const std::string& text) {
  const base::Error corrupt{base::Errc::corrupt, "a stored message for an HTTP endpoint does not decode"};
  json::Document document;
  const auto root = document.parse(text, 8);
  if (!root.ok()) return corrupt;
  HttpMessage message;
  message.type = root->string_at("type");
  message.id = root->string_at("messageId");
  message.body = root->string_at("body");
  if (message.type.empty() || message.id.empty()) return corrupt;
  const auto raw = root->find("raw");
  message.raw = raw && raw->boolean();
  const auto attributes = root->find("attributes");
  for (auto each = attributes ? attributes->first() : std::nullopt; each; each = each->next()) {
    auto value = base::base64_decode(each->string_at("value"));
    if (!value) return corrupt;
    message.attributes.push_back(
        {std::string(each->string_at("name")), std::string(each->string_at("type")), std::move(*value)});
  }
  return message;
}

engine::PublishEntry publish_entry(const Subscription& subscription, const HttpMessage& message, base::WallTime now) {
  engine::PublishEntry entry;
  event::Event& event = entry.event;
  event.raw = encode(message);
  event.topic_name = fmt::format("sns/{}", subscription.topic);
  event.event_type = "sns.notification";
  event.category = "message";
  event.source = "sns";
  event.business_time = now;
  event.business_time_has_millis = true;
  // Like messages of queues it is no event. No queue's name has ':'.
  entry.source_name = fmt::format("{}sns:{}", engine::kSentPrefix, subscription.topic);
  entry.routes = {subscription.queue};
  return entry;
}

}  // namespace trunkline::sns
