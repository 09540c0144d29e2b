#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "engine/engine.hpp"
#include "sqs/queues.hpp"

namespace trunkline::sqs {

struct MessageAttribute {
  std::string name;
  std::string data_type;  // "String", "Number", "Binary", each with what follows a dot
  std::string value;      // of a binary one the bytes themselves

  bool binary() const { return data_type.starts_with("Binary"); }
};

// Hexadecimal, as SQS's clients compare it: names sorted, each part with its length of four bytes before it.
std::string md5_of_body(std::string_view body);  // in hexadecimal, as the other
std::string md5_of_attributes(std::vector<MessageAttribute> attributes);

// The text without what XML 1.0 cannot hold; SQS knows no other characters. What is left out becomes U+FFFD.
std::string xml_characters(std::string_view text);
bool is_xml_text(std::string_view text);  // nothing would be replaced
// The same for a JSON text, whose strings may hold such characters as they are: written as escapes they mean the same.
std::string xml_characters_of_json(std::string_view json);

// What stays the same of a message however often it is received: a UUID of queue and event.
std::string message_id(base::QueueId queue, base::Sequence sequence);
// SequenceNumber: 20 digits.
std::string sequence_number(std::uint64_t order);

// The ids that routing knows of the event and its place in the log; marks of a redrive, a replay and a gap.
std::vector<MessageAttribute> message_attributes(const engine::LeasedMessage& message);

// The names that ReceiveMessage may be asked for: exact, "All", ".*", "prefix.*".
bool wants_attribute(const std::vector<std::string>& names, std::string_view name);

// The system attributes of the message in AWS's order of names, all that this queue has.
std::vector<std::pair<std::string, std::string>> system_attributes(const engine::LeasedMessage& message,
                                                                   const Queue& queue, base::WallTime received);
bool is_system_attribute(std::string_view name);  // one that AWS knows, or "All"

}  // namespace trunkline::sqs
