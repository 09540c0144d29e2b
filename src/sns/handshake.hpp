#pragma once

#include <string>

#include "sns/call.hpp"
#include "sns/http_message.hpp"

namespace trunkline::sns {

// A token that nobody can guess.
std::string new_token();

// How long a token holds, and a subscription waits for its confirmation: ConfirmSubscription of the API reference.
inline constexpr base::Millis kTokenHolds = std::chrono::hours(48);

// What is posted to an endpoint that is to say whether it wants a topic's messages, and to one that has said that it does
// not. Signed with the key of the topics; its SubscribeURL is on the host that the caller named.
HttpMessage confirmation(const Call& call, const Topic& topic, const Subscription& subscription, std::string_view type);

}  // namespace trunkline::sns
