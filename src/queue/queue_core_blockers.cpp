#include <algorithm>

#include "queue/queue_core.hpp"

namespace trunkline::queue {

bool QueueCore::sweep_blockers(std::size_t buckets_max) {
  // Lanes may have moved to other buckets; a sweep that begins anew each time would never end, so the rest is taken as
  // it comes: a lane may be missed or met twice for once.
  if (sweep_at_ >= lanes_.bucket_count()) sweep_at_ = 0;
  if (sweep_at_ == 0) sweep_.clear();
  const auto fewer = [](const engine::Blocker& a, const engine::Blocker& b) {
    return a.behind != b.behind ? a.behind > b.behind : a.head < b.head;
  };
  const std::size_t end = std::min(lanes_.bucket_count(), sweep_at_ + buckets_max);
  for (; sweep_at_ < end; ++sweep_at_) {
    for (auto at = lanes_.begin(sweep_at_); at != lanes_.end(sweep_at_); ++at) {
      const Lane& lane = at->second;
      const bool blocked = lane.state == LaneState::backing_off || lane.state == LaneState::parked;
      if (!blocked || lane.replay.value != 0) continue;
      engine::Blocker blocker;
      blocker.head = lane.head;
      blocker.behind = lane.rows > 0 ? lane.rows - 1 : 0;
      const bool full = sweep_.size() == engine::kBlockersMax;
      if (full && !fewer(blocker, sweep_.back())) continue;
      if (std::ranges::find(sweep_, at->first, &engine::Blocker::group) != sweep_.end()) continue;
      blocker.group = at->first;
      blocker.parked = lane.state == LaneState::parked;
      blocker.attempts = lane.attempts;
      if (lane.failure) blocker.error_class = lane.failure->error_class;
      blocker.since = base::WallTime(base::Millis(lane.since_ms));
      if (!blocker.parked) blocker.next = base::WallTime(base::Millis(lane.until_ms));
      if (full) sweep_.pop_back();
      sweep_.insert(std::upper_bound(sweep_.begin(), sweep_.end(), blocker, fewer), std::move(blocker));
    }
  }
  if (sweep_at_ < lanes_.bucket_count()) return false;
  blockers_ = sweep_;
  return true;
}

}  // namespace trunkline::queue
