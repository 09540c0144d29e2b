// Several messages of one lane that were received together and have a lease each, as SQS gives them of a message group.
// They are the lane's first ones. One of them that is visible again goes out once more while later ones are in flight,
// never while an earlier one is; what stands behind them goes out when none of them is in flight.
#include <algorithm>

#include "base/check.hpp"
#include "queue/queue_core.hpp"

namespace trunkline::queue {

using base::GroupKey;
using engine::Fate;
using engine::MessageFate;

std::uint32_t QueueCore::in_flight_of(const Lane& lane) {
  if (!lane.each) return lane.leased;
  return static_cast<std::uint32_t>(
      std::ranges::count_if(*lane.each, [](const Each& each) { return each.lease != 0; }));
}

// How many may go out again.
std::uint32_t QueueCore::visible_ahead(const Lane& lane) {
  const auto first = std::ranges::find_if(*lane.each, [](const Each& each) { return each.lease != 0; });
  return static_cast<std::uint32_t>(first - lane.each->begin());
}

void QueueCore::lease_each(GroupKey group, Lane& lane, std::uint32_t count, std::vector<LeaseDraft>& drafts,
                           const engine::ReceiveLimits& limits, Now now) {
  if (!lane.each) {
    lane.each = std::make_unique<std::vector<Each>>(count);
    lane.leased = count;
    if (Family* family = family_of(group, lane)) family->leased = true;
  }
  in_flight_ += count;
  std::uint32_t at = lane.first;
  for (std::uint32_t i = 0; i < count; ++i, at = items_[at].next) {
    Item& item = items_[at];
    if (i > 0) drafts.push_back(new_draft(group, lane));
    LeaseDraft& draft = drafts.back();
    const base::Millis visible = count_receive(item, limits);
    list_or_put(group, lane, item);
    draft.deadline = now.wall + visible;
    draft.items.push_back(leased_item(lane, item, i == 0));
    (*lane.each)[i] = {draft.id, item.sequence, now.mono + visible, millis(now.wall + visible)};
    leases_[draft.id].push_back({group, 1});
  }
  list_leased(group, lane, now);
  changed_each(group, lane);
}

base::Result<void> QueueCore::settle_each(std::uint64_t lease, GroupKey group, const MessageFate& fate, Now now) {
  Lane& lane = lanes_.at(group);
  if (lane.count < lane.leased)
    return {base::Errc::unavailable, "the lease was taken before a restart and its rows are being read; try again"};
  const auto each = std::ranges::find(*lane.each, lease, &Each::lease);
  TRUNKLINE_CHECK(each != lane.each->end(), "a lease of a lane that does not know it");
  const auto place = static_cast<std::uint32_t>(each - lane.each->begin());
  const bool alone = in_flight_of(lane) == 1;
  if (alone && place == 0) {
    leases_.erase(lease);
    end_lease(group, lane);
    settle_lane(group, lane, 1, &fate, lease, now);
    return {};
  }
  if (fate.fate != Fate::delivered && fate.fate != Fate::drop && fate.fate != Fate::release)
    return {base::Errc::invalid,
            "others of its message group are in flight: it can only be delivered, dropped or released"};
  leases_.erase(lease);
  --in_flight_;
  std::uint32_t before = kNone;
  std::uint32_t at = lane.first;
  for (std::uint32_t i = 0; i < place; ++i) at = items_[before = at].next;
  if (fate.fate == Fate::release) {
    each->lease = 0;
    if (fate.uncounted && items_[at].row.receive_count > 0) {
      --items_[at].row.receive_count;
      if (items_[at].listed) put_row(group, lane, items_[at].sequence, items_[at].row);
    }
  } else {
    lane.each->erase(each);
    --lane.leased;
    // What is said of the lane's head holds when another one ends.
    const base::Sequence gap = lane.gap_before;
    const std::uint32_t failures = lane.failures;
    bring_to_front(lane, before, at);
    if (fate.fate == Fate::drop && lane.replay.value == 0) journal_failure(lane, fate, now);
    if (lane.replay.value != 0) {
      settle_replayed(group, lane, fate);
    } else {
      end_head(group, lane, fate, lease, now);
    }
    if (before != kNone) {
      lane.gap_before = gap;
      lane.failures = failures;
    }
  }
  changed_each(group, lane);
  return {};
}

void QueueCore::extend_each(std::uint64_t lease, GroupKey group, base::Millis visibility_timeout, Now now) {
  Lane& lane = lanes_.at(group);
  const auto each = std::ranges::find(*lane.each, lease, &Each::lease);
  TRUNKLINE_CHECK(each != lane.each->end(), "a lease of a lane that does not know it");
  lane.since_ms = millis(now.wall);
  each->until = now.mono + visibility_timeout;
  each->until_ms = millis(now.wall + visibility_timeout);
  changed_each(group, lane);
}

void QueueCore::time_out_each(GroupKey group, Lane& lane, Now now) {
  for (Each& each : *lane.each) {
    if (each.lease == 0 || each.until > now.mono) continue;
    leases_.erase(each.lease);
    each.lease = 0;
    --in_flight_;
  }
  changed_each(group, lane);
}

void QueueCore::set_first_deadline(Lane& lane) {
  lane.until = base::MonoTime::max();
  for (const Each& each : *lane.each) {
    if (each.lease == 0 || each.until >= lane.until) continue;
    lane.until = each.until;
    lane.until_ms = each.until_ms;
  }
}

// Some of them have another lease, or none any more.
void QueueCore::changed_each(GroupKey group, Lane& lane) {
  touch(group, lane);
  if (in_flight_of(lane) > 0) {
    set_first_deadline(lane);
    schedule(group, lane.until);
    return make_ready(group, lane);
  }
  end_lease(group, lane);
  sort(group, lane);
  make_ready(group, lane);
  forget_if_empty(group, lane);
}

}  // namespace trunkline::queue
