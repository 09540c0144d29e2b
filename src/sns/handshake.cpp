#include "sns/handshake.hpp"

#include <fmt/format.h>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "base/uuid.hpp"
#include "json/writer.hpp"

namespace trunkline::sns {
namespace {

constexpr std::size_t kTokenBytes = 32;

std::string words(const Call& call, const Subscription& subscription, std::string_view type) {
  if (type == kUnsubscribeConfirmation)
    return fmt::format(
        "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, visit "
        "the "
        "SubscribeURL included in this message.",
        call.subscription_arn(subscription));
  return fmt::format(
      "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in "
      "this "
      "message.",
      call.topic_arn(subscription.topic));
}

}  // namespace

std::string new_token() {
  return base::hex_encode(base::random_bytes(kTokenBytes));
}

HttpMessage confirmation(const Call& call, const Topic& topic, const Subscription& subscription,
                         std::string_view type) {
  HttpMessage message;
  message.type = type;
  message.id = base::random_uuid();
  const std::string arn = call.topic_arn(subscription.topic);
  const std::string text = words(call, subscription, type);
  const std::string at = base::format_time(call.context.clock.wall());
  const std::string url = fmt::format("{}/?Action=ConfirmSubscription&TopicArn={}&Token={}&Version=2010-03-31",
                                      call.origin, base::percent_encode(arn), subscription.token);
  const Signature signature = call.sign(
      topic,
      fmt::format("Message\n{}\nMessageId\n{}\nSubscribeURL\n{}\nTimestamp\n{}\nToken\n{}\nTopicArn\n{}\nType\n{}\n",
                  text, message.id, url, at, subscription.token, arn, type));
  json::Writer writer(message.body);
  writer.begin_object().member("Type", type).member("MessageId", message.id).member("Token", subscription.token);
  writer.member("TopicArn", arn).member("Message", text).member("SubscribeURL", url).member("Timestamp", at);
  if (signature.version != 0) {
    writer.member("SignatureVersion", std::to_string(signature.version)).member("Signature", signature.value);
    writer.member("SigningCertURL", signature.certificate_url);
  }
  writer.end_object();
  return message;
}

}  // namespace trunkline::sns
