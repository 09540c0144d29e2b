#include "sqs/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/uuid.hpp"
#include "event/attributes.hpp"

namespace trunkline::sqs {
namespace {

// By botocore's model.
constexpr std::array<std::string_view, 10> kSystemAttributes = {"All",
                                                                "SenderId",
                                                                "SentTimestamp",
                                                                "ApproximateReceiveCount",
                                                                "ApproximateFirstReceiveTimestamp",
                                                                "SequenceNumber",
                                                                "MessageDeduplicationId",
                                                                "MessageGroupId",
                                                                "AWSTraceHeader",
                                                                "DeadLetterQueueSourceArn"};

void put_part(std::string& out, std::string_view part) {
  base::put_u32(out, static_cast<std::uint32_t>(part.size()));
  out.append(part);
}

std::string millis(base::WallTime time) {
  return std::to_string(std::chrono::duration_cast<base::Millis>(time.time_since_epoch()).count());
}

bool is_xml_space(char c) {
  return c == '\t' || c == '\n' || c == '\r';
}
bool is_no_character(std::string_view three) {
  return three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF";
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 && !is_xml_space(c);
}

// Eight at a time: few texts have a character below the space at all.
bool has_control(std::string_view text) {
  constexpr std::uint64_t kSpaces = 0x2020202020202020, kHighBits = 0x8080808080808080;
  std::size_t at = 0;
  for (std::uint64_t eight = 0; text.size() - at >= sizeof eight; at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    const bool below = ((eight - kSpaces) & ~eight & kHighBits) != 0;
    if (below && std::ranges::any_of(text.substr(at, sizeof eight), is_control)) return true;
  }
  return std::ranges::any_of(text.substr(at), is_control);
}

// Calls `bad` with each stretch that XML 1.0 has no character for (a control character, U+FFFE, U+FFFF), `good` with the
// others. The text is UTF-8 already.
template <class Good, class Bad>
void split_xml(std::string_view text, Good good, Bad bad) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const bool control = is_control(text[i]);
    const bool nonchar = text[i] == '\xEF' && is_no_character(text.substr(i, 3));
    if (!control && !nonchar) {
      ++i;
      continue;
    }
    good(text.substr(begin, i - begin));
    const std::string_view found = text.substr(i, nonchar ? 3 : 1);
    bad(found);
    i += found.size();
    begin = i;
  }
  good(text.substr(begin));
}

}  // namespace

std::string md5_of_body(std::string_view body) {
  return base::hex_encode(base::md5(body));
}

std::string md5_of_attributes(std::vector<MessageAttribute> attributes) {
  std::ranges::sort(attributes, {}, &MessageAttribute::name);
  std::string bytes;
  for (const MessageAttribute& each : attributes) {
    put_part(bytes, each.name);
    put_part(bytes, each.data_type);
    bytes += each.binary() ? '\2' : '\1';
    put_part(bytes, each.value);
  }
  return base::hex_encode(base::md5(bytes));
}

bool is_xml_text(std::string_view text) {
  if (has_control(text)) return false;
  for (std::size_t at = text.find('\xEF'); at != std::string_view::npos; at = text.find('\xEF', at + 1)) {
    if (is_no_character(text.substr(at, 3))) return false;
  }
  return true;
}

std::string xml_characters(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  split_xml(text, [&](std::string_view good) { out += good; }, [&](std::string_view) { out += "\xEF\xBF\xBD"; });
  return out;
}

std::string xml_characters_of_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  split_xml(
      json, [&](std::string_view good) { out += good; },
      [&](std::string_view bad) {
        if (bad.size() == 3) out += bad[2] == '\xBE' ? "\\ufffe" : "\\uffff";
      });
  return out;
}

std::string message_id(base::QueueId queue, base::Sequence sequence) {
  std::string bytes;
  base::put_u32(bytes, queue.value);
  base::put_u64(bytes, sequence.value);
  return base::uuid_of(base::view(base::hash128(bytes)));
}

std::string sequence_number(std::uint64_t order) {
  return fmt::format("{:020}", order);
}

std::vector<MessageAttribute> message_attributes(const engine::LeasedMessage& message) {
  const engine::Record& record = *message.record;
  std::vector<MessageAttribute> out;
  for (const event::Attribute& each : event::attributes(record.event))
    out.push_back({std::string(each.name), "String", xml_characters(each.value)});
  if (!record.event.envelope_id.empty()) out.push_back({"eventId", "String", xml_characters(record.event.envelope_id)});
  out.push_back({"sequence", "Number", std::to_string(record.sequence.value)});
  if (message.gap_before) out.push_back({"gapBefore", "Number", std::to_string(message.gap_before->value)});
  if (message.redriven) out.push_back({"redriven", "String", "true"});
  if (message.replay) out.push_back({"replay", "Number", std::to_string(message.replay->value)});
  return out;
}

bool wants_attribute(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& wanted) {
    if (wanted == "All" || wanted == ".*" || wanted == name) return true;
    if (!wanted.ends_with(".*")) return false;
    const std::string_view prefix = std::string_view(wanted).substr(0, wanted.size() - 2);
    return name.starts_with(prefix);
  });
}

std::vector<std::pair<std::string, std::string>> system_attributes(const engine::LeasedMessage& message,
                                                                   const Queue& queue, base::WallTime received) {
  const engine::Record& record = *message.record;
  std::vector<std::pair<std::string, std::string>> out;
  out.emplace_back("SenderId", xml_characters(record.source_name));
  out.emplace_back("SentTimestamp", millis(record.accepted_at));
  out.emplace_back("ApproximateReceiveCount", std::to_string(message.receive_count));
  // The queue keeps how often, not since when.
  if (message.receive_count == 1) out.emplace_back("ApproximateFirstReceiveTimestamp", millis(received));
  if (!queue.fifo()) return out;
  const std::uint64_t order = message.order != 0 ? message.order : record.sequence.value;
  out.emplace_back("SequenceNumber", sequence_number(order));
  const std::string& id = record.event.envelope_id;
  out.emplace_back("MessageDeduplicationId", id.empty() ? message_id(queue.id, record.sequence) : xml_characters(id));
  out.emplace_back("MessageGroupId", xml_characters(event::group_text(record.event, queue.spec.order)));
  return out;
}

bool is_system_attribute(std::string_view name) {
  return std::ranges::find(kSystemAttributes, name) != kSystemAttributes.end();
}

}  // namespace trunkline::sqs
