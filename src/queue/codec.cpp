#include "queue/codec.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "event/event.hpp"

namespace trunkline::queue {
namespace {

using base::ByteReader;
using base::put_string;
using base::put_u64;
using base::put_varint;
using base::Result;

base::WallTime wall(std::int64_t millis) {
  return base::WallTime(base::Millis(millis));
}
void put_millis(std::string& out, std::int64_t value) {
  put_u64(out, static_cast<std::uint64_t>(value));
}
std::int64_t read_millis(ByteReader& in) {
  return static_cast<std::int64_t>(in.u64());
}

// A difference of times, which is small in most cases: 2 bytes up to 8 seconds either way.
void put_signed(std::string& out, std::int64_t value) {
  put_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}
std::int64_t read_signed(ByteReader& in) {
  const std::uint64_t bits = in.varint();
  return static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}
std::int64_t add_wrapping(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

base::Error corrupt(std::string_view what) {
  return {base::Errc::corrupt, fmt::format("a stored {} does not decode", what)};
}

template <class T>
Result<T> checked(const ByteReader& in, T value, std::string_view what) {
  if (!in.ok() || !in.at_end()) return corrupt(what);
  return value;
}

template <class Id>
void put_ascending(std::string& out, const std::vector<Id>& ids, std::uint64_t base) {
  put_varint(out, ids.size());
  for (const Id id : ids) {
    put_varint(out, id.value - base);
    base = id.value;
  }
}
template <class Id>
std::vector<Id> read_ascending(ByteReader& in, std::uint64_t base) {
  const std::uint64_t count = in.varint();
  std::vector<Id> ids;
  if (count > in.left()) return in.take(in.left() + 1), ids;  // at least one byte each: more is corruption
  ids.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    base += in.varint();
    ids.push_back({static_cast<decltype(Id::value)>(base)});
  }
  return ids;
}

void put_optional_time(std::string& out, const std::optional<base::WallTime>& time) {
  out.push_back(time ? 1 : 0);
  if (time) put_millis(out, millis(*time));
}
std::optional<base::WallTime> read_optional_time(ByteReader& in) {
  if (in.u8() == 0) return std::nullopt;
  return wall(read_millis(in));
}

void put_hash(std::string& out, const base::Hash128& hash) {
  out.append(base::view(hash));
}
base::Hash128 read_hash(ByteReader& in) {
  base::Hash128 hash{};
  const std::string_view bytes = in.take(hash.size());
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}
void put_optional_hash(std::string& out, const std::optional<base::Hash128>& hash) {
  out.push_back(hash ? 1 : 0);
  if (hash) put_hash(out, *hash);
}
std::optional<base::Hash128> read_optional_hash(ByteReader& in) {
  if (in.u8() == 0) return std::nullopt;
  return read_hash(in);
}

// Bits of a record's first byte.
constexpr std::uint8_t kConflict = 1;
constexpr std::uint8_t kTopicKnown = 2;
constexpr std::uint8_t kMismatch = 4;
constexpr std::uint8_t kBusinessMillis = 8;

// The text members of an event in their order on disk.
template <class EventType, class Visit>
void for_each_text(EventType& event, Visit visit) {
  visit(event.envelope_id);
  visit(event.topic_name);
  visit(event.event_type);
  visit(event.category);
  visit(event.org_id);
  visit(event.conversation_id);
  visit(event.user_id);
  visit(event.queue_id);
  visit(event.media_type);
  visit(event.source);
  visit(event.content_key);
  visit(event.raw);
}

}  // namespace

std::string encode_record(const engine::Record& record) {
  const event::Event& event = record.event;
  std::string out;
  std::size_t texts = record.source_name.size() + record.routes.size() * 5;
  for_each_text(event, [&](const std::string& text) { texts += text.size(); });
  out.reserve(texts + 160);  // what has a fixed size, and the lengths of the texts
  out.push_back(static_cast<char>((record.conflict ? kConflict : 0) | (event.topic_known ? kTopicKnown : 0) |
                                  (event.detail_type_mismatch ? kMismatch : 0) |
                                  (event.business_time_has_millis ? kBusinessMillis : 0)));
  out.push_back(static_cast<char>(event.form));
  put_millis(out, millis(record.accepted_at));
  put_string(out, record.source_name);
  put_varint(out, record.policy_version.value);
  put_ascending(out, record.routes, 0);
  put_optional_time(out, event.business_time);
  put_optional_time(out, event.published_at);
  put_optional_hash(out, event.envelope_identity);
  put_optional_hash(out, event.content_identity);
  put_hash(out, event.body_hash);
  for_each_text(event, [&](const std::string& text) { put_string(out, text); });
  return out;
}

void set_conflict(std::string& encoded) {
  encoded[0] = static_cast<char>(encoded[0] | kConflict);
}

Result<engine::Record> decode_record(base::Sequence sequence, std::string_view bytes) {
  ByteReader in(bytes);
  engine::Record record;
  record.sequence = sequence;
  const std::uint8_t flags = in.u8();
  record.conflict = (flags & kConflict) != 0;
  record.event.topic_known = (flags & kTopicKnown) != 0;
  record.event.detail_type_mismatch = (flags & kMismatch) != 0;
  record.event.business_time_has_millis = (flags & kBusinessMillis) != 0;
  record.event.form = static_cast<event::Form>(in.u8());
  record.accepted_at = wall(read_millis(in));
  record.source_name = in.string();
  record.policy_version = {static_cast<std::uint32_t>(in.varint())};
  record.routes = read_ascending<base::QueueId>(in, 0);
  record.event.business_time = read_optional_time(in);
  record.event.published_at = read_optional_time(in);
  record.event.envelope_identity = read_optional_hash(in);
  record.event.content_identity = read_optional_hash(in);
  record.event.body_hash = read_hash(in);
  for_each_text(record.event, [&](std::string& text) { text = in.string(); });
  return checked(in, std::move(record), "record");
}

std::string encode_scan(const ScanEntry& entry) {
  std::string out;
  put_millis(out, entry.accepted_ms);
  put_varint(out, entry.bytes);
  for (const base::GroupKey group : entry.groups) put_u64(out, group.value);
  put_ascending(out, entry.routes, 0);
  put_signed(out, entry.event_ms - entry.accepted_ms);
  return out;
}

Result<ScanEntry> decode_scan(std::string_view bytes) {
  ByteReader in(bytes);
  ScanEntry entry;
  entry.accepted_ms = read_millis(in);
  entry.bytes = static_cast<std::uint32_t>(in.varint());
  for (base::GroupKey& group : entry.groups) group = {in.u64()};
  entry.routes = read_ascending<base::QueueId>(in, 0);
  entry.event_ms = entry.accepted_ms;
  if (in.ok() && !in.at_end()) entry.event_ms = add_wrapping(entry.accepted_ms, read_signed(in));
  return checked(in, std::move(entry), "scan entry");
}

bool may_route_to(std::string_view bytes, base::QueueId queue) {
  ByteReader in(bytes);
  read_millis(in);
  in.varint();
  in.take(kOrders * sizeof(std::uint64_t));
  const std::uint64_t count = in.varint();
  std::uint64_t id = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    id += in.varint();
    if (id >= queue.value) return id == queue.value || !in.ok();
  }
  return !in.ok();
}

