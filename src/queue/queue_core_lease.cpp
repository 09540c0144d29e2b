#include "queue/queue_core.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/crypto.hpp"
#include "base/failpoint.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::GroupKey;
using base::Sequence;
using engine::Fate;
using engine::MessageFate;

constexpr store::FamilyHandle kQueue = handle(Table::queue);
constexpr std::size_t kErrorDetailMax = 1024;

}  // namespace

// ---- receive

std::vector<LeaseDraft> QueueCore::lease(const engine::ReceiveLimits& limits, Now now) {
  std::vector<LeaseDraft> drafts;
  std::size_t messages_left = limits.max_messages;
  std::size_t bytes_left = std::max<std::size_t>(limits.max_bytes, 1);
  std::size_t groups_left = limits.max_groups;
  filling_.reset();
  while (!ready_.empty() && messages_left > 0 && bytes_left > 0 && groups_left > 0) {
    const GroupKey group = ready_.pop();
    const auto found = lanes_.find(group);
    if (found == lanes_.end()) continue;
    Lane& lane = found->second;
    lane.queued = false;
    const bool again = visible_again(lane);
    if (!again && (lane.state != LaneState::ready || lane.leased > 0)) continue;
    if (lane.count == 0 || lane.hold_delta > committed_ || items_[lane.first].delta > committed_) continue;
    // Another lane of this group is in flight; it is ready again when that one's lease ends.
    const Family* family = family_of(group, lane);
    if (!again && family != nullptr && family->leased) continue;
    if (is_over_receive_count(lane)) {
      // While others are in flight it waits for them: it is the head when they have ended.
      if (!again) end_over_receive_count(group, lane, now);
      continue;
    }
    if (drafts.empty() || !standard() || limits.lease_each) drafts.push_back(new_draft(group, lane));
    if (!take_from(group, lane, limits, messages_left, bytes_left, drafts, now)) {
      lane.queued = true;
      ready_.push_front(group, tenant_of(lane));
      if (drafts.back().items.empty()) drafts.pop_back();
      break;
    }
    --groups_left;
  }
  if (spec_.pulled && standard() && !limits.lease_each && !drafts.empty()) put_in_sequence(drafts.front());
  return drafts;
}

std::vector<Sequence> QueueCore::next_ready(std::size_t messages, std::size_t bytes) const {
  std::vector<Sequence> next;
  ready_.peek(messages, [&](GroupKey group) {
    const auto found = lanes_.find(group);
    if (found == lanes_.end() || found->second.count == 0) return true;
    const Item& item = items_[found->second.first];
    if (item.row.bytes > bytes) return false;
    bytes -= item.row.bytes;
    if (!item.row.edited) next.push_back(item.sequence);
    return true;
  });
  return next;
}

// Fates are told in the order of the lease, and after a restart its lanes are known by their sequences alone.
void QueueCore::put_in_sequence(LeaseDraft& draft) {
  std::ranges::sort(draft.items, {}, &LeasedItem::sequence);
  std::ranges::sort(leases_.at(draft.id), {},
                    [this](const LeasePart& part) { return items_[lanes_.at(part.group).first].sequence; });
}

LeaseDraft QueueCore::new_draft(GroupKey group, const Lane& lane) {
  LeaseDraft draft;
  draft.group = lane.replay.value != 0 ? lane.live : group;
  // A pulled lease's id is its receipt: not to be guessed. A push lease never leaves the process.
  draft.id = spec_.pulled ? new_receipt() : next_lease_++;
  return draft;
}

std::uint64_t QueueCore::new_receipt() {
  constexpr std::size_t kBytes = 8;
  if (random_.empty()) random_ = base::random_bytes(128 * kBytes);
  const std::uint64_t receipt = base::ByteReader(std::string_view(random_).substr(random_.size() - kBytes)).u64() | 1;
  random_.resize(random_.size() - kBytes);
  return receipt;
}

