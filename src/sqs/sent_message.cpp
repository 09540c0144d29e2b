#include "sqs/sent_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::size_t kAttributesMax = 10;
constexpr std::size_t kNameMax = 256;   // of an attribute, and of its type
constexpr std::size_t kGroupMax = 128;  // of a group's id, and of a deduplication id
constexpr std::string_view kTrace = "AWSTraceHeader";
constexpr std::size_t kCheckDigits = 16;
constexpr std::size_t kMd5Digits = 32;

Fault invalid(std::string message) {
  return {Code::invalid_value, std::move(message)};
}
Fault bad_characters() {
  return {
      Code::invalid_contents,
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | "
      "#x10000 to #x10FFFF"};
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool starts_with_any_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::ranges::equal(text.substr(0, lower.size()), lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::optional<Fault> read_value(const Parameters& parameters, const std::string& path, std::string_view of,
                                MessageAttribute& attribute) {
  attribute.data_type = parameters.text(path + "DataType").value_or("");
  const std::string type = attribute.data_type.substr(0, attribute.data_type.find('.'));
  const std::string named = fmt::format("Message ({}) attribute '{}'", of, attribute.name);
  if (attribute.data_type.empty()) return invalid(named + " must contain a non-empty attribute type.");
  if (!is_attribute_type(attribute.data_type))
    return invalid(named +
                   " has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and "
                   "String.");
  const auto value = parameters.text(path + (type == "Binary" ? "BinaryValue" : "StringValue"));
  if (!value || value->empty())
    return invalid(
        fmt::format("{} must contain a non-empty value of type '{}'.", named, type == "Binary" ? "Binary" : "String"));
  attribute.value = *value;
  if (type == "Binary") {
    const auto bytes = base::base64_decode(*value);
    if (!bytes) return invalid(named + " has a value that is no base64.");
    attribute.value = *bytes;
    return std::nullopt;
  }
  if (!is_message_text(attribute.value)) return bad_characters();
  if (type == "Number" && !is_number(attribute.value))
    return invalid(fmt::format("Can't cast the value of message ({}) attribute '{}' to a number.", of, attribute.name));
  return std::nullopt;
}

std::optional<Fault> read_attributes(const Parameters& parameters, const std::string& prefix, SentMessage& message) {
  const auto members =
      parameters.members(prefix, "MessageAttributes", "MessageAttribute", "Name", Parameters::Values::structures);
  if (members.size() > kAttributesMax)
    return invalid(fmt::format("Number of message attributes [{}] exceeds the allowed maximum [{}].", members.size(),
                               kAttributesMax));
  for (const Parameters::Member& member : members) {
    if (!is_attribute_name(member.name))
      return invalid(fmt::format("Message (user) attribute name '{}' is invalid.", member.name));
    MessageAttribute attribute{member.name, {}, {}};
    if (auto fault = read_value(parameters, member.path + ".", "user", attribute)) return fault;
    message.attributes.push_back(std::move(attribute));
  }
  std::ranges::sort(message.attributes, {}, &MessageAttribute::name);
  const auto twice = std::ranges::adjacent_find(message.attributes, {}, &MessageAttribute::name);
  if (twice != message.attributes.end())
    return invalid(fmt::format("Message (user) attribute name '{}' already exists.", twice->name));
  return std::nullopt;
}

std::optional<Fault> read_system_attributes(const Parameters& parameters, const std::string& prefix,
                                            SentMessage& message) {
  for (const Parameters::Member& member : parameters.members(
           prefix, "MessageSystemAttributes", "MessageSystemAttribute", "Name", Parameters::Values::structures)) {
    if (member.name != kTrace)
      return invalid(fmt::format("Message system attribute name '{}' is invalid.", member.name));
    MessageAttribute attribute{member.name, {}, {}};
    if (auto fault = read_value(parameters, member.path + ".", "system", attribute)) return fault;
    if (attribute.data_type != "String")
      return invalid(fmt::format("Message (system) attribute '{}' must be of type 'String'.", kTrace));
    message.trace_header = attribute.value;
  }
  return std::nullopt;
}

// An operator may edit what is stored: an MD5 counts for the body alone that it stands beside by a hash that costs less.
std::string checked_md5(std::string_view body, std::string_view md5) {
  std::string bytes;
  base::put_u64(bytes, base::hash64(body));
  return base::hex_encode(bytes).append(md5);
}

}  // namespace

bool is_message_text(std::string_view text) {
  return base::is_valid_utf8(text) && is_xml_text(text);
}

bool is_attribute_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax || name.front() == '.' || name.back() == '.') return false;
  if (name.find("..") != std::string_view::npos) return false;
  if (starts_with_any_case(name, "aws.") || starts_with_any_case(name, "amazon.")) return false;
  return std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