std::array<base::GroupKey, kOrders> group_keys(const event::Event& event) {
  std::array<base::GroupKey, kOrders> groups;
  std::string text;
  for (std::size_t i = 0; i < kOrders; ++i) {
    text.clear();
    event::append_group_text(text, event, static_cast<event::Order>(i + 1));
    groups[i] = {base::hash64(text)};
  }
  return groups;
}

base::GroupKey group_in(const std::array<base::GroupKey, kOrders>& groups, event::Order order,
                        base::Sequence sequence) {
  if (order == event::Order::none) return {sequence.value};
  return groups[static_cast<std::size_t>(order) - 1];
}

std::string encode_twins(const std::vector<Twin>& twins) {
  std::string out;
  for (const Twin& twin : twins) {
    put_u64(out, twin.sequence.value);
    put_hash(out, twin.body_hash);
    put_millis(out, twin.accepted_ms);
  }
  return out;
}

Result<std::vector<Twin>> decode_twins(std::string_view bytes) {
  ByteReader in(bytes);
  std::vector<Twin> twins;
  while (in.ok() && !in.at_end()) {
    Twin twin;
    twin.sequence = {in.u64()};
    twin.body_hash = read_hash(in);
    twin.accepted_ms = read_millis(in);
    twins.push_back(twin);
  }
  if (twins.empty()) return corrupt("identity");
  return checked(in, std::move(twins), "identity");
}