// False when the first item does not fit into what is left.
bool QueueCore::take_from(GroupKey group, Lane& lane, const engine::ReceiveLimits& limits, std::size_t& messages_left,
                          std::size_t& bytes_left, std::vector<LeaseDraft>& drafts, Now now) {
  const bool nothing_yet = messages_left == limits.max_messages;
  const bool again = visible_again(lane);
  std::uint32_t count = 0;
  std::size_t count_max = std::min(
      {messages_left, std::max<std::size_t>(limits.max_messages_per_group, 1), static_cast<std::size_t>(lane.count)});
  if (again) count_max = std::min<std::size_t>(count_max, limits.lease_each ? visible_ahead(lane) : 1);
  for (std::uint32_t at = lane.first; at != kNone && count < count_max; at = items_[at].next) {
    const std::size_t bytes = items_[at].row.bytes;
    const bool first = nothing_yet && count == 0;
    if (items_[at].delta > committed_) break;
    if (bytes > bytes_left && !first) break;
    // A message over its receive count must be the head when it is met.
    if (spec_.pulled && count > 0 && spec_.max_receive_count > 0 &&
        items_[at].row.receive_count >= spec_.max_receive_count) {
      break;
    }
    bytes_left -= std::min(bytes, bytes_left);
    ++count;
  }
  if (count == 0) return false;
  messages_left -= count;
  if (again || (spec_.pulled && limits.lease_each && count > 1)) {
    lease_each(group, lane, count, drafts, limits, now);
  } else {
    lease_part(group, lane, count, drafts.back(), limits, now);
  }
  return true;
}

// How long a pulled message is the receiver's.
base::Millis QueueCore::count_receive(Item& item, const engine::ReceiveLimits& limits) const {
  base::Millis visible = limits.visibility_timeout.count() > 0 ? limits.visibility_timeout : spec_.visibility_timeout;
  ++item.row.receive_count;
  if (limits.hold_beyond > 0 && item.row.receive_count > limits.hold_beyond) visible = std::max(visible, limits.hold);
  return visible;
}

void QueueCore::list_or_put(GroupKey group, Lane& lane, Item& item) {
  if (item.listed) {
    put_row(group, lane, item.sequence, item.row);
  } else {
    list_item(group, lane, item);
  }
}

LeasedItem QueueCore::leased_item(const Lane& lane, const Item& item, bool first) const {
  LeasedItem leased;
  leased.sequence = item.sequence;
  leased.attempts = lane.head == item.sequence ? lane.attempts : 0;
  leased.receive_count = std::max<std::uint32_t>(item.row.receive_count, 1);
  leased.redriven = item.row.redriven;
  leased.replay = lane.replay;
  leased.edited = item.row.edited;
  leased.late = item.row.late;
  leased.order = item.row.order;
  if (first && lane.gap_before.value != 0) leased.gap_before = lane.gap_before;
  return leased;
}

void QueueCore::lease_part(GroupKey group, Lane& lane, std::uint32_t count, LeaseDraft& draft,
                           const engine::ReceiveLimits& limits, Now now) {
  lane.leased = count;
  lane.lease = draft.id;
  in_flight_ += count;
  leases_[draft.id].push_back({group, count});
  if (Family* family = family_of(group, lane)) family->leased = true;
  std::uint32_t at = lane.first;
  base::Millis visible{0};
  const bool rowless = needs_no_row(group, lane);
  for (std::uint32_t i = 0; i < count; ++i, at = items_[at].next) {
    Item& item = items_[at];
    if (spec_.pulled) {
      visible = std::max(visible, count_receive(item, limits));
      if (!rowless) list_or_put(group, lane, item);
    }
    draft.items.push_back(leased_item(lane, item, i == 0));
  }
  if (!spec_.pulled) return;
  lane.until = now.mono + visible;
  lane.until_ms = millis(now.wall + visible);
  draft.deadline = now.wall + visible;
  if (rowless) {
    join_receive(lane, now);
  } else {
    list_leased(group, lane, now);
  }
  schedule(group, lane.until);
}

void QueueCore::list_leased(GroupKey group, Lane& lane, Now now) {
  lane.state = LaneState::leased;
  lane.since_ms = millis(now.wall);
  // What stands behind a leased row must be a row, too, since rows are read first after a restart.
  list_all(group, lane);
  trim(lane);
  touch(group, lane);
}

bool QueueCore::is_over_receive_count(const Lane& lane) const {
  return spec_.pulled && spec_.max_receive_count > 0 && items_[lane.first].row.receive_count >= spec_.max_receive_count;
}

// The head was received too often: it is dead-lettered or parked instead of being given out.
void QueueCore::end_over_receive_count(GroupKey group, Lane& lane, Now now) {
  MessageFate fate;
  fate.fate = spec_.park_on_max_receive ? Fate::park : Fate::skip;
  fate.attempts = items_[lane.first].row.receive_count;
  fate.error_class = "max_receives";
  fate.error_detail = "received as often as max_receive_count allows without being settled";
  settle_lane(group, lane, 1, &fate, 0, now);
}

