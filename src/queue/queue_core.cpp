#include "queue/queue_core.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "engine/sent.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::GroupKey;
using base::Sequence;

constexpr store::FamilyHandle kQueue = handle(Table::queue);
// A clock that jumped back must not hold a lane for longer.
constexpr base::Millis kRestoredBackOffMax = std::chrono::hours(1);
constexpr base::Millis kRestoredLeaseMax = std::chrono::hours(12);  // SQS's longest visibility timeout
constexpr std::uint64_t kScanAgainMax = 65'536;  // entries of the log, at a start: four reads of the scan

base::Millis time_left(std::int64_t until_ms, base::Millis most, Now now) {
  return base::Millis(std::clamp<std::int64_t>(until_ms - millis(now.wall), 0, most.count()));
}
// Not for longer than it was given for.
base::Millis lease_left(std::int64_t until_ms, std::int64_t since_ms, Now now) {
  const base::Millis given(std::clamp<std::int64_t>(until_ms - since_ms, 0, kRestoredLeaseMax.count()));
  return time_left(until_ms, given, now);
}

}  // namespace

QueueCore::QueueCore(base::QueueId id, engine::QueueSpec spec, QueueCoreOptions options, std::uint64_t first_lease)
    : id_(id),
      spec_(std::move(spec)),
      options_(options),
      next_lease_(first_lease),
      left_(options.left_max),
      journal_(id) {}

// ---- start

void QueueCore::restore(const CursorRecord& cursor, std::vector<std::pair<GroupKey, LaneHeader>> lanes,
                        const std::vector<Scanned>& outstanding, Sequence end, Now now) {
  window_.begin(now.mono);
  scanned_ = cursor.scanned;
  written_scanned_ = told_ = scanned_;
  totals_ = cursor.totals;
  for (auto& [group, header] : lanes) {
    Lane& lane = lanes_[group];
    lane.header_on_disk = true;
    lane.rows = header.rows;
    lane.state = header.state;
    lane.head = header.head;
    lane.attempts = header.attempts;
    lane.failures = header.attempts;
    lane.gap_before = header.gap_before;
    lane.since_ms = header.since_ms;
    lane.until_ms = header.until_ms;
    if (!header.error_class.empty()) {
      lane.failure = std::make_unique<Failure>(Failure{std::move(header.error_class), std::move(header.error_detail)});
    }
    if (header.state == LaneState::backing_off) {
      lane.until = now.mono + time_left(header.until_ms, kRestoredBackOffMax, now);
      schedule(group, lane.until);
      ++backing_off_;
    }
    if (header.state == LaneState::leased) restore_lease(group, lane, header, now);
    if (lane.rows == 0 && lane.gap_before.value != 0) gaps_.push_back(group);
    if (lane.rows > 0) want_load_.push_back(group);
  }
  ordered_ = cursor.ordered;
  for (const Scanned& event : outstanding) {
    if (ordered_) {
      enter_window(event, now);
      continue;
    }
    Lane& lane = lanes_[event.group];
    outstanding_.push_back({event.sequence, event.group, event.accepted_ms, true});
    ++live_;
    push_back(lane, new_item(event.sequence, row_of(event), false));
    // A lane with rows reads them first; this event, newer than all of them, becomes a row behind.
    if (lane.rows > 0 || lane.state != LaneState::ready) {
      list_item(event.group, lane, items_[lane.last]);
      TRUNKLINE_CHECK(lane.count == 1, "a restored lane holds more than it should");
      pop_front(lane);
      --lane.listed;
      lane.loaded = {};
      continue;
    }
    make_ready(event.group, lane);
  }
  window_after_ = end;
  if (wants_window() && !ordered_ && scanned_ >= end) begin_window();
  if (!wants_window() && ordered_) end_window();
}

