// Publish and PublishBatch: what is answered is on disk, in all queues that get it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/uuid.hpp"
#include "engine/sent.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "sns/fan_out.hpp"
#include "sns/operations.hpp"

namespace trunkline::sns {
namespace {

constexpr std::size_t kBatchEntriesMax = 10;  // AWS's own
constexpr std::size_t kEntryIdMax = 80;

struct Entry {
  std::string id{};  // in its batch
  Publication publication{};
  std::optional<Fault> fault{};
  std::size_t first = 0;  // of its items
  std::size_t count = 0;
  std::uint64_t repeats = 0;  // the record of the message that it repeats
  bool answered = false;      // as that one was
};
struct Publishing {
  CallPtr call;
  TopicPtr topic;
  bool batch = false;
  std::vector<Entry> entries{};
  std::size_t reading = 0;  // records that are looked at
};
using PublishingPtr = std::shared_ptr<Publishing>;  // shared with the callbacks, which must be copyable

void write_published(Output& output, const Publication& publication) {
  output.text("MessageId", publication.id);
  if (!publication.sequence.empty()) output.text("SequenceNumber", publication.sequence);
}

// On the connection's loop.
void answer(Publishing& publishing) {
  Call& call = *publishing.call;
  if (!publishing.batch) {
    const Entry& entry = publishing.entries[0];
    if (entry.fault) return call.fail(*entry.fault);
    return call.answer([&](Output& output) { write_published(output, entry.publication); });
  }
  call.answer([&](Output& output) {
    output.begin_item("Successful");
    for (const Entry& entry : publishing.entries) {
      if (entry.fault) continue;
      output.begin_item("member");
      output.text("Id", entry.id);
      write_published(output, entry.publication);
      output.end_item("member");
    }
    output.end_item("Successful");
    output.begin_item("Failed");
    for (const Entry& entry : publishing.entries) {
      if (!entry.fault) continue;
      output.begin_item("member");
      output.text("Id", entry.id);
      output.text("Code", row_of(entry.fault->code).name);
      output.text("Message", entry.fault->message);
      output.flag("SenderFault", row_of(entry.fault->code).sender);
      output.end_item("member");
    }
    output.end_item("Failed");
  });
}

// ---- FIFO topics: a record of its own for each message, which is in no queue, says what was answered

engine::PublishEntry note_of(const Topic& topic, const Publication& publication) {
  engine::PublishEntry entry;
  json::Writer(entry.event.raw)
      .begin_object()
      .member("messageId", publication.id)
      .member("sequenceNumber", publication.sequence)
      .end_object();
  entry.event.topic_name = fmt::format("sns/{}", topic.name);
  entry.event.event_type = "sns.message";
  entry.event.category = "message";
  entry.event.source = "sns";
  entry.event.conversation_id = publication.group;
  entry.event.business_time = publication.at;
  entry.event.business_time_has_millis = true;
  entry.event.envelope_identity = identity(topic, "", publication);
  // Like messages of queues it is no event, and is repeated within five minutes or not at all. No queue's name has ':'.
  entry.source_name = fmt::format("{}sns:{}", engine::kSentPrefix, topic.name);
  return entry;
}

void take_over(Publication& publication, const engine::Record& record) {
  json::Document document;
  const auto root = document.parse(record.event.raw, 4);
  if (!root.ok() || root->string_at("messageId").empty()) return;
  publication.id = root->string_at("messageId");
  publication.sequence = root->string_at("sequenceNumber");
}

// A repeat is answered as the first one was. Where that record cannot be read the answer has an id of its own.
void read_repeats(const PublishingPtr& publishing) {
  Call& call = *publishing->call;
  for (const Entry& entry : publishing->entries) publishing->reading += entry.repeats != 0 && !entry.answered ? 1 : 0;
  if (publishing->reading == 0) return answer(*publishing);
  for (std::size_t i = 0; i < publishing->entries.size(); ++i) {
    if (publishing->entries[i].repeats == 0 || publishing->entries[i].answered) continue;
    call.context.read_record({publishing->entries[i].repeats}, call.loop,
                             [publishing, i](base::Result<engine::RecordPtr> record) {
                               if (record.ok() && *record) take_over(publishing->entries[i].publication, **record);
                               if (--publishing->reading == 0) answer(*publishing);
                             });
  }
}

void published(const PublishingPtr& publishing, const std::vector<engine::PublishResult>& results) {
  for (Entry& entry : publishing->entries) {
    for (std::size_t i = entry.first; i < entry.first + entry.count; ++i) {
      const engine::PublishResult& result = results[i];
      if (result.verdict == engine::PublishVerdict::failed) entry.fault = fault_of(*result.error);
    }
    if (entry.answered) continue;
    const bool noted = publishing->topic->topic.fifo() && entry.count > 0 && !entry.fault;
    if (noted && results[entry.first].verdict == engine::PublishVerdict::duplicate)
      entry.repeats = results[entry.first].sequence;
  }
  read_repeats(publishing);
}

// ---- in

// One after the other of a FIFO topic, from here to the commit thread: SequenceNumbers ascend in the order of the queues.
std::string next_sequence(Context& context, base::WallTime now) {
  constexpr std::uint64_t kPerMilli = 1'000'000;
  const auto millis = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.time_since_epoch().count()));
  context.last_sequence = std::max(context.last_sequence + 1, millis * kPerMilli);
  return fmt::format("{:020}", context.last_sequence);
}