std::string encode_cursor(const CursorRecord& cursor) {
  std::string out;
  put_u64(out, cursor.scanned.value);
  for (const std::uint64_t total : {cursor.totals.settled, cursor.totals.delivered, cursor.totals.expired,
                                    cursor.totals.rows, cursor.totals.parked, cursor.totals.dead_letters}) {
    put_varint(out, total);
  }
  put_ascending(out, cursor.outstanding, 0);
  if (cursor.ordered) put_varint(out, *cursor.ordered);
  return out;
}

Result<CursorRecord> decode_cursor(std::string_view bytes) {
  ByteReader in(bytes);
  CursorRecord cursor;
  cursor.scanned = {in.u64()};
  for (std::uint64_t* total : {&cursor.totals.settled, &cursor.totals.delivered, &cursor.totals.expired,
                               &cursor.totals.rows, &cursor.totals.parked, &cursor.totals.dead_letters}) {
    *total = in.varint();
  }
  cursor.outstanding = read_ascending<base::Sequence>(in, 0);
  if (in.ok() && !in.at_end()) cursor.ordered = in.varint();
  if (cursor.ordered && *cursor.ordered > cursor.scanned.value) return corrupt("cursor");
  return checked(in, std::move(cursor), "cursor");
}

namespace {

// To the end of the value.
void put_each(std::string& out, const std::vector<LeasedEach>& leased) {
  for (const LeasedEach& each : leased) {
    put_u64(out, each.lease);
    put_varint(out, each.sequence.value);
    put_millis(out, each.until_ms);
  }
}
std::vector<LeasedEach> read_each(ByteReader& in) {
  std::vector<LeasedEach> leased;
  while (in.ok() && !in.at_end()) {
    LeasedEach& each = leased.emplace_back();
    each.lease = in.u64();
    each.sequence = {in.varint()};
    each.until_ms = read_millis(in);
  }
  return leased;
}

}  // namespace

std::string encode_receive(const StoredReceive& receive) {
  std::string out;
  put_millis(out, receive.since_ms);
  put_each(out, receive.messages);
  return out;
}

Result<StoredReceive> decode_receive(std::string_view bytes) {
  ByteReader in(bytes);
  StoredReceive receive;
  receive.since_ms = read_millis(in);
  receive.messages = read_each(in);
  if (receive.messages.empty()) return corrupt("receive");
  return checked(in, std::move(receive), "receive");
}

std::string encode_lane(const LaneHeader& header) {
  std::string out;
  out.push_back(static_cast<char>(header.state));
  put_varint(out, header.rows);
  put_varint(out, header.head.value);
  put_varint(out, header.attempts);
  put_millis(out, header.until_ms);
  put_millis(out, header.since_ms);
  put_u64(out, header.lease);
  put_varint(out, header.leased);
  put_varint(out, header.gap_before.value);
  put_string(out, header.error_class);
  put_string(out, header.error_detail);
  put_each(out, header.each);
  return out;
}

Result<LaneHeader> decode_lane(std::string_view bytes) {
  ByteReader in(bytes);
  LaneHeader header;
  header.state = static_cast<LaneState>(in.u8());
  header.rows = in.varint();
  header.head = {in.varint()};
  header.attempts = static_cast<std::uint32_t>(in.varint());
  header.until_ms = read_millis(in);
  header.since_ms = read_millis(in);
  header.lease = in.u64();
  header.leased = static_cast<std::uint32_t>(in.varint());
  header.gap_before = {in.varint()};
  header.error_class = in.string();
  header.error_detail = in.string();
  header.each = read_each(in);
  const bool whole = header.each.empty();
  if (header.state > LaneState::leased) return corrupt("lane");
  if (!whole && (header.state != LaneState::leased || header.each.size() != header.leased)) return corrupt("lane");
  return checked(in, std::move(header), "lane");
}

