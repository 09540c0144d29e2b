#include "aws_engine/adopt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <future>
#include <memory>
#include <utility>

#include "aws_engine/codec.hpp"
#include "aws_engine/outbox.hpp"
#include "aws_engine/records.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::QueueId;
using base::Result;
using base::Sequence;
using engine::Adopted;
using event::Order;

constexpr std::size_t kDetailMax = 1'024;
constexpr std::size_t kLoadsAtOnce = 32;
constexpr std::string_view kIndexed =
    "pk, sk, e_head, e_fate, e_attempts, e_class, e_redriven, e_parked, e_group, e_detail, e_since, e_seq";

std::string_view word_of(const Adopted& event) {
  if (event.place == Adopted::Place::parked) return fate::kParked;
  if (event.place == Adopted::Place::dead_letter) return fate::kSkipped;
  return event.redriven ? fate::kRedriven : fate::kRetry;
}

std::vector<Write> writes_of(const QueueInfo& queue, const Adopted& event, std::uint64_t ends) {
  const Sequence sequence = event.record->sequence;
  Item state = message_key(sequence, queue.id);
  state.text("e_fate", word_of(event)).number("e_ends", ends).number("e_attempts", event.attempts);
  state.text("e_class", event.error_class);
  if (event.redriven) state.number("e_redriven", 1);
  std::vector<Write> writes;
  writes.push_back({WriteKind::put, std::move(state), {}, {}, {}});
  if (event.place == Adopted::Place::waiting) return writes;
  const std::string group =
      queue.spec.order == Order::none ? std::string() : event::group_text(event.record->event, queue.spec.order);
  Item letter = dead_letter_key(queue.id, sequence);
  letter.number("e_parked", event.place == Adopted::Place::parked ? 1 : 0).text("e_group", group);
  letter.number("e_attempts", event.attempts).text("e_class", event.error_class);
  letter.text("e_detail", std::string_view(event.error_detail).substr(0, kDetailMax)).text("e_handle", "");
  letter.number("e_since", millis(event.since));
  writes.push_back({WriteKind::put, std::move(letter), {}, {}, {}});
  if (event.gap && !group.empty()) {
    Item gap = gap_key(queue.id, group);
    gap.number("e_seq", sequence.value).number("e_ends", ends);
    writes.push_back({WriteKind::put, std::move(gap), {}, {}, {}});
  }
  return writes;
}

Result<std::uint64_t> count_hidden(Cloud& cloud, const std::string& url) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("QueueUrl", url).key("AttributeNames").begin_array();
  out.string("ApproximateNumberOfMessagesNotVisible").end_array().end_object();
  TRUNKLINE_TRY(const std::string answer, cloud.call_wait(Service::sqs, "GetQueueAttributes", std::move(body)));
  json::Document document;
  const auto parsed = document.parse(answer);
  const auto attributes = parsed.ok() ? parsed->find("Attributes") : std::nullopt;
  const std::string_view text =
      attributes ? attributes->string_at("ApproximateNumberOfMessagesNotVisible") : std::string_view();
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

// Of them those that a worker hides.
Result<std::uint64_t> count_parked(Cloud& cloud, QueueId queue) {
  QueryRequest query{dead_letter_pk(queue), {}, {}, 1'000, false, {}, {}, {}};
  std::uint64_t count = 0;
  do {
    TRUNKLINE_TRY(QueryPage page, cloud.query_wait(query));
    for (const Item& letter : page.items) {
      // One that was adopted has no handle, and is not hidden, until a worker has met it.
      if (letter.number("e_parked") != 0 && !letter.text("e_handle").empty()) ++count;
    }
    query.start = std::move(page.next);
  } while (query.start);
  return count;
}

// Every item of the table that matches, page by page.
Result<void> scan(Cloud& cloud, std::string_view filter, const Item& values, std::string_view projection,
                  const std::function<Result<void>(const Item&)>& take) {
  std::optional<Item> start;
  do {
    TRUNKLINE_TRY(
        const std::string body,
        cloud.call_wait(Service::dynamodb, "Scan", scan_request(cloud.table(), filter, values, projection, start)));
    TRUNKLINE_TRY(QueryPage page, read_page(body));
    for (const Item& item : page.items) TRUNKLINE_TRY_VOID(take(item));
    start = std::move(page.next);
  } while (start);
  return {};
}

// The table's items on their way to events; they come in no order.
struct Index {
  std::map<Sequence, StoredEvent> events{};
  std::map<Sequence, std::map<QueueId, Adopted>> letters{};
  struct Fate {
    std::string word;
    std::uint32_t attempts = 0;
    std::string error_class;
    bool redriven = false;
  };
  std::map<Sequence, std::map<QueueId, Fate>> fates{};
  std::map<QueueId, std::vector<Sequence>> gaps{};
};

std::optional<QueueId> queue_of(std::string_view text) {
  QueueId queue;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), queue.value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return queue;
}

