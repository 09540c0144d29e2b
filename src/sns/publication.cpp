#include "sns/publication.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "filter/message.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "sqs/sent_message.hpp"

namespace trunkline::sns {
namespace {

constexpr std::size_t kSubjectMax = 100;  // characters, this one excluded

Fault invalid_value(std::string message) {
  return {Code::parameter_value_invalid, std::move(message)};
}

// AWS: ASCII, beginning with a letter, a number or a punctuation mark, without line breaks and control characters.
bool is_subject(std::string_view text) {
  return !text.empty() && text.size() < kSubjectMax && text.front() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

// AWS.SNS.SMS.SenderID and the like.
constexpr std::string_view kForPhones = "AWS.SNS.";

std::optional<Fault> read_attribute(const sqs::Parameters& parameters, const std::string& path,
                                    sqs::MessageAttribute& out) {
  out.name = parameters.text(path + "Name").value_or("");
  const std::string_view name = out.name;
  if (!sqs::is_attribute_name(is_for_phones(name) ? name.substr(kForPhones.size()) : name))
    return invalid_value(fmt::format("Invalid attribute name '{}' in message attributes.", out.name));
  out.data_type = parameters.text(path + "Value.DataType").value_or("");
  if (out.data_type.empty())
    return invalid_value(
        fmt::format("The message attribute '{}' must contain non-empty message attribute type.", out.name));
  const std::string type = out.data_type.substr(0, out.data_type.find('.'));
  if (!sqs::is_attribute_type(out.data_type))
    return invalid_value(
        fmt::format("The message attribute '{}' has an invalid message attribute type, the set of supported type "
                    "prefixes is Binary, Number, and String.",
                    out.name));
  const bool binary = type == "Binary";
  const std::string_view used = binary ? "BinaryValue" : "StringValue";
  const auto value = parameters.text(fmt::format("{}Value.{}", path, used));
  if (!value && parameters.text(fmt::format("{}Value.{}", path, binary ? "StringValue" : "BinaryValue")))
    return invalid_value(fmt::format("The message attribute '{}' with type '{}' must use field '{}'.", out.name,
                                     out.data_type, binary ? "Binary" : "String"));
  if (!value || value->empty())
    return invalid_value(
        fmt::format("The message attribute '{}' must contain non-empty message attribute value for message attribute "
                    "type '{}'.",
                    out.name, out.data_type));
  out.value = *value;
  if (binary) {
    auto bytes = base::base64_decode(*value);
    if (!bytes)
      return invalid_value(fmt::format("The message attribute '{}' has a value that is no base64.", out.name));
    out.value = std::move(*bytes);
    return std::nullopt;
  }
  if (!sqs::is_message_text(out.value))
    return invalid_value(fmt::format("The message attribute '{}' has invalid characters.", out.name));
  if (type == "Number" && !sqs::is_number(out.value))
    return invalid_value(fmt::format("Could not cast message attribute '{}' value to number.", out.name));
  return std::nullopt;
}

std::optional<Fault> read_attributes(const sqs::Parameters& parameters, const std::string& prefix, Publication& out) {
  const std::string list = prefix + "MessageAttributes.entry";
  for (const std::uint32_t place : parameters.places(list)) {
    sqs::MessageAttribute& attribute = out.attributes.emplace_back();
    if (auto fault = read_attribute(parameters, fmt::format("{}.{}.", list, place), attribute)) return fault;
    out.bytes += attribute.name.size() + attribute.data_type.size() + attribute.value.size();
  }
  std::ranges::sort(out.attributes, {}, &sqs::MessageAttribute::name);
  const auto twice = std::ranges::adjacent_find(out.attributes, {}, &sqs::MessageAttribute::name);
  if (twice != out.attributes.end())
    return invalid_value(fmt::format("The message attribute '{}' is there twice.", twice->name));
  return std::nullopt;
}

// {"default": …, "sqs": …}: one message for each protocol.
std::optional<Fault> read_structure(Publication& out) {
  json::Document document;
  const auto root = document.parse(out.message, 8);
  if (!root.ok() || !root->is(json::Type::object))
    return invalid("Message Structure - JSON message body failed to parse");
  const auto otherwise = root->find("default");
  if (!otherwise || !otherwise->is(json::Type::string))
    return invalid("Message Structure - No default entry in JSON message body");
  const auto message_for = [&](std::string_view protocol) {
    const auto own = root->find(protocol);
    return std::string(own && own->is(json::Type::string) ? own->string() : otherwise->string());
  };
  out.http = message_for("http");
  out.https = message_for("https");
  out.message = message_for("sqs");
  for (const std::string* each : {&out.message, &*out.http, &*out.https}) {
    if (each->empty()) return invalid("Empty message");
    if (!sqs::is_message_text(*each)) return invalid("Message Reason: it has invalid characters");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Fault> read_publication(const sqs::Parameters& parameters, const std::string& prefix, Publication& out) {
  out.message = parameters.text(prefix + "Message").value_or("");
  if (out.message.empty()) return invalid("Empty message");
  out.bytes = out.message.size();
  if (const auto subject = parameters.text(prefix + "Subject")) {
    if (!is_subject(*subject)) return invalid("Subject");
    out.subject = *subject;
    out.bytes += subject->size();
  }
  if (auto fault = read_attributes(parameters, prefix, out)) return fault;
  if (out.bytes > kMessageBytesMax) return invalid("Message too long");
  const std::string structure = parameters.text(prefix + "MessageStructure").value_or("");
  if (!structure.empty() && structure != "json") return invalid("MessageStructure");
  if (structure == "json") {
    if (auto fault = read_structure(out)) return fault;
  }
  if (!sqs::is_message_text(out.message)) return invalid("Message Reason: it has invalid characters");
  for (const auto& [name, to] :
       {std::pair("MessageGroupId", &out.group), std::pair("MessageDeduplicationId", &out.deduplication_id)}) {
    const auto value = parameters.text(prefix + name);
    if (!value) continue;
    if (!sqs::is_group_text(*value))
      return invalid(
          fmt::format("{} Reason: it can only include alphanumeric and punctuation characters, 1 to 128 in "
                      "length",
                      name));
    *to = *value;
  }
  return std::nullopt;
}

std::optional<Fault> fit(const Topic& topic, Publication& publication) {
  if (!topic.fifo()) {
    if (!publication.deduplication_id.empty())
      return invalid(
          "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for "
          "this topic type");
    return std::nullopt;
  }
  if (publication.group.empty()) return invalid("The MessageGroupId parameter is required for FIFO topics");
  if (!publication.deduplication_id.empty()) return std::nullopt;
  if (!topic.content_based_deduplication())
    return invalid(
        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
  publication.deduplication_id = base::hex_encode(base::sha256(publication.message));
  return std::nullopt;
}

bool is_for_phones(std::string_view attribute) {
  return attribute.starts_with(kForPhones);
}

bool accepts(const Subscription& subscription, const Publication& publication) {
  if (subscription.policy.accepts_everything()) return true;
  std::vector<filter::Attribute> attributes;
  attributes.reserve(publication.attributes.size());
  for (const sqs::MessageAttribute& each : publication.attributes)
    attributes.push_back({each.name, each.data_type, each.value});
  return filter::matches(subscription.policy, {attributes, publication.message_for(subscription.protocol)});
}

std::string text_to_sign(const Publication& publication, std::string_view message, std::string_view topic_arn) {
  std::string out = fmt::format("Message\n{}\nMessageId\n{}\n", message, publication.id);
  if (!publication.subject.empty()) fmt::format_to(std::back_inserter(out), "Subject\n{}\n", publication.subject);
  fmt::format_to(std::back_inserter(out), "Timestamp\n{}\nTopicArn\n{}\nType\nNotification\n",
                 base::format_time(publication.at), topic_arn);
  return out;
}

std::string envelope(const Publication& publication, std::string_view message, std::string_view topic_arn,
                     const Signature& signature, std::string_view unsubscribe_url) {
  std::string out;
  out.reserve(message.size() + 1024);
  json::Writer writer(out);
  writer.begin_object().member("Type", "Notification").member("MessageId", publication.id);
  if (!publication.sequence.empty()) writer.member("SequenceNumber", publication.sequence);
  writer.member("TopicArn", topic_arn);
  if (!publication.subject.empty()) writer.member("Subject", publication.subject);
  writer.member("Message", message).member("Timestamp", base::format_time(publication.at));
  if (signature.version != 0) {
    writer.member("SignatureVersion", std::to_string(signature.version)).member("Signature", signature.value);
    writer.member("SigningCertURL", signature.certificate_url);
  }
  writer.member("UnsubscribeURL", unsubscribe_url);
  if (!publication.attributes.empty()) {
    writer.key("MessageAttributes").begin_object();
    for (const sqs::MessageAttribute& each : publication.attributes) {
      writer.key(each.name).begin_object().member("Type", each.data_type);
      writer.member("Value", each.binary() ? base::base64_encode(each.value) : each.value).end_object();
    }
    writer.end_object();
  }
  writer.end_object();
  return out;
}

}  // namespace trunkline::sns