// ---- settle

bool QueueCore::valid_fates(const std::vector<LeasePart>& parts, const std::vector<MessageFate>& fates) const {
  std::size_t at = 0;
  for (const LeasePart& part : parts) {
    bool ended = false;
    for (std::uint32_t i = 0; i < part.count; ++i, ++at) {
      if (at >= fates.size()) return false;
      if (ended && fates[at].fate != Fate::release) return false;
      ended = !standard() && fates[at].fate != Fate::delivered;
    }
  }
  return at == fates.size();
}

base::Result<void> QueueCore::settle(std::uint64_t lease, const std::vector<MessageFate>& fates, Now now) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return {base::Errc::not_found, "no such lease: it was settled, or it has timed out"};
  if (!valid_fates(found->second, fates)) {
    return {base::Errc::invalid,
            "one fate per message, and in a FIFO queue only release after the first that was not delivered"};
  }
  if (const GroupKey group = found->second.front().group; lanes_.at(group).each) {
    base::Result<void> settled = settle_each(lease, group, fates[0], now);
    base::failpoint::pass("settle");
    return settled;
  }
  for (const LeasePart& part : found->second) {
    if (lanes_.at(part.group).count < part.count) {
      return {base::Errc::unavailable, "the lease was taken before a restart and its rows are being read; try again"};
    }
  }
  const std::vector<LeasePart> parts = std::move(found->second);
  leases_.erase(found);
  const MessageFate* at = fates.data();
  for (const LeasePart& part : parts) {
    Lane& lane = lanes_.at(part.group);
    if (lane.receive.value != 0) {
      if (at->fate == Fate::delivered || at->fate == Fate::drop || at->fate == Fate::skip) {
        leave_receive(lane);
      } else {
        list_received(part.group, lane);
      }
    }
    end_lease(part.group, lane);
    settle_lane(part.group, lane, part.count, at, lease, now);
    at += part.count;
  }
  base::failpoint::pass("settle");
  return {};
}

base::Result<void> QueueCore::extend(std::uint64_t lease, base::Millis visibility_timeout, Now now) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return {base::Errc::not_found, "no such lease: it was settled, or it has timed out"};
  for (const LeasePart& part : found->second) {
    Lane& lane = lanes_.at(part.group);
    if (lane.each) {
      extend_each(lease, part.group, visibility_timeout, now);
      continue;
    }
    list_received(part.group, lane);
    lane.since_ms = millis(now.wall);
    lane.until = now.mono + visibility_timeout;
    lane.until_ms = millis(now.wall + visibility_timeout);
    touch(part.group, lane);
    schedule(part.group, lane.until);
  }
  // Former deadlines stay until they are due: leases that are extended over and over must not fill memory with them.
  if (timers_.size() > 4 * lanes_.size() + 1024) {
    timers_ = {};
    for (const auto& [group, lane] : lanes_) {
      if (lane.state == LaneState::leased || lane.state == LaneState::backing_off) schedule(group, lane.until);
    }
  }
  return {};
}

void QueueCore::end_lease(GroupKey group, Lane& lane) {
  in_flight_ -= in_flight_of(lane);
  lane.each.reset();
  lane.leased = 0;
  lane.lease = 0;
  if (lane.state == LaneState::leased) {
    lane.state = LaneState::ready;
    touch(group, lane);
  }
  Family* family = family_of(group, lane);
  if (family == nullptr) return;
  // The others of the group come first now, in turn.
  family->leased = false;
  for (const GroupKey other : family->replays) {
    if (other != group) make_ready(other, lanes_.at(other));
  }
  if (lane.replay.value == 0) return;
  if (const auto live = lanes_.find(lane.live); live != lanes_.end()) make_ready(lane.live, live->second);
}

// Of the lane's first items, in order of their fates.
void QueueCore::uncount_receives(GroupKey group, Lane& lane, std::uint32_t count, const MessageFate* fates) {
  std::uint32_t at = lane.first;
  for (std::uint32_t i = 0; i < count && at != kNone; ++i, at = items_[at].next) {
    Item& item = items_[at];
    if (!fates[i].uncounted || !spec_.pulled || item.row.receive_count == 0) continue;
    --item.row.receive_count;
    if (item.listed) put_row(group, lane, item.sequence, item.row);
  }
}

