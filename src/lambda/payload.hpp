#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

// What functions are invoked with, and what they answer (AWS Lambda developer guide, "Using Lambda with Amazon SQS").
namespace trunkline::lambda {

// A message of an SQS event source mapping.
struct QueueMessage {
  std::string id;
  std::string receipt_handle;
  std::string body;
  std::string head{};  // the text of its message attribute "trunkline"
  std::uint32_t receive_count = 1;
  std::int64_t sent_ms = 0;  // SentTimestamp; 0: it is not said
};

enum class PayloadKind : std::uint8_t {
  messages,   // of a queue
  scheduled,  // EventBridge's "Scheduled Event"
  event,      // anything else, for the decoder of events
};

struct Payload {
  PayloadKind kind = PayloadKind::event;
  std::string queue_arn{};  // of messages
  bool fifo = false;        // likewise
  std::vector<QueueMessage> messages{};
};

// An event source mapping's largest batch.
inline constexpr std::size_t kMessagesMax = 10'000;

// What is no JSON is an event, and the decoder's to quarantine. Errc::invalid: records of which one cannot be answered for
// (it lacks its id, its receipt handle or its body, is of another queue than the first, or of no queue); Errc::too_large:
// more than kMessagesMax. The error repeats nothing of the text.
base::Result<Payload> read_payload(std::string_view text);

// {"batchItemFailures":[{"itemIdentifier":"…"}]}: all messages whose place in `done` is not true.
std::string batch_failures(const std::vector<QueueMessage>& messages, const std::vector<bool>& done);

// How far a consumer is behind that has just had these: the age of the one that was sent first. 0 where none says it.
std::int64_t oldest_age_seconds(const std::vector<QueueMessage>& messages, base::WallTime now);

}  // namespace trunkline::lambda