void add(Publishing& publishing, Entry& entry, std::vector<engine::PublishItem>& items, std::size_t& bytes) {
  Call& call = *publishing.call;
  Publication& publication = entry.publication;
  publication.id = base::random_uuid();
  publication.at = call.context.clock.wall();
  const Topic& topic = publishing.topic->topic;
  if (topic.fifo()) publication.sequence = next_sequence(call.context, publication.at);
  FanOut out = fan_out(call, *publishing.topic, publication);
  if (out.throttled) {
    entry.fault = Fault{Code::throttled, "A subscribed queue has all the delayed messages that it may have."};
    return;
  }
  bytes += out.bytes;
  if (bytes > kCopiesBytesMax) {
    entry.fault = invalid("Message too long for so many subscriptions");
    return;
  }
  entry.first = items.size();
  if (topic.fifo()) items.emplace_back(note_of(topic, publication));
  std::move(out.items.begin(), out.items.end(), std::back_inserter(items));
  entry.count = items.size() - entry.first;
}

void store(const PublishingPtr& publishing) {
  Call& call = *publishing->call;
  std::unique_lock<std::mutex> in_order;
  if (publishing->topic->topic.fifo()) in_order = std::unique_lock(call.context.fifo_mutex);
  std::vector<engine::PublishItem> items;
  std::size_t bytes = 0;
  for (Entry& entry : publishing->entries) {
    if (!entry.fault && !entry.answered) add(*publishing, entry, items, bytes);
  }
  if (items.empty()) return answer(*publishing);
  call.context.engine.publish(
      std::move(items), call.loop,
      [publishing](const std::vector<engine::PublishResult>& results) { published(publishing, results); });
}

// A repeat goes nowhere, to no queue that was subscribed since either, so it is known before it is given to the queues. One
// that comes before the first has been answered is found with it, by the note and by each queue's own identity.
void send(const PublishingPtr& publishing) {
  Call& call = *publishing->call;
  if (!publishing->topic->topic.fifo()) return store(publishing);
  for (Entry& entry : publishing->entries) {
    if (entry.fault) continue;
    const auto known = call.context.find_identity(identity(publishing->topic->topic, "", entry.publication));
    if (!known.ok() || known->empty()) continue;  // a store that fails says so to the publish
    entry.repeats = known->back().value;
    ++publishing->reading;
  }
  if (publishing->reading == 0) return store(publishing);
  for (std::size_t i = 0; i < publishing->entries.size(); ++i) {
    if (publishing->entries[i].repeats == 0) continue;
    call.context.read_record(
        {publishing->entries[i].repeats}, call.loop, [publishing, i](base::Result<engine::RecordPtr> record) {
          Entry& entry = publishing->entries[i];
          const base::WallTime now = publishing->call->context.clock.wall();
          entry.answered = record.ok() && *record && (*record)->accepted_at > now - engine::kSentIdentityWindow;
          if (entry.answered) take_over(entry.publication, **record);
          if (!entry.answered) entry.repeats = 0;
          if (--publishing->reading == 0) store(publishing);
        });
  }
}