Result<void> add_event(Index& index, const Item& item, Sequence sequence) {
  if (!item.has("e_head")) return {};  // more of a body
  if (index.events.size() >= kTableEventsMax)
    return {Errc::overloaded, fmt::format("the table has more than {} events: let the queues drain, and wait until old "
                                          "events have gone from it",
                                          kTableEventsMax)};
  TRUNKLINE_TRY(engine::Record head, decode_head(sequence, item.bytes("e_head")));
  index.events[sequence] = {head.accepted_at, std::move(head.routes), {}};
  return {};
}

void add_letter(Index& index, const Item& item, QueueId queue) {
  Adopted letter;
  letter.queue = queue;
  letter.place = item.number("e_parked") != 0 ? Adopted::Place::parked : Adopted::Place::dead_letter;
  letter.attempts = static_cast<std::uint32_t>(item.number("e_attempts"));
  letter.error_class = item.text("e_class");
  letter.error_detail = item.text("e_detail");
  letter.since = wall(item.number("e_since"));
  index.letters[{unhex(item.text("sk"))}][queue] = std::move(letter);
}

Result<void> add(Index& index, const Item& item) {
  const std::string pk = item.text("pk");
  const std::string_view rest = std::string_view(pk).substr(std::min<std::size_t>(pk.size(), 2));
  switch (pk.empty() ? ' ' : pk.front()) {
    case 'e':
      return add_event(index, item, {unhex(rest)});
    case 'm':
      if (const auto queue = queue_of(item.text("sk"))) {
        index.fates[{unhex(rest)}][*queue] = {item.text("e_fate"),
                                              static_cast<std::uint32_t>(item.number("e_attempts")),
                                              item.text("e_class"), item.number("e_redriven") != 0};
      }
      return {};
    case 'd':
      if (const auto queue = queue_of(rest)) add_letter(index, item, *queue);
      return {};
    case 'g':
      if (const auto queue = queue_of(rest)) index.gaps[*queue].push_back({item.number("e_seq")});
      return {};
    default:
      return {};
  }
}

// What the table says of one event in one queue; nothing: it is settled.
std::optional<Adopted> standing(const Index& index, Sequence sequence, QueueId queue) {
  const auto look = [&](const auto& map) {
    const auto of_event = map.find(sequence);
    using Value = typename std::decay_t<decltype(map)>::mapped_type::mapped_type;
    if (of_event == map.end()) return static_cast<const Value*>(nullptr);
    const auto found = of_event->second.find(queue);
    return found == of_event->second.end() ? nullptr : &found->second;
  };
  const Index::Fate* const fate = look(index.fates);
  if (const Adopted* letter = look(index.letters)) {
    Adopted adopted = *letter;
    if (const auto gaps = index.gaps.find(queue); gaps != index.gaps.end())
      adopted.gap = std::ranges::find(gaps->second, sequence) != gaps->second.end();
    return adopted;
  }
  if (fate != nullptr && fate::is_settled(fate->word)) return std::nullopt;
  Adopted adopted;
  adopted.queue = queue;
  if (fate != nullptr) {
    adopted.attempts = fate->attempts;
    adopted.error_class = fate->error_class;
    adopted.redriven = fate->redriven;
  }
  return adopted;
}

}  // namespace

