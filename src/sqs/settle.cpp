// DeleteMessage and ChangeMessageVisibility, each for one message or for ten.
#include <fmt/format.h>

#include <algorithm>

#include "engine/receipts.hpp"
#include "sqs/batch.hpp"
#include "sqs/handle.hpp"
#include "sqs/operations.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::string_view kExpired = "The receipt handle has expired.";

struct Entry {
  std::string id{};
  std::string handle_text{};
  Handle handle{};
  std::int64_t visibility = 0;  // seconds
  bool gone = false;            // it was of a queue that is gone, as one is that was purged
  std::optional<Fault> fault{};
};

enum class Change : std::uint8_t { remove, visibility };

struct Settling {
  CallPtr call;
  Queue queue;
  Change change = Change::remove;
  bool batch = false;
  std::vector<Entry> entries;
  std::size_t open = 0;  // on the queue's loop
};
using SettlingPtr = std::shared_ptr<Settling>;  // shared by the callbacks of the entries

Fault bad_handle(const std::string& text) {
  return {Code::receipt_handle_invalid,
          fmt::format("The input receipt handle \"{}\" is not a valid receipt handle.", text)};
}

bool is_queue(const Context& context, base::QueueId id) {
  const std::vector<Queue> queues = all_queues(context);
  return std::ranges::find(queues, id, &Queue::id) != queues.end();
}

// Reads one entry; `prefix` is empty, or "Entries.2.".
Entry read_entry(const Call& call, const Queue& queue, Change change, const std::string& prefix) {
  Entry entry;
  Reader reader(call.parameters);
  entry.handle_text = reader.required(prefix + "ReceiptHandle");
  if (change == Change::visibility) {
    const std::string name = prefix + "VisibilityTimeout";
    reader.required(name);
    entry.visibility = read_visibility(reader, name).value_or(0);
  }
  entry.fault = reader.fault();
  if (entry.fault) return entry;
  const auto handle = decode_handle(entry.handle_text);
  const bool of_another = handle && handle->queue != queue.id && is_queue(call.context, handle->queue);
  if (!handle || of_another) {
    entry.fault = bad_handle(entry.handle_text);
    return entry;
  }
  entry.gone = handle->queue != queue.id;
  entry.handle = *handle;
  const std::int64_t now =
      std::chrono::duration_cast<base::Millis>(call.context.clock.wall().time_since_epoch()).count();
  if (entry.visibility > 0 && now + entry.visibility * 1'000 > handle->received_ms + kVisibilitySecondsMax * 1'000)
    entry.fault =
        Fault{Code::invalid_value, fmt::format("Value {} for parameter VisibilityTimeout is invalid. Reason: Total "
                                               "VisibilityTimeout for the message is beyond the limit [43200 seconds].",
                                               entry.visibility)};
  return entry;
}

std::optional<Fault> read_batch(const Call& call, const Queue& queue, Change change, std::vector<Entry>& entries) {
  std::vector<BatchEntry> places;
  if (auto fault = read_batch_entries(call, places)) return fault;
  for (const BatchEntry& place : places) {
    entries.push_back(read_entry(call, queue, change, place.prefix));
    entries.back().id = place.id;
  }
  return std::nullopt;
}

// On the connection's loop.
void answer(Settling& settling) {
  Call& call = *settling.call;
  if (!settling.batch) {
    if (settling.entries[0].fault) return call.fail(*settling.entries[0].fault);
    return call.answer([](Output&) {});
  }
  call.answer([&](Output& output) {
    const std::string name = call.operation + "ResultEntry";
    output.begin_list("Successful");
    for (const Entry& entry : settling.entries) {
      if (entry.fault) continue;
      output.begin_item(name);
      output.text("Id", entry.id);
      output.end_item(name);
    }
    output.end_list();
    output.begin_list("Failed");
    for (const Entry& entry : settling.entries) {
      if (entry.fault) write_failed(output, entry.id, *entry.fault);
    }
    output.end_list();
  });
}

