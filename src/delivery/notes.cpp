#include "delivery/notes.hpp"

#include <algorithm>

namespace trunkline::delivery {

bool Notes::stale(const Place& place) const {
  const auto found = notes_.find(place.sequence);
  return found == notes_.end() || found->second.stamp != place.stamp;
}

Note& Notes::make(base::Sequence sequence) {
  if (Note* known = find(sequence)) return *known;
  while (notes_.size() >= max_) {
    if (!stale(order_.front())) notes_.erase(order_.front().sequence);
    order_.pop_front();
  }
  constexpr std::size_t kSlack = 1'024;
  if (order_.size() > 2 * notes_.size() + kSlack) drop_stale_places();
  Entry& entry = notes_[sequence];
  entry.stamp = next_stamp_++;
  order_.push_back({sequence, entry.stamp});
  return entry.note;
}

void Notes::drop_stale_places() {
  std::erase_if(order_, [this](const Place& place) { return stale(place); });
}

}  // namespace trunkline::delivery
