// SendMessage and SendMessageBatch. What is answered is on disk.
#include <fmt/format.h>

#include "base/crypto.hpp"
#include "base/hash.hpp"
#include "sqs/batch.hpp"
#include "sqs/operations.hpp"
#include "sqs/sending.hpp"

namespace trunkline::sqs {
namespace {

struct Entry {
  std::string id{};
  SentMessage message{};
  std::int64_t delay_seconds = 0;
  std::uint64_t sequence = 0;  // once it is sent
  std::optional<Fault> fault{};
};
struct Sending {
  CallPtr call;
  Queue queue;
  bool batch = false;
  std::vector<Entry> entries;
};
using SendingPtr = std::shared_ptr<Sending>;  // shared with the callback, which must be copyable

Fault invalid(std::string message) {
  return {Code::invalid_value, std::move(message)};
}

// What the kind of the queue wants of the message, and gives it.
std::optional<Fault> fit_fifo(const Definition& queue, SentMessage& message, bool batch) {
  if (message.group.empty())
    return Fault{batch ? Code::invalid_value : Code::missing_parameter,
                 "The request must contain the parameter MessageGroupId."};
  if (!message.deduplication_id.empty()) return std::nullopt;
  if (!queue.content_based_deduplication())
    return invalid(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
  message.deduplication_id = base::hex_encode(base::sha256(message.body));
  return std::nullopt;
}

std::optional<Fault> read_delay(const Parameters& parameters, const std::string& prefix, const Definition& queue,
                                std::int64_t& delay) {
  Reader reader(parameters);
  const std::string name = prefix + "DelaySeconds";
  const auto given = reader.whole(name, 0, kDelaySecondsMax, "DelaySeconds must be >= 0 and <= 900.");
  if (reader.fault())
    return invalid(
        fmt::format("Value {} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
                    parameters.text(name).value_or("")));
  if (queue.fifo() && given.value_or(0) != 0)
    return invalid(
        fmt::format("Value {} for parameter DelaySeconds is invalid. Reason: The request include parameter "
                    "that is not valid for this queue type.",
                    *given));
  // All of a FIFO queue have the queue's, which the engine keeps.
  delay = queue.fifo() ? 0 : given.value_or(queue.number("DelaySeconds"));
  return std::nullopt;
}

Entry read_entry(const Call& call, const Definition& queue, const std::string& prefix, bool batch) {
  Entry entry;
  SentMessage& message = entry.message;
  entry.fault = read_message(call.parameters, prefix, message);
  if (entry.fault) return entry;
  entry.fault = read_delay(call.parameters, prefix, queue, entry.delay_seconds);
  if (entry.fault) return entry;
  const auto most = static_cast<std::size_t>(queue.number("MaximumMessageSize"));
  if (message_bytes(message) > most) {
    entry.fault = invalid(
        fmt::format("One or more parameters are invalid. Reason: Message must be shorter than {} bytes.", most));
  } else if (queue.fifo()) {
    entry.fault = fit_fifo(queue, message, batch);
  } else if (!message.deduplication_id.empty()) {
    entry.fault =
        invalid(fmt::format("Value {} for parameter MessageDeduplicationId is invalid. Reason: The request "
                            "includes a parameter that is not valid for this queue type.",
                            message.deduplication_id));
  }
  message.sender = call.access_key_id.empty() ? "anonymous" : call.access_key_id;
  if (!entry.fault) message.body_md5 = md5_of_body(message.body);
  return entry;
}

std::optional<Fault> read_batch(const Call& call, const Definition& queue, std::vector<Entry>& entries) {
  std::vector<BatchEntry> places;
  if (auto fault = read_batch_entries(call, places)) return fault;
  std::size_t bytes = 0;
  entries.reserve(places.size());
  for (const BatchEntry& place : places) {
    entries.push_back(read_entry(call, queue, place.prefix, true));
    entries.back().id = place.id;
    bytes += message_bytes(entries.back().message);
    // Nobody's order is kept without it: the whole request is refused, as on AWS.
    if (queue.fifo() && entries.back().message.group.empty()) return entries.back().fault;
  }
  if (bytes > static_cast<std::size_t>(kMessageBytesMax))
    return Fault{Code::batch_too_long, fmt::format("Batch requests cannot be longer than {} bytes. You have sent {} "
                                                   "bytes.",
                                                   kMessageBytesMax, bytes)};
  return std::nullopt;
}

void write_sent(Output& output, const Queue& queue, const Entry& entry) {
  const SentMessage& message = entry.message;
  output.text("MessageId", message_id(queue.id, {entry.sequence}));
  output.text("MD5OfMessageBody", message.body_md5);
  if (!message.attributes.empty()) output.text("MD5OfMessageAttributes", md5_of_attributes(message.attributes));
  if (!message.trace_header.empty())
    output.text("MD5OfMessageSystemAttributes",
                md5_of_attributes({{"AWSTraceHeader", "String", message.trace_header}}));
  if (queue.fifo()) output.text("SequenceNumber", sequence_number(entry.sequence));
}

// On the connection's loop.
void answer(Sending& sending) {
  Call& call = *sending.call;
  if (!sending.batch) {
    const Entry& entry = sending.entries[0];
    if (entry.fault) return call.fail(*entry.fault);
    return call.answer([&](Output& output) { write_sent(output, sending.queue, entry); });
  }
  call.answer([&](Output& output) {
    output.begin_list("Successful");
    for (const Entry& entry : sending.entries) {
      if (entry.fault) continue;
      output.begin_item("SendMessageBatchResultEntry");
      output.text("Id", entry.id);
      write_sent(output, sending.queue, entry);
      output.end_item("SendMessageBatchResultEntry");
    }
    output.end_list();
    output.begin_list("Failed");
    for (const Entry& entry : sending.entries) {
      if (entry.fault) write_failed(output, entry.id, *entry.fault);
    }
    output.end_list();
  });
}

void sent(const SendingPtr& sending, const std::vector<engine::PublishResult>& results) {
  std::size_t at = 0;
  for (Entry& entry : sending->entries) {
    if (entry.fault) continue;
    const engine::PublishResult& result = results[at++];
    if (result.verdict == engine::PublishVerdict::failed) {
      entry.fault = fault_of(*result.error);
    } else {
      entry.sequence = result.sequence;
    }
  }
  answer(*sending);
}

void send(CallPtr call, bool batch) {
  const auto queue = queue_of(*call);
  if (!queue) return;
  if (!queue->definition)
    return call->fail({Code::unsupported,
                       "This queue belongs to the configuration: what is in it are the events that its consumer's "
                       "filter takes. Send to a queue that was made by CreateQueue."});
  auto sending = std::make_shared<Sending>();
  sending->queue = *queue;
  sending->batch = batch;
  if (!batch) {
    sending->entries.push_back(read_entry(*call, *queue->definition, "", false));
  } else if (const auto fault = read_batch(*call, *queue->definition, sending->entries)) {
    return call->fail(*fault);
  }
  engine::Engine& engine = call->context.queues.engine();
  std::vector<engine::PublishItem> items;
  items.reserve(sending->entries.size());
  bool delayed = false;
  for (const Entry& entry : sending->entries) {
    if (entry.fault) continue;
    items.push_back(
        publish_entry(*queue, entry.message, std::chrono::seconds(entry.delay_seconds), call->context.clock.wall()));
    delayed = delayed || entry.delay_seconds > 0;
  }
  if (delayed && engine.statistics(queue->id).backing_off >= kDelayedMax)
    return call->fail({Code::over_limit, fmt::format("{} delayed messages are the most.", kDelayedMax)});
  base::Loop& loop = call->loop;
  sending->call = std::move(call);
  if (items.empty()) return answer(*sending);
  engine.publish(std::move(items), loop,
                 [sending](const std::vector<engine::PublishResult>& results) { sent(sending, results); });
}

}  // namespace

engine::PublishEntry publish_entry(const Queue& queue, const SentMessage& message, base::Millis delay,
                                   base::WallTime now) {
  engine::PublishEntry entry;
  event::Event& event = entry.event;
  event.raw = encode_sent(message);
  event.topic_name = queue.spec.name;
  event.event_type = "sqs.message";
  event.category = "message";
  event.source = "sqs";
  entry.source_name = queue.spec.name;
  entry.routes = {queue.id};
  event.business_time_has_millis = true;
  // The lane of a FIFO queue; in a standard one groups take turns.
  event.conversation_id = message.group;
  if (!queue.fifo()) {
    event.business_time = now + delay;
    return entry;
  }
  // All have one time, so that a delay keeps the order in which they were taken.
  event.business_time = base::WallTime();
  const std::string_view scope = queue.definition->dedup_per_group ? std::string_view(message.group) : "";
  // Queue ids are never used again: a queue that was deleted or purged has forgotten its ids. The same for all bodies: who
  // repeats an id has repeated the message, whatever else differs.
  event.envelope_identity = base::hash128(fmt::format("sqs {} {} {}", queue.id.value, scope, message.deduplication_id));
  return entry;
}

base::Hash128 move_identity(const Queue& to, const Queue& from, const engine::Record& record) {
  return base::hash128(fmt::format("sqs moved {} {} {}", to.id.value, from.id.value, record.sequence.value));
}

void send_message(CallPtr call) {
  send(std::move(call), false);
}
void send_message_batch(CallPtr call) {
  send(std::move(call), true);
}

}  // namespace trunkline::sqs
