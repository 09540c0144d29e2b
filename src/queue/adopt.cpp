#include "queue/adopt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::Errc;
using base::GroupKey;
using base::Result;
using base::Sequence;
using engine::Adopted;

constexpr store::FamilyHandle kQueue = handle(Table::queue);

base::WallTime wall(std::int64_t ms) {
  return base::WallTime(base::Millis(ms));
}

std::unique_ptr<store::Cursor> list(const store::Store& store, base::QueueId queue, char name) {
  const std::string prefix = queue_prefix(queue, name);
  return store.seek(kQueue, prefix, prefix_end(prefix));
}

// Whether the list has the event; the cursor stands on it then.
bool has(store::Cursor& list, Sequence sequence) {
  while (list.valid() && sequence_of(list.key()) < sequence) list.next();
  return list.valid() && sequence_of(list.key()) == sequence;
}

GroupKey group_of(const engine::Record& record, event::Order order) {
  return group_in(group_keys(record.event), order, record.sequence);
}

}  // namespace

// ---- out of a store

Result<Backlog> Backlog::open(const store::Store& store, StoredQueue queue) {
  Backlog backlog(store, std::move(queue));
  const base::QueueId id = backlog.queue_.id;
  TRUNKLINE_TRY(const auto cursor, store.get(kQueue, cursor_key(id)));
  backlog.cursor_.scanned = backlog.queue_.created_after;
  if (cursor) {
    TRUNKLINE_TRY(backlog.cursor_, decode_cursor(*cursor));
  }
  const auto operations = list(store, id, 'P');
  for (; operations->valid(); operations->next()) {
    TRUNKLINE_TRY(const StoredOperation operation, decode_operation(operations->value()));
    if (!operation.closed) ++backlog.operations_;
  }
  TRUNKLINE_TRY_VOID(operations->status());
  const auto receives = list(store, id, 'V');
  for (; receives->valid(); receives->next()) {
    TRUNKLINE_TRY(const StoredReceive receive, decode_receive(receives->value()));
    for (const LeasedEach& each : receive.messages) backlog.received_.push_back(each.sequence);
  }
  TRUNKLINE_TRY_VOID(receives->status());
  std::ranges::sort(backlog.received_);
  backlog.places_ = list(store, id, 'S');
  backlog.letters_ = list(store, id, 'D');
  return backlog;
}

Result<std::optional<Adopted>> Backlog::at(const engine::RecordPtr& record) {
  const Sequence sequence = record->sequence;
  Adopted adopted;
  adopted.queue = queue_.id;
  adopted.record = record;
  const GroupKey group = group_of(*record, queue_.spec.order);
  const bool listed = has(*places_, sequence);
  const bool letter = has(*letters_, sequence);
  TRUNKLINE_TRY_VOID(places_->valid() ? Result<void>() : places_->status());
  TRUNKLINE_TRY_VOID(letters_->valid() ? Result<void>() : letters_->status());
  if (letter) {
    TRUNKLINE_TRY_VOID(read_letter(letters_->value(), adopted));
    TRUNKLINE_TRY_VOID(read_lane(group, sequence, adopted));
    return std::optional(std::move(adopted));
  }
  if (listed) {
    TRUNKLINE_TRY_VOID(read_row(group, sequence, adopted));
    return std::optional(std::move(adopted));
  }
  if (std::ranges::binary_search(received_, sequence)) adopted.receive_count = 1;
  if (sequence > cursor_.scanned || std::ranges::binary_search(cursor_.outstanding, sequence))
    return std::optional(std::move(adopted));
  return std::optional<Adopted>();
}

Result<void> Backlog::read_row(GroupKey group, Sequence sequence, Adopted& adopted) const {
  TRUNKLINE_TRY(const RowPlace place, decode_place(places_->value()));
  TRUNKLINE_TRY(const auto value, store_->get(kQueue, row_key(queue_.id, group, position_of(sequence, place.order))));
  if (!value) return {Errc::corrupt, fmt::format("queue {}: event {} has no row", queue_.spec.name, sequence.value)};
  TRUNKLINE_TRY(const Row row, decode_row(*value));
  adopted.redriven = row.redriven;
  adopted.receive_count = row.receive_count;
  if (row.edited) {
    TRUNKLINE_TRY(adopted.edited, store_->get(kQueue, by_sequence_key(queue_.id, 'E', sequence)));
  }
  return read_lane(group, sequence, adopted);
}

Result<void> Backlog::read_letter(std::string_view value, Adopted& adopted) const {
  TRUNKLINE_TRY(DeadLetterEntry entry, decode_dead_letter(value));
  adopted.place = entry.parked ? Adopted::Place::parked : Adopted::Place::dead_letter;
  adopted.attempts = entry.attempts;
  adopted.receive_count = entry.row.receive_count;
  adopted.error_class = std::move(entry.error_class);
  adopted.error_detail = std::move(entry.error_detail);
  adopted.since = wall(entry.since_ms);
  adopted.redriven = entry.row.redriven;
  if (entry.row.edited) {
    TRUNKLINE_TRY(adopted.edited, store_->get(kQueue, by_sequence_key(queue_.id, 'E', adopted.record->sequence)));
  }
  return {};
}

