#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "sns/definition.hpp"
#include "sqs/message.hpp"

namespace trunkline::sns {

// What x-amz-sns-message-type says.
inline constexpr std::string_view kNotification = "Notification";
inline constexpr std::string_view kSubscriptionConfirmation = "SubscriptionConfirmation";
inline constexpr std::string_view kUnsubscribeConfirmation = "UnsubscribeConfirmation";

// A message for an HTTP endpoint, as it lies in the queue of its subscription. In the log it is one JSON object.
struct HttpMessage {
  std::string type;
  std::string id;    // MessageId
  std::string body;  // as it is posted
  bool raw = false;
  std::vector<sqs::MessageAttribute> attributes{};  // of a raw one: its dead-letter queue gets them
};
std::string encode(const HttpMessage& message);
// Errc::corrupt for what encode() has not made.
base::Result<HttpMessage> decode_http_message(const std::string& text);

// What the engine is given of it: a record that is routed to the subscription's queue and no other.
engine::PublishEntry publish_entry(const Subscription& subscription, const HttpMessage& message, base::WallTime now);

}  // namespace trunkline::sns
