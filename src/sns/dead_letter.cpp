#include "sns/dead_letter.hpp"

namespace trunkline::sns {
namespace {

constexpr std::size_t kAttributesMax = 10;  // SQS's own

}  // namespace

std::optional<sqs::SentMessage> dead_letter(sqs::SentMessage message, const Refusal& refusal,
                                            std::string_view request_id, const sqs::Queue& queue) {
  if (message.attributes.size() + 3 > kAttributesMax) message.attributes.clear();
  message.attributes.push_back({"ErrorCode", "String", refusal.code});
  message.attributes.push_back({"ErrorMessage", "String", refusal.message});
  message.attributes.push_back({"RequestID", "String", std::string(request_id)});
  if (sqs::message_bytes(message) > static_cast<std::size_t>(queue.definition->number("MaximumMessageSize")))
    return std::nullopt;
  return message;
}

}  // namespace trunkline::sns