void QueueCore::settle_lane(GroupKey group, Lane& lane, std::uint32_t count, const MessageFate* fates,
                            std::uint64_t lease, Now now) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const MessageFate& fate = fates[i];
    if (fate.fate == Fate::release) {
      uncount_receives(group, lane, count - i, fates + i);
      break;
    }
    if (fate.fate != Fate::delivered && lane.replay.value == 0) journal_failure(lane, fate, now);
    if (fate.fate == Fate::retry) {
      back_off(group, lane, fate, now);
      return;
    }
    if (lane.replay.value != 0) {
      settle_replayed(group, lane, fate);
      continue;
    }
    if (fate.fate == Fate::park) {
      park(group, lane, fate, now);
      return;
    }
    end_head(group, lane, fate, lease, now);
  }
  sort(group, lane);
  make_ready(group, lane);
  forget_if_empty(group, lane);
}

void QueueCore::end_head(GroupKey group, Lane& lane, const MessageFate& fate, std::uint64_t lease, Now now) {
  const base::OperationId by = items_[lane.first].row.operation;
  const Sequence sequence = items_[lane.first].sequence;
  if (fate.fate == Fate::skip) {
    dead_letter(group, lane, fate, now);
    count_end(by, sequence, End::failed, fate.error_class);
  } else {
    lane.gap_before = {};
    forget_edit(sequence, items_[lane.first].row.edited);
    if (fate.fate == Fate::delivered) {
      ++totals_.delivered;
      // Nobody asks that of a standard queue, whose clients are told that a late delete has succeeded.
      journal_.delivered(sequence, spec_.pulled && !standard() ? lease : 0, millis(now.wall));
      window_.delivered(base::Millis(millis(now.wall) - items_[lane.first].row.accepted_ms), now.mono);
    }
    if (fate.fate == Fate::drop) put_outcome(sequence, Outcome::dropped);
    // Dropped when its attempts ran out: it has failed, too.
    count_end(by, sequence, fate.fate == Fate::delivered ? End::delivered : End::failed, fate.error_class);
  }
  finish_head(group, lane);
  if (fate.fate != Fate::delivered && !standard()) {
    lane.gap_before = sequence;
    hold(group, lane);
  }
}

void QueueCore::finish_head(GroupKey group, Lane& lane) {
  const Item item = items_[lane.first];
  pop_front(lane);
  ++totals_.settled;
  if (item.listed) {
    --lane.listed;
    --lane.rows;
    --totals_.rows;
    remove_row(group, item.position());
    touch(group, lane);
  } else {
    no_longer_outstanding(item.sequence);
  }
  if (lane.head == item.sequence) clear_failure(lane);
}

void QueueCore::clear_failure(Lane& lane) {
  lane.head = {};
  lane.attempts = 0;
  lane.failures = 0;
  lane.failure.reset();
}

void QueueCore::journal_failure(Lane& lane, const MessageFate& fate, Now now) {
  const Sequence sequence = items_[lane.first].sequence;
  if (lane.head != sequence) lane.failures = 0;
  journal_.failed(sequence,
                  {millis(now.wall), lane.failures++, fate.fate, fate.attempts, fate.error_class,
                   fate.error_detail.substr(0, kErrorDetailMax)},
                  delta_);
}

void QueueCore::set_failure(Lane& lane, const MessageFate& fate, Sequence head, Now now) {
  lane.head = head;
  lane.attempts = fate.attempts;
  lane.since_ms = millis(now.wall);
  lane.failure = std::make_unique<Failure>(Failure{fate.error_class, fate.error_detail.substr(0, kErrorDetailMax)});
}

void QueueCore::back_off(GroupKey group, Lane& lane, const MessageFate& fate, Now now) {
  set_failure(lane, fate, items_[lane.first].sequence, now);
  list_all(group, lane);
  sort(group, lane);
  trim(lane);
  lane.state = LaneState::backing_off;
  lane.until = now.mono + fate.delay;
  lane.until_ms = millis(now.wall + fate.delay);
  ++backing_off_;
  touch(group, lane);
  schedule(group, lane.until);
}