void QueueCore::restore_lease(GroupKey group, Lane& lane, const LaneHeader& header, Now now) {
  lane.leased = header.leased;
  if (header.each.empty()) {
    lane.lease = header.lease;
    lane.until = now.mono + lease_left(header.until_ms, header.since_ms, now);
    leases_[header.lease].push_back({group, header.leased});
  } else {
    lane.each = std::make_unique<std::vector<Each>>();
    for (const LeasedEach& each : header.each) {
      const base::Millis left = lease_left(each.until_ms, header.since_ms, now);
      lane.each->push_back({each.lease, each.sequence, now.mono + left, each.until_ms});
      if (each.lease != 0) leases_[each.lease].push_back({group, 1});
    }
    set_first_deadline(lane);
  }
  in_flight_ += in_flight_of(lane);
  schedule(group, lane.until);
}

void QueueCore::restore_receive(Sequence first, const StoredReceive& stored, Now now) {
  Receive& receive = receives_[first];
  receive.on_disk = true;
  receive.stored.since_ms = stored.since_ms;
  for (const LeasedEach& each : stored.messages) {
    const GroupKey group{each.sequence.value};  // of a standard queue
    const auto found = lanes_.find(group);
    if (found == lanes_.end() || !needs_no_row(group, found->second)) continue;
    Lane& lane = found->second;
    items_[lane.first].row.receive_count = 1;
    lane.state = LaneState::leased;
    lane.receive = first;
    lane.leased = 1;
    lane.lease = each.lease;
    lane.since_ms = stored.since_ms;
    lane.until_ms = each.until_ms;
    lane.until = now.mono + lease_left(each.until_ms, stored.since_ms, now);
    std::vector<LeasePart>& parts = leases_[each.lease];
    parts.push_back({group, 1});
    if (parts.size() > 1 && parts[parts.size() - 2].group > group) std::ranges::sort(parts, {}, &LeasePart::group);
    ++in_flight_;
    schedule(group, lane.until);
    receive.stored.messages.push_back(each);
  }
  if (receive.stored.messages.size() != stored.messages.size()) touch_receive(first);
}

void QueueCore::set_spec(engine::QueueSpec spec) {
  spec_ = std::move(spec);
  if (wants_window() && !ordered_) begin_window();
  if (!wants_window() && ordered_) end_window();
}

// ---- items and lanes

std::uint32_t QueueCore::new_item(Sequence sequence, const Row& row, bool listed) {
  if (free_items_ == kNone) {
    items_.push_back({sequence, row, kNone, listed});
    return static_cast<std::uint32_t>(items_.size() - 1);
  }
  const std::uint32_t index = free_items_;
  free_items_ = items_[index].next;
  items_[index] = {sequence, row, kNone, listed};
  return index;
}

void QueueCore::push_back(Lane& lane, std::uint32_t item) {
  if (lane.last == kNone) {
    lane.first = item;
  } else {
    items_[lane.last].next = item;
  }
  lane.last = item;
  ++lane.count;
  if (items_[item].listed) ++lane.listed;
  lane.loaded = std::max(lane.loaded, items_[item].position());
}

// Behind what is leased, before the first greater one.
void QueueCore::insert_sorted(Lane& lane, std::uint32_t item) {
  std::uint32_t before = kNone;
  std::uint32_t at = lane.first;
  for (std::uint32_t passed = 0; at != kNone; ++passed) {
    const bool greater = items_[at].position() > items_[item].position();
    if (passed >= lane.leased && greater) break;
    lane.unsorted = lane.unsorted || greater;
    before = at;
    at = items_[at].next;
  }
  if (at == kNone) return push_back(lane, item);
  items_[item].next = at;
  (before == kNone ? lane.first : items_[before].next) = item;
  ++lane.count;
  if (items_[item].listed) ++lane.listed;
}

void QueueCore::sort(GroupKey group, Lane& lane) {
  if (std::exchange(lane.passed, false)) {
    if (lane.loading) lane.load_is_stale = true;
    list_all(group, lane);
    keep_first(lane, 0);
    lane.row_delta = delta_id_;  // what has ended must be gone from the disk before it is read
    return;
  }
  if (!std::exchange(lane.unsorted, false)) return;
  std::vector<std::uint32_t> order;
  for (std::uint32_t at = lane.first; at != kNone; at = items_[at].next) order.push_back(at);
  if (order.empty()) return;
  std::sort(order.begin(), order.end(),
            [this](std::uint32_t a, std::uint32_t b) { return items_[a].position() < items_[b].position(); });
  for (std::size_t i = 0; i + 1 < order.size(); ++i) items_[order[i]].next = order[i + 1];
  items_[order.back()].next = kNone;
  lane.first = order.front();
  lane.last = order.back();
}