namespace {

// Bits of a row's flags. Format 1 knew the first only, format 2 the first three, format 4 the first five.
constexpr std::uint8_t kRedriven = 1;
constexpr std::uint8_t kByOperation = 2;
constexpr std::uint8_t kEdited = 4;
constexpr std::uint8_t kOrdered = 8;
constexpr std::uint8_t kLate = 16;
constexpr std::uint8_t kOfTenant = 32;

void put_row(std::string& out, const Row& row) {
  put_millis(out, row.accepted_ms);
  put_varint(out, row.bytes);
  put_varint(out, row.receive_count);
  out.push_back(static_cast<char>((row.redriven ? kRedriven : 0) | (row.operation.value != 0 ? kByOperation : 0) |
                                  (row.edited ? kEdited : 0) | (row.order != 0 ? kOrdered : 0) |
                                  (row.late ? kLate : 0) | (row.tenant.value != 0 ? kOfTenant : 0)));
  if (row.operation.value != 0) put_varint(out, row.operation.value);
  if (row.order != 0) put_varint(out, row.order);
  if (row.tenant.value != 0) put_u64(out, row.tenant.value);
}
Row read_row(ByteReader& in) {
  Row row;
  row.accepted_ms = read_millis(in);
  row.bytes = static_cast<std::uint32_t>(in.varint());
  row.receive_count = static_cast<std::uint32_t>(in.varint());
  const std::uint8_t flags = in.u8();
  row.redriven = (flags & kRedriven) != 0;
  if ((flags & kByOperation) != 0) row.operation = {in.varint()};
  row.edited = (flags & kEdited) != 0;
  if ((flags & kOrdered) != 0) row.order = in.varint();
  row.late = (flags & kLate) != 0;
  if ((flags & kOfTenant) != 0) row.tenant = {in.u64()};
  return row;
}

}  // namespace

std::string encode_row(const Row& row) {
  std::string out;
  put_row(out, row);
  return out;
}

Result<Row> decode_row(std::string_view bytes) {
  ByteReader in(bytes);
  const Row row = read_row(in);
  return checked(in, row, "row");
}

std::string encode_place(const RowPlace& place) {
  std::string out;
  put_u64(out, place.group.value);
  put_millis(out, place.accepted_ms);
  if (place.operation.value != 0 || place.edited || place.order != 0) put_varint(out, place.operation.value);
  if (place.edited || place.order != 0) out.push_back(place.edited ? 1 : 0);
  if (place.order != 0) put_varint(out, place.order);
  return out;
}

Result<RowPlace> decode_place(std::string_view bytes) {
  ByteReader in(bytes);
  RowPlace place;
  place.group = {in.u64()};
  place.accepted_ms = read_millis(in);
  if (in.ok() && !in.at_end()) place.operation = {in.varint()};
  if (in.ok() && !in.at_end()) place.edited = in.u8() != 0;
  if (in.ok() && !in.at_end()) place.order = in.varint();
  return checked(in, place, "row place");
}

std::string encode_left(const LeftWindow& left) {
  std::string out;
  put_millis(out, left.event_ms);
  put_u64(out, left.sequence.value);
  return out;
}

Result<LeftWindow> decode_left(std::string_view bytes) {
  ByteReader in(bytes);
  LeftWindow left;
  left.event_ms = read_millis(in);
  left.sequence = {in.u64()};
  return checked(in, left, "event-time window");
}

std::string encode_dead_letter(const DeadLetterEntry& entry) {
  std::string out;
  out.push_back(entry.parked ? 1 : 0);
  put_u64(out, entry.group.value);
  put_row(out, entry.row);
  put_varint(out, entry.attempts);
  put_millis(out, entry.since_ms);
  put_string(out, entry.error_class);
  put_string(out, entry.error_detail);
  return out;
}

Result<DeadLetterEntry> decode_dead_letter(std::string_view bytes) {
  ByteReader in(bytes);
  DeadLetterEntry entry;
  entry.parked = in.u8() != 0;
  entry.group = {in.u64()};
  entry.row = read_row(in);
  entry.attempts = static_cast<std::uint32_t>(in.varint());
  entry.since_ms = read_millis(in);
  entry.error_class = in.string();
  entry.error_detail = in.string();
  return checked(in, std::move(entry), "dead letter");
}

