#include "aws/sqs_calls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::aws {
namespace {

using base::Errc;
using base::Millis;
using base::Result;

std::int64_t seconds(Millis time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

// Attribute values are texts.
std::int64_t number_at(json::Value attributes, std::string_view name) {
  const std::string_view text = attributes.string_at(name);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::max<std::int64_t>(number, 0);
}

std::optional<std::int64_t> receives_of(std::string_view policy) {
  json::Document document;
  const auto parsed = document.parse(policy);
  const auto count = parsed.ok() ? parsed->find("maxReceiveCount") : std::nullopt;
  if (!count) return std::nullopt;
  if (const auto number = count->integer()) return *number;
  // Some tools write it as a text.
  return number_at(*parsed, "maxReceiveCount");
}

std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/'));
}

}  // namespace

std::string receive_body(const ReceiveCall& call) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("QueueUrl", call.queue_url);
  writer.member("MaxNumberOfMessages", static_cast<std::uint64_t>(kReceiveMax));
  writer.member("VisibilityTimeout", seconds(call.visibility_timeout));
  writer.member("WaitTimeSeconds", seconds(call.wait));
  writer.key("AttributeNames").begin_array().string("MessageGroupId").end_array();
  if (!call.attempt_id.empty()) writer.member("ReceiveRequestAttemptId", call.attempt_id);
  writer.end_object();
  return body;
}

Result<std::vector<ReceivedMessage>> parse_received(std::string_view answer) {
  json::Document document;
  const auto parsed = document.parse(answer);
  if (!parsed.ok() || !parsed->is(json::Type::object)) return {Errc::unavailable, "the answer is no JSON object"};
  std::vector<ReceivedMessage> messages;
  const auto list = parsed->find("Messages");
  if (!list || !list->is(json::Type::array)) return messages;
  for (auto each = list->first(); each && messages.size() < kReceiveMax; each = each->next()) {
    ReceivedMessage message;
    message.id = each->string_at("MessageId");
    message.receipt_handle = each->string_at("ReceiptHandle");
    const auto body = each->find("Body");
    if (message.receipt_handle.empty() || !body || !body->is(json::Type::string)) continue;
    message.body = body->string();
    const std::string_view sum = each->string_at("MD5OfBody");
    if (!sum.empty() && sum != base::hex_encode(base::md5(message.body))) continue;
    if (const auto attributes = each->find("Attributes")) message.group = attributes->string_at("MessageGroupId");
    messages.push_back(std::move(message));
  }
  return messages;
}

std::string delete_body(std::string_view queue_url, std::span<const std::string> receipt_handles) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("QueueUrl", queue_url).key("Entries").begin_array();
  for (std::size_t i = 0; i < receipt_handles.size(); ++i)
    writer.begin_object().member("Id", std::to_string(i)).member("ReceiptHandle", receipt_handles[i]).end_object();
  writer.end_array().end_object();
  return body;
}

std::string visibility_body(std::string_view queue_url, std::span<const std::string> receipt_handles, Millis timeout) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("QueueUrl", queue_url).key("Entries").begin_array();
  for (std::size_t i = 0; i < receipt_handles.size(); ++i) {
    writer.begin_object().member("Id", std::to_string(i)).member("ReceiptHandle", receipt_handles[i]);
    writer.member("VisibilityTimeout", seconds(timeout)).end_object();
  }
  writer.end_array().end_object();
  return body;
}

std::optional<std::string> parse_batch_failure(std::string_view answer) {
  json::Document document;
  const auto parsed = document.parse(answer);
  if (!parsed.ok()) return "the answer is no JSON";
  const auto failed = parsed->find("Failed");
  const auto first = failed ? failed->first() : std::nullopt;
  if (!first) return std::nullopt;
  return fmt::format("{}: {}", first->string_at("Code"), first->string_at("Message").substr(0, 512));
}

std::string attributes_body(std::string_view queue_url) {
  std::string body;
  json::Writer(body)
      .begin_object()
      .member("QueueUrl", queue_url)
      .key("AttributeNames")
      .begin_array()
      .string("All")
      .end_array()
      .end_object();
  return body;
}

Result<QueueAttributes> parse_attributes(std::string_view answer) {
  json::Document document;
  const auto parsed = document.parse(answer);
  const auto given = parsed.ok() ? parsed->find("Attributes") : std::nullopt;
  if (!given || !given->is(json::Type::object)) return {Errc::unavailable, "the answer has no Attributes"};
  QueueAttributes attributes;
  // Bounds of SQS: 12 hours, 14 days.
  const auto within = [&](std::string_view name, std::int64_t most) {
    return std::chrono::seconds(std::min(number_at(*given, name), most));
  };
  attributes.visibility_timeout = within("VisibilityTimeout", 43'200);
  attributes.retention = within("MessageRetentionPeriod", 1'209'600);
  attributes.waiting = static_cast<std::uint64_t>(number_at(*given, "ApproximateNumberOfMessages"));
  attributes.in_flight = static_cast<std::uint64_t>(number_at(*given, "ApproximateNumberOfMessagesNotVisible"));
  attributes.max_receive_count = receives_of(given->string_at("RedrivePolicy"));
  return attributes;
}

std::vector<std::string> risks(const QueueAttributes& attributes) {
  std::vector<std::string> found;
  if (!attributes.max_receive_count)
    found.emplace_back(
        "no dead-letter queue: what SQS cannot give out comes again until its retention ends, and then is gone");
  else if (*attributes.max_receive_count < 5)
    found.push_back(
        fmt::format("maxReceiveCount is {}: restarts of this hub alone may move good events to the "
                    "dead-letter queue; 5 or more",
                    *attributes.max_receive_count));
  if (attributes.retention < std::chrono::hours(24 * 4))
    found.push_back(
        fmt::format("messages are kept for {} only: a longer stop of this hub loses events; AWS's maximum is "
                    "14d",
                    base::format_duration(attributes.retention)));
  return found;
}

std::string region_of_queue(std::string_view queue_url) {
  std::string_view host = host_of(queue_url);
  for (const std::string_view domain : {".amazonaws.com.cn", ".amazonaws.com", ".api.aws"}) {
    if (!host.ends_with(domain)) continue;
    host.remove_suffix(domain.size());
    for (const std::string_view prefix : {"sqs.", "sqs-fips."}) {
      if (host.starts_with(prefix)) return std::string(host.substr(prefix.size()));
    }
    // "eu-west-1.queue.amazonaws.com"
    if (host.ends_with(".queue")) return std::string(host.substr(0, host.size() - 6));
    if (host == "queue") return "us-east-1";
    // A VPC endpoint: "vpce-0a….sqs.eu-west-1.vpce.amazonaws.com"
    const std::size_t service = host.find(".sqs.");
    if (service != std::string_view::npos && host.ends_with(".vpce"))
      return std::string(host.substr(service + 5, host.size() - service - 10));
  }
  return {};
}

std::string endpoint_of_queue(std::string_view queue_url) {
  const std::string_view host = host_of(queue_url);
  if (host.empty()) return {};
  return std::string(queue_url.substr(0, queue_url.find("://") + 3)) + std::string(host);
}

}  // namespace trunkline::aws