// What the lane knows of one event: attempts of its head, and whether the next must say that this one was skipped.
Result<void> Backlog::read_lane(GroupKey group, Sequence sequence, Adopted& adopted) const {
  TRUNKLINE_TRY(const auto value, store_->get(kQueue, lane_key(queue_.id, group)));
  if (!value) return {};
  TRUNKLINE_TRY(LaneHeader lane, decode_lane(*value));
  if (adopted.place == Adopted::Place::dead_letter) adopted.gap = lane.gap_before == sequence;
  if (adopted.place != Adopted::Place::waiting || lane.head != sequence) return {};
  adopted.attempts = lane.attempts;
  adopted.error_class = std::move(lane.error_class);
  adopted.error_detail = std::move(lane.error_detail);
  adopted.since = wall(lane.since_ms);
  return {};
}

// ---- into one

namespace {

// One queue as this batch changes it.
struct Filling {
  const store::Store& store;
  const StoredQueue& queue;
  store::Batch& batch;
  CursorRecord cursor{};
  std::unordered_map<GroupKey, LaneHeader> lanes{};

  Result<LaneHeader*> lane(GroupKey group) {
    if (const auto known = lanes.find(group); known != lanes.end()) return &known->second;
    TRUNKLINE_TRY(const auto value, store.get(kQueue, lane_key(queue.id, group)));
    LaneHeader header;
    if (value) {
      TRUNKLINE_TRY(header, decode_lane(*value));
    }
    return &(lanes[group] = std::move(header));
  }
};

Row row_of(const Adopted& event) {
  Row row;
  row.accepted_ms = millis(event.record->accepted_at);
  row.bytes = static_cast<std::uint32_t>(event.record->event.raw.size());
  row.receive_count = event.receive_count;
  row.redriven = event.redriven;
  row.edited = event.edited.has_value();
  return row;
}

void set_head(LaneHeader& lane, const Adopted& event) {
  lane.head = event.record->sequence;
  lane.attempts = event.attempts;
  lane.since_ms = millis(event.since);
  lane.error_class = event.error_class;
  lane.error_detail = event.error_detail;
}

Result<void> place(Filling& into, const Adopted& event) {
  const Sequence sequence = event.record->sequence;
  const base::QueueId id = into.queue.id;
  const GroupKey group = group_of(*event.record, into.queue.spec.order);
  TRUNKLINE_TRY(LaneHeader* const lane, into.lane(group));
  const Row row = row_of(event);
  const bool skipped = event.place == Adopted::Place::dead_letter;
  // A lane has one parked event: a second can only wait behind it.
  const bool parked = event.place == Adopted::Place::parked && lane->state != LaneState::parked;
  if (event.edited) into.batch.put(kQueue, by_sequence_key(id, 'E', sequence), *event.edited);
  if (skipped || parked) {
    const DeadLetterEntry entry{
        parked, group, row, event.attempts, millis(event.since), event.error_class, event.error_detail};
    into.batch.put(kQueue, by_sequence_key(id, 'D', sequence), encode_dead_letter(entry));
  }
  if (skipped) {
    ++into.cursor.totals.dead_letters;
    ++into.cursor.totals.settled;
    if (event.gap && into.queue.spec.order != event::Order::none) lane->gap_before = sequence;
    return {};
  }
  into.batch.put(kQueue, row_key(id, group, position_of(sequence, 0)), encode_row(row));
  into.batch.put(kQueue, by_sequence_key(id, 'S', sequence),
                 encode_place({group, row.accepted_ms, {}, row.edited, row.order}));
  ++into.cursor.totals.rows;
  if (++lane->rows == 1 && event.attempts > 0) set_head(*lane, event);
  if (!parked) return {};
  set_head(*lane, event);
  lane->state = LaneState::parked;
  ++into.cursor.totals.parked;
  return {};
}

// Events of the log behind the cursor that are routed to the queue.
Result<std::uint64_t> count_routed(const store::Store& store, base::QueueId queue, Sequence after, Sequence through) {
  std::uint64_t count = 0;
  const auto at = store.seek(handle(Table::scan), sequence_key({after.value + 1}), sequence_key({through.value + 1}));
  for (; at->valid(); at->next()) {
    if (!may_route_to(at->value(), queue)) continue;
    TRUNKLINE_TRY(const ScanEntry entry, decode_scan(at->value()));
    if (std::ranges::binary_search(entry.routes, queue)) ++count;
  }
  TRUNKLINE_TRY_VOID(at->status());
  return count;
}

}  // namespace

Result<void> stage_adopted(const store::Store& store, const StoredQueue& queue, const std::vector<Adopted>& events,
                           Sequence through, store::Batch& batch) {
  Filling into{store, queue, batch};
  TRUNKLINE_TRY(const auto value, store.get(kQueue, cursor_key(queue.id)));
  into.cursor.scanned = queue.created_after;
  if (value) {
    TRUNKLINE_TRY(into.cursor, decode_cursor(*value));
  }
  if (into.cursor.ordered || !into.cursor.outstanding.empty())
    return {Errc::conflict, fmt::format("queue {} has been served already", queue.spec.name)};
  if (through <= into.cursor.scanned) return {};
  TRUNKLINE_TRY(const std::uint64_t routed, count_routed(store, queue.id, into.cursor.scanned, through));
  std::uint64_t placed = 0;
  for (const Adopted& event : events) {
    if (event.record->sequence <= into.cursor.scanned || event.record->sequence > through) continue;
    TRUNKLINE_TRY_VOID(place(into, event));
    ++placed;
  }
  for (const auto& [group, lane] : into.lanes) {
    if (lane.rows > 0 || lane.gap_before.value != 0) batch.put(kQueue, lane_key(queue.id, group), encode_lane(lane));
  }
  into.cursor.totals.settled += routed - std::min(routed, placed);
  into.cursor.scanned = through;
  batch.put(kQueue, cursor_key(queue.id), encode_cursor(into.cursor));
  return {};
}

}  // namespace trunkline::queue