bool is_number(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size();
  return whole && (error == std::errc::result_out_of_range || (error == std::errc() && std::isfinite(value)));
}

bool is_group_text(std::string_view text) {
  return !text.empty() && text.size() <= kGroupMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_attribute_type(std::string_view type) {
  const std::string_view head = type.substr(0, type.find('.'));
  return type.size() <= kNameMax && (head == "String" || head == "Number" || head == "Binary");
}

std::size_t message_bytes(const SentMessage& message) {
  std::size_t bytes = message.body.size();
  for (const MessageAttribute& each : message.attributes)
    bytes += each.name.size() + each.data_type.size() + each.value.size();
  return bytes;
}

std::optional<Fault> read_message(const Parameters& parameters, const std::string& prefix, SentMessage& message) {
  message.body = parameters.text(prefix + "MessageBody").value_or("");
  if (message.body.empty())
    return Fault{Code::missing_parameter, "The request must contain the parameter MessageBody."};
  if (!is_message_text(message.body)) return bad_characters();
  if (auto fault = read_attributes(parameters, prefix, message)) return fault;
  if (auto fault = read_system_attributes(parameters, prefix, message)) return fault;
  for (const auto& [name, to] :
       {std::pair("MessageGroupId", &message.group), std::pair("MessageDeduplicationId", &message.deduplication_id)}) {
    const auto value = parameters.text(prefix + name);
    if (!value) continue;
    if (!is_group_text(*value))
      return invalid(
          fmt::format("Value {} for parameter {} is invalid. Reason: {} can only include alphanumeric and "
                      "punctuation characters. 1 to 128 in length.",
                      *value, name, name));
    *to = *value;
  }
  return std::nullopt;
}

std::string encode_sent(const SentMessage& message) {
  std::string out;
  out.reserve(message_bytes(message) + 256);
  json::Writer writer(out);
  writer.begin_object().member("body", message.body);
  const auto put = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) writer.member(name, value);
  };
  put("group", message.group);
  put("deduplicationId", message.deduplication_id);
  put("traceHeader", message.trace_header);
  put("sender", message.sender);
  if (!message.body_md5.empty()) writer.member("md5", checked_md5(message.body, message.body_md5));
  put("messageId", message.message_id);
  put("sourceQueue", message.source_queue);
  if (message.sent_ms != 0) writer.member("sent", message.sent_ms);
  if (!message.attributes.empty()) {
    writer.key("attributes").begin_object();
    for (const MessageAttribute& each : message.attributes) {
      writer.key(each.name).begin_object().member("type", each.data_type);
      writer.member("value", each.binary() ? base::base64_encode(each.value) : each.value).end_object();
    }
    writer.end_object();
  }
  writer.end_object();
  return out;
}

base::Result<SentMessage> decode_sent(const std::string& text) {
  const base::Error corrupt{base::Errc::corrupt, "a stored message of the SQS API does not decode"};
  json::Document document;
  const auto root = document.parse(text, 8);
  if (!root.ok()) return corrupt;
  SentMessage message;
  message.body = root->string_at("body");
  message.group = root->string_at("group");
  message.deduplication_id = root->string_at("deduplicationId");
  message.trace_header = root->string_at("traceHeader");
  message.sender = root->string_at("sender");
  if (const std::string_view md5 = root->string_at("md5"); md5.size() == kCheckDigits + kMd5Digits) {
    const std::string_view digits = md5.substr(kCheckDigits);
    if (md5 == checked_md5(message.body, digits)) message.body_md5 = digits;
  }
  message.message_id = root->string_at("messageId");
  message.source_queue = root->string_at("sourceQueue");
  if (const auto sent = root->find("sent")) message.sent_ms = sent->integer().value_or(0);
  if (message.body.empty()) return corrupt;
  const auto attributes = root->find("attributes");
  if (!attributes) return message;
  for (auto each = attributes->first(); each; each = each->next()) {
    MessageAttribute attribute{std::string(each->name()), std::string(each->string_at("type")),
                               std::string(each->string_at("value"))};
    if (attribute.binary()) {
      auto bytes = base::base64_decode(attribute.value);
      if (!bytes) return corrupt;
      attribute.value = std::move(*bytes);
    }
    message.attributes.push_back(std::move(attribute));
  }
  return message;
}

}  // namespace trunkline::sqs