void QueueCore::park(GroupKey group, Lane& lane, const MessageFate& fate, Now now) {
  const Sequence head = items_[lane.first].sequence;
  set_failure(lane, fate, head, now);
  Item& item = items_[lane.first];
  const DeadLetterEntry entry{
      true, group, item.row, fate.attempts, lane.since_ms, fate.error_class, lane.failure->error_detail};
  if (item.row.operation.value != 0) {
    // The entry remembers who redrove it; the row's next end is not that operation's any more.
    count_end(item.row.operation, head, End::failed, fate.error_class);
    item.row.operation = {};
    if (item.listed) put_row(group, lane, head, item.row);
  }
  list_all(group, lane);
  sort(group, lane);
  trim(lane);
  lane.state = LaneState::parked;
  ++totals_.parked;
  delta_.put(kQueue, by_sequence_key(id_, 'D', head), encode_dead_letter(entry));
  touch(group, lane);
}

void QueueCore::dead_letter(GroupKey group, Lane& lane, const MessageFate& fate, Now now) {
  const Item& item = items_[lane.first];
  DeadLetterEntry entry{false,
                        group,
                        item.row,
                        fate.attempts,
                        millis(now.wall),
                        fate.error_class,
                        fate.error_detail.substr(0, kErrorDetailMax)};
  delta_.put(kQueue, by_sequence_key(id_, 'D', item.sequence), encode_dead_letter(entry));
  ++totals_.dead_letters;
  dirty_ = true;
}

void QueueCore::put_outcome(Sequence sequence, Outcome outcome) {
  told_ = std::max(told_, sequence);
  const char value = static_cast<char>(outcome);
  delta_.put(kQueue, by_sequence_key(id_, 'O', sequence), {&value, 1});
  dirty_ = true;
}

// ---- time

void QueueCore::schedule(GroupKey group, base::MonoTime at) {
  timers_.push({at, group});
}

std::optional<base::MonoTime> QueueCore::next_deadline() {
  std::optional<base::MonoTime> next;
  if (ordered_) next = event_window_.next_due(spec_.event_time_window);
  if (!timers_.empty()) next = std::min(next.value_or(timers_.top().at), timers_.top().at);
  return next;
}

void QueueCore::tick(Now now) {
  leave_due(now);
  while (!timers_.empty() && timers_.top().at <= now.mono) {
    const GroupKey group = timers_.top().group;
    timers_.pop();
    const auto found = lanes_.find(group);
    if (found == lanes_.end()) continue;
    Lane& lane = found->second;
    if (lane.until > now.mono) continue;
    if (lane.state == LaneState::backing_off) {
      --backing_off_;
      lane.state = LaneState::ready;
      touch(group, lane);
      make_ready(group, lane);
    } else if (lane.each) {
      time_out_each(group, lane, now);
    } else if (lane.state == LaneState::leased) {
      const auto lease = leases_.find(lane.lease);
      if (lease != leases_.end()) {
        std::erase_if(lease->second, [&](const LeasePart& part) { return part.group == group; });
        if (lease->second.empty()) leases_.erase(lease);
      }
      list_received(group, lane);
      end_lease(group, lane);
      sort(group, lane);
      make_ready(group, lane);
    }
  }
}

// ---- dead letters and expiry

bool QueueCore::redrive(Sequence sequence, const DeadLetterEntry& entry, base::OperationId by) {
  Lane& lane = lanes_[entry.group];
  Row row = entry.row;
  row.redriven = true;
  row.receive_count = 0;
  row.operation = by;
  if (entry.parked) {
    if (lane.state != LaneState::parked || lane.head != sequence) return forget_if_empty(entry.group, lane), false;
    lane.state = LaneState::ready;
    lane.attempts = 0;
    --totals_.parked;
    // Its row is on disk since it was parked; the item is in memory only until a restart.
    put_row(entry.group, lane, sequence, row);
    if (lane.loading) lane.load_is_stale = true;
    for (std::uint32_t at = lane.first; at != kNone; at = items_[at].next) {
      if (items_[at].sequence == sequence) items_[at].row = row;
    }
    if (lane.count > 1 && lane.leased == 0 && base::failpoint::on("flaw.redrive_overtakes")) {
      Item& first = items_[lane.first];
      Item& second = items_[first.next];
      std::swap(first.sequence, second.sequence);
      std::swap(first.row, second.row);
    }
  } else {
    ++lane.rows;
    ++totals_.rows;
    --totals_.dead_letters;
    --totals_.settled;
    put_row(entry.group, lane, sequence, row);
    // Where all that stands before it is in memory it must be, too; where nothing is, it is read with the others.
    const bool within = position_of(sequence, row.order) <= lane.loaded && !lane.passed;
    if (within || (lane.rows == 1 && lane.state == LaneState::ready)) {
      insert_sorted(lane, new_item(sequence, row, true));
    } else if (lane.loading) {
      lane.load_is_stale = true;
    }
    if (lane.gap_before == sequence) lane.gap_before = {};
  }
  delta_.remove(kQueue, by_sequence_key(id_, 'D', sequence));
  if (StoredOperation* stored = touch_operation(by)) ++stored->tally.given;
  hold(entry.group, lane);
  make_ready(entry.group, lane);
  return true;
}

