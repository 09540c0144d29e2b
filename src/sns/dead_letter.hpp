#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sqs/queues.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sns {

// Why a notification did not reach its endpoint.
struct Refusal {
  std::string code;
  std::string message;
};

// The message as a subscription's dead-letter queue gets it: with the attributes ErrorCode, ErrorMessage and RequestID, as
// on AWS, without its own where they would be too many. Nothing when the queue does not take one of that size.
std::optional<sqs::SentMessage> dead_letter(sqs::SentMessage message, const Refusal& refusal,
                                            std::string_view request_id, const sqs::Queue& queue);

}  // namespace trunkline::sns