void settled_one(const SettlingPtr& settling) {
  if (--settling->open == 0) settling->call->loop.post([settling] { answer(*settling); });
}

// What AWS answers when the lease is not there any more. On the queue's loop.
void ended(const SettlingPtr& settling, Entry& entry) {
  const auto expired = [](const Entry& of, std::string_view reason) {
    return Fault{Code::invalid_value,
                 fmt::format("Value {} for parameter ReceiptHandle is invalid. Reason: {}", of.handle_text, reason)};
  };
  if (settling->change == Change::visibility) {
    entry.fault = expired(entry, "Message does not exist or is not available for visibility timeout change.");
    return settled_one(settling);
  }
  if (!settling->queue.fifo()) return settled_one(settling);
  engine::Receipts* receipts = engine::receipts_of(settling->call->context.queues.engine());
  if (entry.gone || receipts == nullptr) {
    entry.fault = expired(entry, kExpired);
    return settled_one(settling);
  }
  // A delete that comes again, since its answer was lost, has succeeded; one that came too late has not.
  receipts->was_delivered(settling->queue.id, entry.handle.sequence, entry.handle.lease,
                          [settling, &entry, expired](const base::Result<bool>& was) {
                            const bool known = was.ok() || was.error().code == base::Errc::not_found;
                            if (!known) {
                              entry.fault = fault_of(was.error());
                            } else if (!was.ok() || !*was) {
                              entry.fault = expired(entry, kExpired);
                            }
                            settled_one(settling);
                          });
}

void settled(const SettlingPtr& settling, std::size_t index, const base::Result<void>& result) {
  Entry& entry = settling->entries[index];
  if (!result.ok() && result.error().code == base::Errc::not_found) return ended(settling, entry);
  if (!result.ok()) entry.fault = fault_of(result.error());
  settled_one(settling);
}

void settle_all(const SettlingPtr& settling) {
  engine::Engine& engine = settling->call->context.queues.engine();
  for (std::size_t i = 0; i < settling->entries.size(); ++i) {
    const Entry& entry = settling->entries[i];
    if (entry.fault) continue;
    if (settling->queue.fifo()) settling->call->context.attempts.changed(entry.handle.lease);
    if (entry.gone) {
      settled(settling, i, base::Error{base::Errc::not_found, "its queue is gone"});
      continue;
    }
    auto done = [settling, i](const base::Result<void>& result) { settled(settling, i, result); };
    if (entry.visibility > 0) {
      engine.extend(settling->queue.id, entry.handle.lease, std::chrono::seconds(entry.visibility), std::move(done));
      continue;
    }
    engine::MessageFate fate;
    if (settling->change == Change::visibility) fate.fate = engine::Fate::release;
    engine.settle(settling->queue.id, entry.handle.lease, {fate}, std::move(done));
  }
}

void settle(CallPtr call, Change change, bool batch) {
  const auto queue = queue_of(*call);
  if (!queue) return;
  auto settling = std::make_shared<Settling>();
  settling->queue = *queue;
  settling->change = change;
  settling->batch = batch;
  if (!batch) {
    settling->entries.push_back(read_entry(*call, *queue, change, ""));
  } else if (const auto fault = read_batch(*call, *queue, change, settling->entries)) {
    return call->fail(*fault);
  }
  settling->call = std::move(call);
  settling->open = static_cast<std::size_t>(
      std::ranges::count_if(settling->entries, [](const Entry& entry) { return !entry.fault; }));
  if (settling->open == 0) return answer(*settling);
  settling->call->context.queues.engine().loop_of(queue->id).post([settling] { settle_all(settling); });
}

}  // namespace

void delete_message(CallPtr call) {
  settle(std::move(call), Change::remove, false);
}
void delete_message_batch(CallPtr call) {
  settle(std::move(call), Change::remove, true);
}
void change_message_visibility(CallPtr call) {
  settle(std::move(call), Change::visibility, false);
}
void change_message_visibility_batch(CallPtr call) {
  settle(std::move(call), Change::visibility, true);
}

}  // namespace trunkline::sqs
