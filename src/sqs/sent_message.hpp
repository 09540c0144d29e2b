#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "event/event.hpp"
#include "sqs/fault.hpp"
#include "sqs/message.hpp"
#include "sqs/parameters.hpp"

namespace trunkline::sqs {

// A message that a client sent. In the log it is one JSON object, so that whoever shows stored events can show it.
struct SentMessage {
  std::string body;
  std::vector<MessageAttribute> attributes{};
  std::string trace_header{};      // AWSTraceHeader
  std::string group{};             // MessageGroupId; a standard queue keeps no order by it
  std::string deduplication_id{};  // FIFO queues
  std::string sender{};            // the access key's id
  std::string body_md5{};          // in hexadecimal; empty: nobody has made it yet
  // Of one that came from another queue, which is its dead-letter queue's source:
  std::string message_id{};    // as it was there
  std::string source_queue{};  // its name
  std::int64_t sent_ms = 0;    // when it was sent there; 0: it was sent here
};
std::string encode_sent(const SentMessage& message);
// Errc::corrupt for what encode_sent() has not made.
base::Result<SentMessage> decode_sent(const std::string& text);

// What AWS counts of its size: the body, and the names, types and values of the attributes. Bytes.
std::size_t message_bytes(const SentMessage& message);

// Reads body, attributes, system attributes, group and deduplication ids below `prefix` (empty, or "Entries.2."). Faults
// are those that are of the message alone, and not of the queue it is for.
std::optional<Fault> read_message(const Parameters& parameters, const std::string& prefix, SentMessage& message);

// Whether SQS knows all characters of the text, which must be UTF-8.
bool is_message_text(std::string_view text);
// What attributes may be called, and which types they may have.
bool is_attribute_name(std::string_view name);
bool is_attribute_type(std::string_view type);
// Whether the text is a number as attributes have it.
bool is_number(std::string_view text);
// MessageGroupId and MessageDeduplicationId: alphanumeric and punctuation characters of ASCII, 128 at most.
bool is_group_text(std::string_view text);

}  // namespace trunkline::sqs