void QueueCore::pop_front(Lane& lane) {
  const std::uint32_t index = lane.first;
  counts_no_more(items_[index]);
  lane.first = items_[index].next;
  if (lane.first == kNone) lane.last = kNone;
  --lane.count;
  items_[index].next = free_items_;
  free_items_ = index;
}

QueueCore::Lane& QueueCore::touch(GroupKey group, Lane& lane) {
  dirty_ = true;
  if (lane.replay.value != 0) return lane;  // it has no header
  if (!lane.touched) {
    lane.touched = true;
    touched_.push_back(group);
  }
  return lane;
}

void QueueCore::make_ready(GroupKey group, Lane& lane) {
  const bool free = lane.state == LaneState::ready && lane.leased == 0;
  if (!free && !visible_again(lane)) return;
  if (lane.count == 0) {
    if (lane.rows > 0 && !lane.loading) want_load_.push_back(group);
    return;
  }
  if (lane.queued || lane.hold_delta > committed_ || items_[lane.first].delta > committed_) return;
  lane.queued = true;
  ready_.push_back(group, tenant_of(lane));
}

void QueueCore::hold(GroupKey group, Lane& lane) {
  touch(group, lane);
  lane.hold_delta = delta_id_;
  wake_later(group, lane);
}

void QueueCore::wake_later(GroupKey group, Lane& lane) {
  lane.wake_delta = delta_id_;
  dirty_ = true;
  if (std::exchange(lane.waking, true)) return;
  held_.push_back(group);
}

void QueueCore::forget_if_empty(GroupKey group, Lane& lane) {
  if (lane.count > 0 || lane.rows > 0 || lane.leased > 0 || lane.state != LaneState::ready || lane.loading) return;
  if (lane.gap_before.value != 0) {
    gaps_.push_back(group);
    if (gaps_.size() > options_.gaps_max) {
      const GroupKey oldest = gaps_.front();
      gaps_.pop_front();
      const auto found = lanes_.find(oldest);
      if (found != lanes_.end() && oldest != group && found->second.count == 0 && found->second.rows == 0) {
        touch(oldest, found->second).gap_before = {};
        forget_if_empty(oldest, found->second);
      }
    }
    return;
  }
  if (lane.header_on_disk) {
    delta_.remove(kQueue, lane_key(id_, group));
    dirty_ = true;
  }
  if (lane.replay.value != 0) leave_family(group, lane);
  lanes_.erase(group);
}

// ---- rows

void QueueCore::put_row(GroupKey group, Lane& lane, Sequence sequence, const Row& row) {
  told_ = std::max(told_, sequence);
  delta_.put(kQueue, row_key(id_, group, position_of(sequence, row.order)), encode_row(row));
  delta_.put(kQueue, by_sequence_key(id_, 'S', sequence),
             encode_place({group, row.accepted_ms, row.operation, row.edited, row.order}));
  oldest_row_.put(sequence);
  lane.row_delta = delta_id_;
  touch(group, lane);
}

void QueueCore::remove_row(GroupKey group, Position at) {
  delta_.remove(kQueue, row_key(id_, group, at));
  delta_.remove(kQueue, by_sequence_key(id_, 'S', at.sequence));
}

void QueueCore::counts_no_more(Item& item) {
  if (std::exchange(item.unsent, false)) --unsent_;
}

bool QueueCore::goes_behind(const Lane& lane) {
  return lane.rows_beyond() > 0 || lane.state == LaneState::parked || lane.state == LaneState::backing_off ||
         (lane.loading && lane.count == 0);
}

