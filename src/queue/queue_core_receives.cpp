// What a receive of a standard queue writes: one entry for all its messages, which are mostly deleted soon. A message gets a row
// and a lane on disk when more is said of it: it comes back, it is extended, or memory is full.
#include <algorithm>

#include "base/check.hpp"
#include "queue/keys.hpp"
#include "queue/queue_core.hpp"

namespace trunkline::queue {
namespace {

using base::GroupKey;

constexpr store::FamilyHandle kQueue = handle(Table::queue);
// Of one entry, which is written again whenever one of its messages ends. SQS gives out ten at most.
constexpr std::size_t kReceiveMax = 16;

}  // namespace

// Its message, about to be leased, is given out for the first time.
bool QueueCore::needs_no_row(GroupKey group, const Lane& lane) const {
  return spec_.pulled && standard() && lane.replay.value == 0 && !lane.each && lane.count == 1 && lane.rows == 0 &&
         lane.leased <= 1 && lane.gap_before.value == 0 && !families_.contains(group);
}

QueueCore::Receive& QueueCore::touch_receive(base::Sequence first) {
  Receive& receive = receives_[first];
  dirty_ = true;
  if (!std::exchange(receive.touched, true)) touched_receives_.push_back(first);
  return receive;
}

void QueueCore::join_receive(Lane& lane, Now now) {
  const base::Sequence sequence = items_[lane.first].sequence;
  lane.state = LaneState::leased;
  lane.since_ms = millis(now.wall);
  if (!filling_ || receives_.at(*filling_).stored.messages.size() >= kReceiveMax) filling_ = sequence;
  lane.receive = *filling_;
  Receive& receive = touch_receive(lane.receive);
  receive.stored.since_ms = lane.since_ms;
  receive.stored.messages.push_back({lane.lease, sequence, lane.until_ms});
  told_ = std::max(told_, sequence);
}

void QueueCore::leave_receive(Lane& lane) {
  TRUNKLINE_CHECK(receives_.contains(lane.receive), "a message of a receive that is not known");
  Receive& receive = touch_receive(std::exchange(lane.receive, {}));
  std::erase_if(receive.stored.messages,
                [sequence = items_[lane.first].sequence](const LeasedEach& each) { return each.sequence == sequence; });
}

void QueueCore::list_received(GroupKey group, Lane& lane) {
  if (lane.receive.value == 0) return;
  leave_receive(lane);
  list_all(group, lane);
  touch(group, lane);
}

void QueueCore::write_receives() {
  for (const base::Sequence first : touched_receives_) {
    const auto found = receives_.find(first);
    Receive& receive = found->second;
    const std::string key = by_sequence_key(id_, 'V', first);
    receive.touched = false;
    if (!receive.stored.messages.empty()) {
      delta_.put(kQueue, key, encode_receive(receive.stored));
      receive.on_disk = true;
      continue;
    }
    if (receive.on_disk) delta_.remove(kQueue, key);
    receives_.erase(found);
  }
  touched_receives_.clear();
}

}  // namespace trunkline::queue
