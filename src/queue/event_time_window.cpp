#include "queue/event_time_window.hpp"

#include <algorithm>

namespace trunkline::queue {

using base::GroupKey;
using base::Millis;
using base::Sequence;

// ---- the window

void EventTimeWindow::pass(const Scanned& event, Now now) {
  if (at_end_) {
    clock_ += now.mono - reference_;
    reference_ = now.mono;
  } else if (last_ms_) {
    clock_ += Millis(std::max<std::int64_t>(0, event.accepted_ms - *last_ms_));
  }
  last_ms_ = event.accepted_ms;
}

void EventTimeWindow::enter(const Scanned& event) {
  const Entry entry{event.event_ms, event.sequence, event.accepted_ms, event.bytes};
  lanes_[event.group].insert(entry);
  arrivals_.push_back({event.group, entry, clock_});
  ++size_;
}

void EventTimeWindow::stands_at_end(bool at_end, Now now) {
  if (at_end == std::exchange(at_end_, at_end) || !at_end) return;
  const std::int64_t wall = millis(now.wall);
  if (last_ms_) clock_ += Millis(std::max<std::int64_t>(0, wall - *last_ms_));
  last_ms_ = wall;
  reference_ = now.mono;
}

bool EventTimeWindow::front_is_here() {
  for (; !arrivals_.empty(); arrivals_.pop_front()) {
    const auto lane = lanes_.find(arrivals_.front().group);
    if (lane != lanes_.end() && lane->second.contains(arrivals_.front().entry)) return true;
  }
  return false;
}

std::vector<Scanned> EventTimeWindow::take(GroupKey group, const Entry& last) {
  std::vector<Scanned> taken;
  const auto lane = lanes_.find(group);
  const auto end = lane->second.upper_bound(last);
  for (auto at = lane->second.begin(); at != end; ++at)
    taken.push_back({at->sequence, group, at->accepted_ms, at->bytes, at->event_ms});
  lane->second.erase(lane->second.begin(), end);
  if (lane->second.empty()) lanes_.erase(lane);
  size_ -= taken.size();
  return taken;
}

std::vector<Scanned> EventTimeWindow::take_due(Millis length, Now now) {
  if (!front_is_here()) return {};
  const Arrival& first = arrivals_.front();
  if (first.at + length > clock(now)) return {};
  return take(first.group, first.entry);
}

std::vector<Scanned> EventTimeWindow::take_earliest() {
  if (!front_is_here()) return {};
  return take(arrivals_.front().group, arrivals_.front().entry);
}

std::vector<Scanned> EventTimeWindow::take_until(GroupKey group, Sequence sequence) {
  const auto lane = lanes_.find(group);
  if (lane == lanes_.end()) return {};
  const auto found = std::ranges::find(lane->second, sequence, &Entry::sequence);
  if (found == lane->second.end()) return {};
  return take(group, Entry(*found));
}

std::optional<base::MonoTime> EventTimeWindow::next_due(Millis length) {
  if (!at_end_ || !front_is_here()) return std::nullopt;
  return reference_ + (arrivals_.front().at + length - clock_);
}

std::optional<EventTimeWindow::Place> EventTimeWindow::place(GroupKey group, Sequence sequence) const {
  const auto lane = lanes_.find(group);
  if (lane == lanes_.end()) return std::nullopt;
  Place place;
  for (const Entry& entry : lane->second) {
    if (entry.sequence == sequence) {
      place.accepted_ms = entry.accepted_ms;
      return place;
    }
    ++place.before;
  }
  return std::nullopt;
}

// ---- what has left it

bool LeftWindows::is_late(const Scanned& event) const {
  const auto found = lanes_.find(event.group);
  return found != lanes_.end() && LeftWindow{event.event_ms, event.sequence} < found->second.left;
}

LeftWindows::Noted LeftWindows::note(const Scanned& event) {
  const auto [found, is_new] = lanes_.try_emplace(event.group);
  Mark& mark = found->second;
  const LeftWindow left{event.event_ms, event.sequence};
  mark.left = is_new ? left : std::max(mark.left, left);
  mark.fresh = !is_new;
  Noted noted{mark.left, std::nullopt};
  if (!is_new) return noted;
  order_.push_back(event.group);
  // At most once around: each turn takes a lane's freshness away.
  while (lanes_.size() > lanes_max_) {
    const GroupKey oldest = order_.front();
    order_.pop_front();
    const auto known = lanes_.find(oldest);
    if (std::exchange(known->second.fresh, false)) {
      order_.push_back(oldest);
      continue;
    }
    lanes_.erase(known);
    noted.forgotten = oldest;
  }
  return noted;
}

bool LeftWindows::restore(GroupKey group, const LeftWindow& left) {
  if (lanes_.size() >= lanes_max_ || !lanes_.try_emplace(group, Mark{left, false}).second) return false;
  order_.push_back(group);
  return true;
}

std::vector<GroupKey> LeftWindows::clear() {
  std::vector<GroupKey> known(order_.begin(), order_.end());
  order_.clear();
  lanes_.clear();
  return known;
}

}  // namespace trunkline::queue