Entry read_entry(const Call& call, const Topic& topic, const std::string& prefix) {
  Entry entry;
  entry.fault = read_publication(call.parameters, prefix, entry.publication);
  if (!entry.fault) entry.fault = fit(topic, entry.publication);
  return entry;
}

std::optional<Fault> check_entry_id(std::string_view id, std::set<std::string, std::less<>>& seen) {
  if (id.size() > kEntryIdMax)
    return Fault{Code::invalid_batch_id,
                 fmt::format("The Id of a batch entry in the batch request is too long: {}", id)};
  const bool good = !id.empty() && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!good)
    return Fault{
        Code::invalid_batch_id,
        fmt::format("The Id of a batch entry in the batch request contains an impermissible character: {}", id)};
  if (!seen.emplace(id).second)
    return Fault{Code::batch_ids_not_distinct, "Two or more batch entries in the request have the same Id."};
  return std::nullopt;
}

// The faults of the whole request, in AWS's order.
std::optional<Fault> read_batch(const Call& call, const Topic& topic, std::vector<Entry>& entries) {
  const std::string list = "PublishBatchRequestEntries.member";
  const auto places = call.parameters.places(list);
  if (places.empty()) return Fault{Code::empty_batch, "The batch request doesn't contain any entries."};
  if (places.size() > kBatchEntriesMax)
    return Fault{Code::too_many_entries, "The batch request contains more entries than permissible."};
  std::set<std::string, std::less<>> ids;
  std::size_t bytes = 0;
  for (const std::uint32_t place : places) {
    const std::string prefix = fmt::format("{}.{}.", list, place);
    const std::string id = call.parameters.text(prefix + "Id").value_or("");
    if (auto fault = check_entry_id(id, ids)) return fault;
    entries.push_back(read_entry(call, topic, prefix));
    entries.back().id = id;
    bytes += entries.back().publication.bytes;
    // Nobody's order is kept without it: the whole request is refused, as on AWS.
    if (topic.fifo() && entries.back().publication.group.empty() && entries.back().fault) return entries.back().fault;
  }
  if (bytes > kMessageBytesMax)
    return Fault{Code::batch_too_long, "The length of all the messages put together is more than the limit."};
  return std::nullopt;
}

}  // namespace

void publish(CallPtr call) {
  if (call->parameters.text("PhoneNumber"))
    return call->fail(invalid("PhoneNumber Reason: this hub sends no text messages"));
  const bool by_target = !call->parameters.text("TopicArn") && call->parameters.text("TargetArn");
  TopicPtr topic = topic_of(*call, by_target ? "TargetArn" : "TopicArn");
  if (!topic) return;
  auto publishing = std::make_shared<Publishing>();
  publishing->topic = std::move(topic);
  publishing->entries.push_back(read_entry(*call, publishing->topic->topic, ""));
  publishing->call = std::move(call);
  send(publishing);
}

void publish_batch(CallPtr call) {
  TopicPtr topic = topic_of(*call);
  if (!topic) return;
  auto publishing = std::make_shared<Publishing>();
  publishing->topic = std::move(topic);
  publishing->batch = true;
  if (const auto fault = read_batch(*call, publishing->topic->topic, publishing->entries)) return call->fail(*fault);
  publishing->call = std::move(call);
  send(publishing);
}

}  // namespace trunkline::sns