Result<void> adopt(Cloud& cloud, const QueueInfo& queue, const std::vector<Adopted>& events) {
  const std::uint64_t ends = millis(cloud.loop().clock().wall()) / 1'000 + kFateKeepSeconds;
  for (const Adopted& event : events) {
    if (event.place == Adopted::Place::waiting && event.attempts == 0 && !event.redriven) continue;
    TRUNKLINE_TRY_VOID(cloud.transact_wait(writes_of(queue, event, ends)));
  }
  return {};
}

Result<std::uint64_t> count_unsaid(Cloud& cloud) {
  std::uint64_t count = 0;
  for (const std::string_view to : {"one", "conversation", "agent", "queue", "topic"}) {
    for (std::size_t shard = 0; shard < kOutboxShards; ++shard) {
      TRUNKLINE_TRY(const QueryPage page, cloud.query_wait({outbox_pk(to, shard), {}, {}, 1'000, true, {}, {}, {}}));
      count += page.count;
    }
  }
  return count;
}

Result<std::vector<RegisteredQueue>> registered_queues(Cloud& cloud) {
  std::vector<RegisteredQueue> queues;
  QueryRequest query{"reg", "q#", "q$", 1'000, false, {}, {}, {}};
  do {
    TRUNKLINE_TRY(QueryPage page, cloud.query_wait(query));
    for (const Item& item : page.items) {
      RegisteredQueue queue;
      queue.id = {static_cast<std::uint32_t>(item.number("e_id"))};
      queue.name = item.text("sk").substr(2);
      queue.order = event::parse_order(item.text("e_order")).value_or(Order::none);
      if (const std::string url = item.text("e_url"); !url.empty()) {
        TRUNKLINE_TRY(const std::uint64_t hidden, count_hidden(cloud, url));
        TRUNKLINE_TRY(const std::uint64_t parked, count_parked(cloud, queue.id));
        queue.in_flight = hidden - std::min(hidden, parked);
      }
      queues.push_back(std::move(queue));
    }
    query.start = std::move(page.next);
  } while (query.start);
  return queues;
}

Result<std::map<Sequence, StoredEvent>> read_table(Cloud& cloud) {
  Item values;
  values.text(":event", "e#").text(":message", "m#").text(":dead", "d#").text(":gap", "g#");
  Index index;
  TRUNKLINE_TRY_VOID(scan(cloud,
                          "begins_with(pk, :event) OR begins_with(pk, :message) OR begins_with(pk, :dead) OR "
                          "begins_with(pk, :gap)",
                          values, kIndexed, [&](const Item& item) { return add(index, item); }));
  for (auto& [sequence, event] : index.events) {
    for (const QueueId queue : event.routes) {
      if (auto at = standing(index, sequence, queue)) event.open.push_back(std::move(*at));
    }
  }
  return std::move(index.events);
}

Result<std::vector<engine::RecordPtr>> load_records(Cloud& cloud, const std::vector<Sequence>& sequences) {
  std::vector<engine::RecordPtr> records(sequences.size());
  for (std::size_t first = 0; first < sequences.size(); first += kLoadsAtOnce) {
    const std::size_t count = std::min(kLoadsAtOnce, sequences.size() - first);
    std::vector<std::future<Result<engine::RecordPtr>>> answers;
    for (std::size_t i = 0; i < count; ++i) {
      auto promise = std::make_shared<std::promise<Result<engine::RecordPtr>>>();
      answers.push_back(promise->get_future());
      cloud.loop().post([&cloud, sequence = sequences[first + i], promise] {
        load_record(cloud, sequence,
                    [promise](Result<engine::RecordPtr> found) { promise->set_value(std::move(found)); });
      });
    }
    for (std::size_t i = 0; i < count; ++i) {
      TRUNKLINE_TRY(records[first + i], answers[i].get());
    }
  }
  return records;
}

Result<void> read_states(Cloud& cloud, const TakeState& take) {
  Item values;
  values.text(":state", "s#");
  return scan(cloud, "begins_with(pk, :state)", values, "pk, sk, e_bytes", [&](const Item& item) -> Result<void> {
    return take(item.text("pk").substr(2), item.text("sk").substr(1), item.bytes("e_bytes"));
  });
}

}  // namespace trunkline::aws_engine