void QueueCore::list_item(GroupKey group, Lane& lane, Item& item) {
  counts_no_more(item);
  if (item.listed || lane.replay.value != 0) return;
  item.listed = true;
  ++lane.listed;
  ++lane.rows;
  ++totals_.rows;
  put_row(group, lane, item.sequence, item.row);
  no_longer_outstanding(item.sequence);
}

void QueueCore::list_all(GroupKey group, Lane& lane) {
  for (std::uint32_t at = lane.first; at != kNone; at = items_[at].next) list_item(group, lane, items_[at]);
}

// Forgets all but the first few items of a lane whose items all have rows.
void QueueCore::trim(Lane& lane) {
  if (lane.replay.value != 0) return;
  const std::size_t most = spec_.pulled ? options_.pulled_keep : options_.blocked_keep;
  const auto keep = std::max<std::uint32_t>(static_cast<std::uint32_t>(most), lane.leased);
  if (lane.count > keep) keep_first(lane, keep);
}

// Of items that all have rows.
void QueueCore::keep_first(Lane& lane, std::uint32_t keep) {
  std::uint32_t last = kNone;
  std::uint32_t dropped = lane.first;
  for (std::uint32_t i = 0; i < keep; ++i) dropped = items_[last = dropped].next;
  (last == kNone ? lane.first : items_[last].next) = kNone;
  lane.last = last;
  lane.loaded = last == kNone ? Position() : items_[last].position();
  lane.listed -= lane.count - keep;
  lane.count = keep;
  while (dropped != kNone) {
    const std::uint32_t next = items_[dropped].next;
    counts_no_more(items_[dropped]);
    items_[dropped].next = free_items_;
    free_items_ = dropped;
    dropped = next;
  }
}

void QueueCore::no_longer_outstanding(Sequence sequence) {
  const auto found =
      std::lower_bound(outstanding_.begin(), outstanding_.end(), sequence,
                       [](const Outstanding& entry, Sequence wanted) { return entry.sequence < wanted; });
  TRUNKLINE_CHECK(found != outstanding_.end() && found->sequence == sequence && found->live, "an event settled twice");
  found->live = false;
  told_ = std::max(told_, sequence);
  --live_;
  dirty_ = true;
  while (!outstanding_.empty() && !outstanding_.front().live) outstanding_.pop_front();
  // One stuck event at the front must not keep the settled ones behind it in memory.
  if (outstanding_.size() > 2 * live_ + 1024)
    std::erase_if(outstanding_, [](const Outstanding& entry) { return !entry.live; });
}

std::optional<QueueCore::Load> QueueCore::next_load() {
  for (std::size_t tries = want_load_.size(); tries > 0; --tries) {
    const GroupKey group = want_load_.front();
    want_load_.pop_front();
    const auto found = lanes_.find(group);
    if (found == lanes_.end()) continue;
    Lane& lane = found->second;
    const bool wanted = !lane.loading && lane.rows_beyond() > 0 &&
                        lane.count < std::max<std::uint32_t>(1, lane.leased) &&
                        (lane.state == LaneState::ready || lane.state == LaneState::leased);
    if (!wanted) continue;
    if (lane.row_delta > committed_) {
      want_load_.push_back(group);  // its rows are on their way to the disk
      continue;
    }
    lane.loading = true;
    lane.load_delta = committed_;
    const std::size_t most = spec_.pulled ? options_.pulled_keep : options_.row_chunk;
    return Load{group, lane.loaded, std::max<std::size_t>(most, lane.leased)};
  }
  return std::nullopt;
}

