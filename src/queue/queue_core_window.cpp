// The event-time window of a queue: what enters it, and how leaving it fixes an event's place for good.
#include <algorithm>

#include "base/failpoint.hpp"
#include "queue/keys.hpp"
#include "queue/queue_core.hpp"

namespace trunkline::queue {
namespace {

using base::GroupKey;
using base::Sequence;

constexpr store::FamilyHandle kQueue = handle(Table::queue);

}  // namespace

void QueueCore::restore_left(GroupKey group, const LeftWindow& left) {
  if (left_.restore(group, left)) return;
  delta_.remove(kQueue, left_key(id_, group));
  dirty_ = true;
}

// What is in memory keeps the order of its sequence, which may have been sent: as rows, so that from now on all that is
// outstanding is in the window. Orders go on from the last sequence and so never meet one.
void QueueCore::begin_window() {
  for (auto& [group, lane] : lanes_) list_all(group, lane);
  ordered_ = scanned_.value;
  dirty_ = true;
}

void QueueCore::end_window() {
  while (event_window_.size() > 0) leave(event_window_.take_earliest(), false);
  for (const GroupKey group : left_.clear()) delta_.remove(kQueue, left_key(id_, group));
  ordered_.reset();
  no_window_delta_ = delta_id_;
  dirty_ = true;
}

void QueueCore::stands_at_end(bool at_end, Now now) {
  event_window_.stands_at_end(at_end, now);
  leave_due(now);
}

void QueueCore::enter_window(const Scanned& event, Now now) {
  outstanding_.push_back({event.sequence, event.group, event.accepted_ms, true});
  ++live_;
  event_window_.pass(event, now);
  if (left_.is_late(event)) {
    // All that is in the window is later than what has left it, and so than this one: it need not wait.
    ++late_;
    leave({event}, true);
  } else {
    event_window_.enter(event);
  }
  leave_due(now);
  // A quarter is kept for what has left and is not sent yet: a consumer that is slow stops the scan, as everywhere; a
  // full window never does.
  const std::size_t most = options_.window - std::max<std::size_t>(1, options_.window / 4);
  while (event_window_.size() > most) {
    const std::vector<Scanned> earliest = event_window_.take_earliest();
    left_early_ += earliest.size();
    leave(earliest, false);
  }
}

void QueueCore::leave_due(Now now) {
  if (!ordered_) return;
  for (;;) {
    const std::vector<Scanned> due = event_window_.take_due(spec_.event_time_window, now);
    if (due.empty()) return;
    leave(due, false);
  }
}

void QueueCore::leave(const std::vector<Scanned>& events, bool late) {
  for (const Scanned& event : events) leave_one(event, late);
  note_left(events.back());
}

void QueueCore::leave_one(const Scanned& event, bool late) {
  Row row{event.accepted_ms, event.bytes};
  row.order = ++*ordered_;
  row.late = late && !base::failpoint::on("flaw.late_unmarked");
  no_longer_outstanding(event.sequence);
  Lane& lane = lanes_[event.group];
  const bool behind = goes_behind(lane);
  ++lane.rows;
  ++totals_.rows;
  put_row(event.group, lane, event.sequence, row);
  if (behind) return make_ready(event.group, lane);
  const std::uint32_t index = new_item(event.sequence, row, true);
  items_[index].delta = delta_id_;
  items_[index].unsent = true;
  ++unsent_;
  push_back(lane, index);
  wake_later(event.group, lane);
}

void QueueCore::note_left(const Scanned& event) {
  const LeftWindows::Noted noted = left_.note(event);
  delta_.put(kQueue, left_key(id_, event.group), encode_left(noted.left));
  if (noted.forgotten) delta_.remove(kQueue, left_key(id_, *noted.forgotten));
}

// To expire an event it leaves the window, with those that go before it.
void QueueCore::expire_in_window(GroupKey group, Sequence sequence, std::map<Sequence, std::uint64_t>& orders) {
  if (orders.contains(sequence)) return;
  const std::vector<Scanned> events = event_window_.take_until(group, sequence);
  if (events.empty()) return;
  const std::uint64_t before = *ordered_;
  leave(events, false);
  for (std::size_t i = 0; i < events.size(); ++i) orders[events[i].sequence] = before + i + 1;
}

}  // namespace trunkline::queue
