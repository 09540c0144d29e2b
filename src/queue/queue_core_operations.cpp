// Redrives and replays in a queue: what they have given, and the lanes of what is given once more.
#include <algorithm>

#include "base/check.hpp"
#include "base/hash.hpp"
#include "queue/keys.hpp"
#include "queue/queue_core.hpp"

namespace trunkline::queue {
namespace {

using base::GroupKey;
using base::OperationId;
using base::Sequence;

constexpr store::FamilyHandle kQueue = handle(Table::queue);

}  // namespace

// ---- tallies

bool QueueCore::begin_operation(OperationId operation, bool replay, Sequence keep_to) {
  const auto found = operations_.find(operation);
  if (found != operations_.end()) return found->second.stored.replay == replay && !found->second.stored.closed;
  if (operations_.size() >= engine::kOperationsPerQueue) return false;
  Operation& made = operations_[operation];
  made.stored.replay = replay;
  made.stored.keep_to = keep_to;
  touch_operation(operation);
  return true;
}

StoredOperation* QueueCore::touch_operation(OperationId operation) {
  if (operation.value == 0) return nullptr;
  const auto found = operations_.find(operation);
  if (found == operations_.end()) return nullptr;
  found->second.touched = true;
  dirty_ = true;
  return &found->second.stored;
}

const StoredOperation* QueueCore::operation(OperationId operation) const {
  const auto found = operations_.find(operation);
  return found == operations_.end() ? nullptr : &found->second.stored;
}

void QueueCore::reached(OperationId operation, Sequence sequence, std::uint64_t passed) {
  StoredOperation* stored = touch_operation(operation);
  if (stored == nullptr) return;
  stored->tally.reached = std::max(stored->tally.reached, sequence);
  stored->tally.passed += passed;
}

void QueueCore::count_end(OperationId operation, Sequence sequence, End end, const std::string& error_class) {
  StoredOperation* stored = touch_operation(operation);
  if (stored == nullptr || stored->tally.open() == 0) return;
  engine::OperationTally& tally = stored->tally;
  if (end == End::delivered) ++tally.delivered;
  if (end == End::ended) ++tally.ended;
  if (end == End::failed) {
    ++tally.failed;
    tally.error_class = error_class;
    tally.last_failed.push_back(sequence);
    if (tally.last_failed.size() > engine::kLastFailedMax) tally.last_failed.erase(tally.last_failed.begin());
  }
  if (stored->replay) {
    const auto found = std::lower_bound(stored->outstanding.begin(), stored->outstanding.end(), sequence);
    TRUNKLINE_CHECK(found != stored->outstanding.end() && *found == sequence, "a replayed event ended twice");
    stored->outstanding.erase(found);
  }
  drop_ended(operation);
}

engine::OperationTally QueueCore::end_operation(OperationId operation, bool forget) {
  StoredOperation* stored = touch_operation(operation);
  if (stored == nullptr) return {};
  stored->closed = true;
  if (stored->replay) withdraw(operation);
  const auto found = operations_.find(operation);
  if (found == operations_.end()) return {};
  const engine::OperationTally tally = found->second.stored.tally;
  found->second.forget |= forget;
  drop_ended(operation);
  return tally;
}

void QueueCore::drop_ended(OperationId operation) {
  const auto found = operations_.find(operation);
  if (found == operations_.end() || !found->second.forget || found->second.stored.tally.open() > 0) return;
  operations_.erase(found);
  delta_.remove(kQueue, operation_key(id_, operation));
  dirty_ = true;
}

void QueueCore::write_operations() {
  for (auto& [operation, entry] : operations_) {
    if (!std::exchange(entry.touched, false)) continue;
    delta_.put(kQueue, operation_key(id_, operation), encode_operation(entry.stored));
  }
}

// ---- edits

bool QueueCore::edit(Sequence sequence, DeadLetterEntry entry, std::string_view body) {
  if (entry.parked) {
    const auto found = lanes_.find(entry.group);
    if (found == lanes_.end() || found->second.state != LaneState::parked || found->second.head != sequence)
      return false;
    Lane& lane = found->second;
    Row row = entry.row;
    row.edited = true;
    row.operation = {};  // of the entry alone, see park()
    put_row(entry.group, lane, sequence, row);
    if (lane.loading) lane.load_is_stale = true;
    for (std::uint32_t at = lane.first; at != kNone; at = items_[at].next) {
      if (items_[at].sequence == sequence) items_[at].row = row;
    }
  }
  entry.row.edited = true;
  delta_.put(kQueue, by_sequence_key(id_, 'D', sequence), encode_dead_letter(entry));
  delta_.put(kQueue, by_sequence_key(id_, 'E', sequence), body);
  dirty_ = true;
  return true;
}

void QueueCore::forget_edit(Sequence sequence, bool edited) {
  if (edited) delta_.remove(kQueue, by_sequence_key(id_, 'E', sequence));
}

// ---- replay lanes

bool QueueCore::may_replay(Sequence sequence) const {
  if (sequence > scanned_) return false;
  const auto found =
      std::lower_bound(outstanding_.begin(), outstanding_.end(), sequence,
                       [](const Outstanding& entry, Sequence wanted) { return entry.sequence < wanted; });
  return found == outstanding_.end() || found->sequence != sequence || !found->live;
}

void QueueCore::replay(OperationId operation, const Scanned& event) {
  StoredOperation* stored = touch_operation(operation);
  TRUNKLINE_CHECK(stored != nullptr && stored->replay, "a replay that was not begun");
  if (event.sequence <= stored->tally.reached) return;
  stored->tally.reached = event.sequence;
  ++stored->tally.given;
  stored->outstanding.push_back(event.sequence);
  // Nothing goes out that is not on disk: a crash would have it given again, and nobody would know of the first time.
  const GroupKey group = join_lane(operation, event);
  hold(group, lanes_.at(group));
}

void QueueCore::restore_operation(OperationId operation, StoredOperation stored,
                                  const std::vector<Scanned>& outstanding) {
  const std::vector<Sequence> named = stored.outstanding;
  operations_[operation].stored = std::move(stored);
  for (const Scanned& event : outstanding) {
    const GroupKey group = join_lane(operation, event);
    make_ready(group, lanes_.at(group));
  }
  for (const Sequence sequence : named) {
    if (!std::ranges::binary_search(outstanding, sequence, std::less(), &Scanned::sequence))
      count_end(operation, sequence, End::ended);
  }
}

QueueCore::Family* QueueCore::family_of(GroupKey group, const Lane& lane) {
  if (families_.empty()) return nullptr;
  const auto found = families_.find(lane.replay.value != 0 ? lane.live : group);
  return found == families_.end() ? nullptr : &found->second;
}

// Its place among the lanes: a hash, moved on in the case that somebody else has it.
GroupKey QueueCore::replay_lane(OperationId operation, GroupKey live) {
  std::string text = "replay lane";
  base::put_u64(text, operation.value);
  base::put_u64(text, live.value);
  GroupKey key{base::hash64(text)};
  for (;; ++key.value) {
    const auto found = lanes_.find(key);
    if (found == lanes_.end() || (found->second.replay == operation && found->second.live == live)) return key;
  }
}

GroupKey QueueCore::join_lane(OperationId operation, const Scanned& event) {
  const GroupKey key = replay_lane(operation, event.group);
  Lane& lane = lanes_[key];
  if (lane.replay.value == 0) {
    lane.replay = operation;
    lane.live = event.group;
    Family& family = families_[event.group];
    if (family.replays.empty()) {
      const auto live = lanes_.find(event.group);
      family.leased = live != lanes_.end() && live->second.leased > 0;
    }
    family.replays.push_back(key);
  }
  Row row{event.accepted_ms, event.bytes};
  row.operation = operation;
  push_back(lane, new_item(event.sequence, row, false));
  return key;
}

void QueueCore::leave_family(GroupKey group, const Lane& lane) {
  const auto family = families_.find(lane.live);
  TRUNKLINE_CHECK(family != families_.end(), "a replay lane without its group");
  std::erase(family->second.replays, group);
  if (family->second.replays.empty()) families_.erase(family);
}

// A replay has no dead letters: the event had its fate the first time. The tally names what failed.
void QueueCore::settle_replayed(GroupKey group, Lane& lane, const engine::MessageFate& fate) {
  const Sequence sequence = items_[lane.first].sequence;
  pop_front(lane);
  if (lane.head == sequence) clear_failure(lane);
  touch(group, lane);
  const bool delivered = fate.fate == engine::Fate::delivered;
  count_end(lane.replay, sequence, delivered ? End::delivered : End::failed, fate.error_class);
  // As a skipped event of a live lane: else a crash brings it back behind its successor.
  if (!delivered) hold(group, lane);
}

// What is in flight stays; its end is counted when it comes.
void QueueCore::withdraw(OperationId operation) {
  std::vector<GroupKey> groups;
  for (const auto& [group, lane] : lanes_) {
    if (lane.replay == operation) groups.push_back(group);
  }
  for (const GroupKey group : groups) {
    Lane& lane = lanes_.at(group);
    std::vector<Sequence> kept;
    std::vector<Sequence> gone;
    for (std::uint32_t at = lane.first; at != kNone; at = items_[at].next)
      (kept.size() < lane.leased ? kept : gone).push_back(items_[at].sequence);
    std::uint32_t last = kNone;
    std::uint32_t at = lane.first;
    for (std::size_t i = 0; i < kept.size(); ++i) at = items_[last = at].next;
    while (at != kNone) {
      const std::uint32_t next = items_[at].next;
      items_[at].next = free_items_;
      free_items_ = at;
      at = next;
    }
    (last == kNone ? lane.first : items_[last].next) = kNone;
    lane.last = last;
    lane.count = static_cast<std::uint32_t>(kept.size());
    if (lane.state == LaneState::backing_off) {
      --backing_off_;
      lane.state = LaneState::ready;
    }
    for (const Sequence sequence : gone) count_end(operation, sequence, End::ended);
    forget_if_empty(group, lane);
  }
}

QueueCore::Replays QueueCore::replays() const {
  Replays counted;
  for (const auto& [operation, entry] : operations_) {
    if (entry.stored.replay) counted.waiting += entry.stored.outstanding.size();
  }
  for (const auto& [live, family] : families_) {
    for (const GroupKey group : family.replays) {
      const Lane& lane = lanes_.at(group);
      counted.in_flight += in_flight_of(lane);
      if (lane.state == LaneState::backing_off) ++counted.backing_off;
    }
  }
  return counted;
}

}  // namespace trunkline::queue