void QueueCore::loaded(GroupKey group, const std::vector<std::pair<Sequence, Row>>& rows, bool ended) {
  const auto found = lanes_.find(group);
  if (found == lanes_.end()) return;
  Lane& lane = found->second;
  lane.loading = false;
  if (!std::exchange(lane.load_is_stale, false)) {
    for (const auto& [sequence, row] : rows) {
      const Position at = position_of(sequence, row.order);
      if (at <= lane.loaded) continue;
      const bool taken =
          lane.count < lane.leased && lane.each ? sequence == (*lane.each)[lane.count].sequence : row.receive_count > 0;
      if (lane.count < lane.leased && !taken) {
        // Taken before a restart, the lease is of later events, which have been received; this one was redriven since.
        lane.passed = true;
        lane.loaded = at;
        continue;
      }
      push_back(lane, new_item(sequence, row, true));
    }
  } else {
    ended = false;
  }
  // Rows that were put while this was read are found by the next load. Otherwise all are in memory now; a count that
  // says more would have the lane read for ever.
  if (ended && !lane.passed && lane.row_delta <= lane.load_delta && lane.rows != lane.listed) {
    base::log::error("a lane's row count was wrong and has been corrected", "queue", spec_.name, "counted", lane.rows,
                     "found", lane.listed);
    totals_.rows -= lane.rows - lane.listed;
    lane.rows = lane.listed;
    touch(group, lane);
  }
  if (lane.count < lane.leased && !ended) want_load_.push_back(group);  // they stand behind more than was read at once
  make_ready(group, lane);
  forget_if_empty(group, lane);
}

// ---- scan

void QueueCore::scan(const Scanned& event, Now now) {
  TRUNKLINE_CHECK(event.sequence > scanned_, "the scan went backwards");
  if (wants_window() && !ordered_ && event.sequence > window_after_) begin_window();
  scanned_ = event.sequence;
  const Row row = row_of(event);
  if (event.accepted_ms < millis(now.wall) - spec_.max_wait.count()) {
    put_outcome(event.sequence, Outcome::expired);
    ++totals_.expired;
    ++totals_.settled;
    return;
  }
  if (ordered_) return enter_window(event, now);
  if (standard() && engine::takes_sent(spec_) && event.event_ms > millis(now.wall)) return put_off(event, row, now);
  Lane& lane = lanes_[event.group];
  if (goes_behind(lane)) {
    ++lane.rows;
    ++totals_.rows;
    put_row(event.group, lane, event.sequence, row);
    make_ready(event.group, lane);
    return;
  }
  outstanding_.push_back({event.sequence, event.group, event.accepted_ms, true});
  ++live_;
  const std::uint32_t index = new_item(event.sequence, row, false);
  push_back(lane, index);
  if (no_window_delta_ > committed_) {
    items_[index].delta = no_window_delta_;
    wake_later(event.group, lane);
  }
  make_ready(event.group, lane);
}

// A lane of its own that backs off from the beginning. Its row is read when its time has come.
void QueueCore::put_off(const Scanned& event, const Row& row, Now now) {
  Lane& lane = lanes_[event.group];
  ++lane.rows;
  ++totals_.rows;
  put_row(event.group, lane, event.sequence, row);
  lane.state = LaneState::backing_off;
  lane.head = event.sequence;
  lane.since_ms = millis(now.wall);
  lane.until_ms = event.event_ms;
  lane.until = now.mono + base::Millis(event.event_ms - millis(now.wall));
  ++backing_off_;
  schedule(event.group, lane.until);
}

void QueueCore::scanned_to(Sequence sequence) {
  if (sequence <= scanned_) return;
  scanned_ = sequence;
}

void QueueCore::spill() {
  std::vector<GroupKey> blocked;
  for (auto& [group, lane] : lanes_) {
    const bool followed = lane.leased > 0 && lane.count > lane.leased && !lane.unsorted && lane.replay.value == 0;
    if (followed || lane.receive.value != 0) blocked.push_back(group);
  }
  for (const GroupKey group : blocked) {
    Lane& lane = lanes_[group];
    list_received(group, lane);
    list_all(group, lane);
    trim(lane);
  }
}