std::string encode_operation(const StoredOperation& operation) {
  const engine::OperationTally& tally = operation.tally;
  std::string out;
  out.push_back(static_cast<char>((operation.replay ? 1 : 0) | (operation.closed ? 2 : 0)));
  for (const std::uint64_t number : {tally.reached.value, tally.given, tally.delivered, tally.failed, tally.ended,
                                     tally.passed, operation.keep_to.value}) {
    put_varint(out, number);
  }
  put_string(out, tally.error_class);
  put_varint(out, tally.last_failed.size());
  for (const base::Sequence sequence : tally.last_failed) put_varint(out, sequence.value);
  put_ascending(out, operation.outstanding, 0);
  return out;
}

Result<StoredOperation> decode_operation(std::string_view bytes) {
  ByteReader in(bytes);
  StoredOperation operation;
  engine::OperationTally& tally = operation.tally;
  const std::uint8_t flags = in.u8();
  operation.replay = (flags & 1) != 0;
  operation.closed = (flags & 2) != 0;
  for (std::uint64_t* number : {&tally.reached.value, &tally.given, &tally.delivered, &tally.failed, &tally.ended,
                                &tally.passed, &operation.keep_to.value}) {
    *number = in.varint();
  }
  tally.error_class = in.string();
  const std::uint64_t failed = in.varint();
  if (failed > engine::kLastFailedMax) return corrupt("operation");
  for (std::uint64_t i = 0; i < failed; ++i) tally.last_failed.push_back({in.varint()});
  operation.outstanding = read_ascending<base::Sequence>(in, 0);
  if (tally.delivered + tally.failed + tally.ended > tally.given) return corrupt("operation");
  return checked(in, std::move(operation), "operation");
}

std::string encode_queue(const StoredQueue& queue) {
  std::string out;
  put_varint(out, queue.id.value);
  put_varint(out, queue.created_after.value);
  put_string(out, queue.spec.name);
  out.push_back(static_cast<char>(queue.spec.order));
  put_millis(out, queue.spec.max_wait.count());
  out.push_back(static_cast<char>(queue.spec.on_full));
  out.push_back(queue.spec.pulled ? 1 : 0);
  put_millis(out, queue.spec.visibility_timeout.count());
  put_varint(out, queue.spec.max_receive_count);
  out.push_back(queue.spec.park_on_max_receive ? 1 : 0);
  if (queue.spec.event_time_window.count() != 0) put_millis(out, queue.spec.event_time_window.count());
  return out;
}

Result<StoredQueue> decode_queue(std::string_view bytes) {
  ByteReader in(bytes);
  StoredQueue queue;
  queue.id = {static_cast<std::uint32_t>(in.varint())};
  queue.created_after = {in.varint()};
  queue.spec.name = in.string();
  queue.spec.order = static_cast<event::Order>(in.u8());
  queue.spec.max_wait = base::Millis(read_millis(in));
  queue.spec.on_full = static_cast<engine::OnFull>(in.u8());
  queue.spec.pulled = in.u8() != 0;
  queue.spec.visibility_timeout = base::Millis(read_millis(in));
  queue.spec.max_receive_count = static_cast<std::uint32_t>(in.varint());
  queue.spec.park_on_max_receive = in.u8() != 0;
  if (in.ok() && !in.at_end()) queue.spec.event_time_window = base::Millis(read_millis(in));
  if (queue.spec.order > event::Order::topic) return corrupt("queue");
  return checked(in, std::move(queue), "queue");
}

std::string encode_quarantined(const engine::Quarantined& input) {
  std::string out;
  put_millis(out, millis(input.received_at));
  put_string(out, input.source_name);
  put_string(out, input.content_type);
  put_string(out, input.reason);
  put_string(out, input.detail);
  put_string(out, input.bytes);
  return out;
}

Result<engine::Quarantined> decode_quarantined(std::uint64_t id, std::string_view bytes) {
  ByteReader in(bytes);
  engine::Quarantined input;
  input.id = id;
  input.received_at = wall(read_millis(in));
  input.source_name = in.string();
  input.content_type = in.string();
  input.reason = in.string();
  input.detail = in.string();
  input.bytes = in.string();
  return checked(in, std::move(input), "quarantined input");
}

}  // namespace trunkline::queue