bool QueueCore::purge(Sequence sequence, const DeadLetterEntry& entry) {
  if (!entry.parked) {
    --totals_.dead_letters;
    forget_edit(sequence, entry.row.edited);
    delta_.remove(kQueue, by_sequence_key(id_, 'D', sequence));
    put_outcome(sequence, Outcome::purged);
    return true;
  }
  const auto found = lanes_.find(entry.group);
  if (found == lanes_.end() || found->second.state != LaneState::parked || found->second.head != sequence) return false;
  if (!expire_row(sequence, {entry.group, entry.row.accepted_ms, {}, entry.row.edited, entry.row.order})) return false;
  --totals_.expired;
  put_outcome(sequence, Outcome::purged);
  return true;
}

std::size_t QueueCore::expire_outstanding(std::int64_t before_ms, std::size_t limit) {
  std::vector<Outstanding> due;
  for (const Outstanding& entry : outstanding_) {
    if (due.size() >= limit || entry.accepted_ms >= before_ms) break;
    if (entry.live) due.push_back(entry);
  }
  std::size_t expired = 0;
  std::map<Sequence, std::uint64_t> orders;
  for (const Outstanding& entry : due) {
    RowPlace place{entry.group, entry.accepted_ms};
    if (ordered_) {
      expire_in_window(entry.group, entry.sequence, orders);
      place.order = orders[entry.sequence];
    }
    if (expire_row(entry.sequence, place)) ++expired;
  }
  return expired;
}

// So that there is one way to end an item. `before` is the one that it stands behind; kNone: it is the first.
void QueueCore::bring_to_front(Lane& lane, std::uint32_t before, std::uint32_t item) {
  if (before == kNone) return;
  items_[before].next = items_[item].next;
  if (lane.last == item) lane.last = before;
  items_[item].next = lane.first;
  lane.first = item;
}

bool QueueCore::expire_row(Sequence sequence, const RowPlace& place_on_disk) {
  const GroupKey group = place_on_disk.group;
  const auto found = lanes_.find(group);
  if (found == lanes_.end()) return false;
  Lane& lane = found->second;
  std::uint32_t before = kNone;
  std::uint32_t at = lane.first;
  std::uint32_t place = 0;
  for (; at != kNone && items_[at].sequence != sequence; ++place) {
    before = at;
    at = items_[at].next;
  }
  // Being read: it is met again. Or it has ended, and is not gone from the disk yet: what stands here is in memory.
  if (at == kNone && (lane.rows_beyond() == 0 || lane.loading)) return false;
  if (at == kNone && position_of(sequence, place_on_disk.order) <= lane.loaded) return false;
  if ((at != kNone && place < lane.leased) || (at == kNone && lane.leased > lane.count)) return false;
  const bool was_head = lane.state != LaneState::ready && lane.head == sequence;
  forget_edit(sequence, at == kNone ? place_on_disk.edited : items_[at].row.edited);
  count_end(at == kNone ? place_on_disk.operation : items_[at].row.operation, sequence, End::ended);
  if (at == kNone) {
    ++totals_.settled;
    --lane.rows;
    --totals_.rows;
    remove_row(group, position_of(sequence, place_on_disk.order));
    lane.row_delta = delta_id_;  // else the lane, ready now, could read the row before it is gone from the disk
    expiry_delta_ = delta_id_;
  } else {
    bring_to_front(lane, before, at);
    finish_head(group, lane);
  }
  ++totals_.expired;
  put_outcome(sequence, Outcome::expired);
  if (was_head) {
    if (lane.state == LaneState::parked) {
      --totals_.parked;
      delta_.remove(kQueue, by_sequence_key(id_, 'D', sequence));
    }
    if (lane.state == LaneState::backing_off) --backing_off_;
    lane.state = LaneState::ready;
    clear_failure(lane);
  }
  if (!standard()) lane.gap_before = sequence;
  hold(group, lane);
  make_ready(group, lane);
  forget_if_empty(group, lane);
  return true;
}

}  // namespace trunkline::queue
