#include "lambda/payload.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::lambda {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr std::string_view kQueueSource = "aws:sqs";

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<QueueMessage> read_message(const json::Value& record) {
  const auto body = record.find("body");
  QueueMessage message;
  message.id = record.string_at("messageId");
  message.receipt_handle = record.string_at("receiptHandle");
  if (message.id.empty() || message.receipt_handle.empty() || !body || !body->is(json::Type::string))
    return Error{Errc::invalid, "a record lacks messageId, receiptHandle or body"};
  message.body = body->string();
  if (const auto attributes = record.find("messageAttributes")) {
    if (const auto head = attributes->find("trunkline")) message.head = head->string_at("stringValue");
  }
  if (const auto system = record.find("attributes")) {
    message.receive_count =
        std::max(number_of<std::uint32_t>(system->string_at("ApproximateReceiveCount")).value_or(1), 1U);
    message.sent_ms =
        std::max<std::int64_t>(number_of<std::int64_t>(system->string_at("SentTimestamp")).value_or(0), 0);
  }
  return message;
}

Result<Payload> read_records(const json::Value& records) {
  Payload payload{PayloadKind::messages};
  for (auto each = records.first(); each; each = each->next()) {
    if (payload.messages.size() == kMessagesMax) return Error{Errc::too_large, "more records than any batch has"};
    const std::string_view arn = each->string_at("eventSourceARN");
    if (each->string_at("eventSource") != kQueueSource || arn.empty())
      return Error{Errc::invalid, "a record that is no message of an SQS queue"};
    if (payload.messages.empty()) payload.queue_arn = arn;
    if (payload.queue_arn != arn) return Error{Errc::invalid, "records of two queues in one batch"};
    TRUNKLINE_TRY(QueueMessage message, read_message(*each));
    payload.messages.push_back(std::move(message));
  }
  payload.fifo = payload.queue_arn.ends_with(".fifo");
  return payload;
}

// A Lambda event source mapping says where each record comes from; whatever else has "Records" is the decoder's.
bool is_queue_batch(const json::Value& root) {
  const auto records = root.find("Records");
  const auto first = records && records->is(json::Type::array) ? records->first() : std::nullopt;
  return first && !first->string_at("eventSource").empty();
}

}  // namespace

Result<Payload> read_payload(std::string_view text) {
  json::Document document;
  const auto root = document.parse(text);
  if (!root.ok()) return Payload();
  if (is_queue_batch(*root)) return read_records(*root->find("Records"));
  Payload payload;
  if (root->string_at("source") == "aws.events" && root->string_at("detail-type") == "Scheduled Event")
    payload.kind = PayloadKind::scheduled;
  return payload;
}

std::string batch_failures(const std::vector<QueueMessage>& messages, const std::vector<bool>& done) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("batchItemFailures").begin_array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (i >= done.size() || !done[i]) out.begin_object().member("itemIdentifier", messages[i].id).end_object();
  }
  out.end_array().end_object();
  return text;
}

std::int64_t oldest_age_seconds(const std::vector<QueueMessage>& messages, base::WallTime now) {
  std::int64_t age_ms = 0;
  for (const QueueMessage& each : messages) {
    if (each.sent_ms > 0) age_ms = std::max(age_ms, now.time_since_epoch().count() - each.sent_ms);
  }
  return age_ms / 1'000;
}

}  // namespace trunkline::lambda
