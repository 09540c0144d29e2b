#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>
#include <utility>

#include "base/strong.hpp"

namespace trunkline::queue {

// The lanes of a queue that may give something out. Those of one tenant come in
// the order in which they became ready; tenants take turns, a lane each, so
// that one with thousands of lanes holds up nobody else. A lane without a
// tenant (0) is one of its own. Bounded by the queue's lanes.
class ReadyLanes {
 public:
  bool empty() const { return turns_.empty(); }

  void push_back(base::GroupKey lane, base::GroupKey tenant) {
    if (tenant.value == 0) return turns_.push_back({lane, tenant});
    auto& lanes = lanes_[tenant];
    if (lanes.empty()) turns_.push_back({{}, tenant});
    lanes.push_back(lane);
  }
  // What pop() has given last, once more before all others.
  void push_front(base::GroupKey lane, base::GroupKey tenant) {
    if (tenant.value == 0) return turns_.push_front({lane, tenant});
    auto& lanes = lanes_[tenant];
    if (!lanes.empty()) turns_.pop_back();  // its next turn
    lanes.push_front(lane);
    turns_.push_front({{}, tenant});
  }
  base::GroupKey pop() {
    const Turn turn = turns_.front();
    turns_.pop_front();
    if (turn.tenant.value == 0) return turn.lane;
    const auto found = lanes_.find(turn.tenant);
    const base::GroupKey lane = found->second.front();
    found->second.pop_front();
    if (found->second.empty()) {
      lanes_.erase(found);
    } else {
      turns_.push_back(turn);
    }
    return lane;
  }

  // The next `most` lanes in the order in which pop() would give them, but for the second turns of tenants. `use` says
  // whether to go on.
  template <class Use>
  void peek(std::size_t most, Use use) const {
    for (std::size_t i = 0; i < turns_.size() && i < most; ++i) {
      const Turn& turn = turns_[i];
      if (!use(turn.tenant.value == 0 ? turn.lane : lanes_.at(turn.tenant).front())) return;
    }
  }

 private:
  struct Turn {
    base::GroupKey lane;  // where it has no tenant
    base::GroupKey tenant;
  };
  std::deque<Turn> turns_;  // a tenant stands here once, while it has lanes
  std::unordered_map<base::GroupKey, std::deque<base::GroupKey>> lanes_;  // by tenant; never empty
};

}  // namespace trunkline::queue