std::optional<QueueCore::Place> QueueCore::place(GroupKey group, Sequence sequence) const {
  const auto found = lanes_.find(group);
  if (const auto waits = event_window_.place(group, sequence)) {
    Place place{found == lanes_.end() ? LaneHeader{} : header_of(found->second), false, waits->before};
    if (found != lanes_.end()) place.before += found->second.count + found->second.rows_beyond();
    place.window_ends_ms = waits->accepted_ms + spec_.event_time_window.count();
    return place;
  }
  if (found == lanes_.end()) return std::nullopt;
  const Lane& lane = found->second;
  std::uint32_t before = 0;
  for (std::uint32_t at = lane.first; at != kNone; at = items_[at].next, ++before) {
    if (items_[at].sequence != sequence) continue;
    const bool leased = before < lane.leased && (!lane.each || (*lane.each)[before].lease != 0);
    Place place{header_of(lane), leased, before};
    if (place.lane.head.value == 0) place.lane.head = items_[lane.first].sequence;
    return place;
  }
  return std::nullopt;
}

// ---- delta

LaneHeader QueueCore::header_of(const Lane& lane) const {
  LaneHeader header;
  header.state = lane.state;
  header.rows = lane.rows;
  header.head = lane.head;
  header.attempts = lane.attempts;
  header.until_ms = lane.until_ms;
  header.since_ms = lane.since_ms;
  header.gap_before = lane.gap_before;
  if (lane.state == LaneState::leased) {
    header.lease = lane.lease;
    header.leased = lane.leased;
    for (std::size_t i = 0; lane.each && i < lane.each->size(); ++i) {
      const Each& each = (*lane.each)[i];
      header.each.push_back({each.lease, each.sequence, each.until_ms});
    }
  }
  if (lane.failure) {
    header.error_class = lane.failure->error_class;
    header.error_detail = lane.failure->error_detail;
  }
  return header;
}

store::Batch QueueCore::take_delta() {
  for (const GroupKey group : touched_) {
    const auto found = lanes_.find(group);
    if (found == lanes_.end()) continue;
    Lane& lane = found->second;
    lane.touched = false;
    const bool needed = lane.rows > 0 || lane.gap_before.value != 0 || lane.state != LaneState::ready;
    if (needed) {
      delta_.put(kQueue, lane_key(id_, group), encode_lane(header_of(lane)));
    } else if (lane.header_on_disk) {
      delta_.remove(kQueue, lane_key(id_, group));
    }
    lane.header_on_disk = needed;
  }
  touched_.clear();
  journal_.write(delta_);
  write_receives();
  write_operations();
  CursorRecord cursor = cursor_record();
  if (base::failpoint::on("defect.cursor_skips")) cursor.outstanding.clear();
  delta_.put(kQueue, cursor_key(id_), encode_cursor(cursor));
  base::failpoint::pass("cursor.move");
  oldest_row_.taken();
  ++delta_id_;
  dirty_ = false;
  written_scanned_ = scanned_;
  return std::exchange(delta_, store::Batch());
}

// What is written of the scan. Events that only wait, behind all of which anything else is told, are not named: they are
// scanned again, so that a commit does not grow with what waits.
CursorRecord QueueCore::cursor_record() const {
  CursorRecord cursor{scanned_, {}, totals_, ordered_};
  const bool may_rescan = !ordered_ && !wants_window();
  for (const Outstanding& entry : outstanding_) {
    if (!entry.live) continue;
    if (may_rescan && entry.sequence > told_ && scanned_.value - entry.sequence.value < kScanAgainMax) {
      cursor.scanned = {entry.sequence.value - 1};
      break;
    }
    cursor.outstanding.push_back(entry.sequence);
  }
  return cursor;
}

void QueueCore::committed(std::uint64_t delta_id) {
  committed_ = std::max(committed_, delta_id);
  if (committed_ + 1 == delta_id_) oldest_row_.committed();
  for (std::size_t left = held_.size(); left > 0; --left) {
    const GroupKey group = held_.front();
    held_.pop_front();
    const auto found = lanes_.find(group);
    if (found == lanes_.end()) continue;
    Lane& lane = found->second;
    lane.waking = lane.wake_delta > committed_;
    if (lane.waking) held_.push_back(group);
    if (lane.hold_delta <= committed_) make_ready(group, lane);
  }
}

std::optional<std::int64_t> QueueCore::oldest_outstanding_ms() const {
  if (outstanding_.empty()) return std::nullopt;
  return outstanding_.front().accepted_ms;
}

}  // namespace trunkline::queue
