#include "demo/live_ledger.hpp"

#include <algorithm>

#include "base/hash.hpp"

namespace trunkline::demo {

bool LiveLedger::is_routed(std::string_view topic) const {
  if (rules_.categories.empty()) return true;
  return std::ranges::find(rules_.categories, sim::category_of(topic)) != rules_.categories.end();
}

bool LiveLedger::promises(const sim::AcceptedLine& line) const {
  return (line.verdict == "accepted" || line.verdict == "conflict") && is_routed(line.topic);
}

std::uint64_t LiveLedger::lane_of(const sim::AcceptedLine& line) const {
  std::string_view id;
  if (rules_.order == sim::LaneKind::conversation) id = line.conversation;
  if (rules_.order == sim::LaneKind::agent) id = line.user;
  if (rules_.order == sim::LaneKind::queue) id = line.queue;
  std::string lane(line.org);
  lane += id.empty() ? "\ttopic\t" : "\tid\t";
  lane += id.empty() ? line.topic : id;
  return base::hash64(lane);
}

void LiveLedger::add_accepted(const sim::AcceptedLine& line, base::MonoTime now) {
  if (!follows_ || !promises(line)) return;
  if (line.sequence >= kSequencesMax || missing_.size() >= kMissingMax) {
    follows_ = false;
    return;
  }
  ++counts_.routed;
  const auto early = early_.find(line.sequence);
  if (early == early_.end()) {
    missing_.emplace(line.sequence, Missing{lane_of(line), now});
    return;
  }
  arrived(lane_of(line), line.sequence, early->second);
  early_.erase(early);
}

void LiveLedger::add_delivered(const sim::DeliveredLine& line) {
  if (!follows_) return;
  if (line.sequence >= kSequencesMax || early_.size() >= kMissingMax) {
    follows_ = false;
    return;
  }
  ++arrivals_;
  if (line.sequence >= delivered_.size()) delivered_.resize(std::max(line.sequence + 1, delivered_.size() * 2));
  if (delivered_[line.sequence]) {
    ++counts_.repeated;
    return;
  }
  delivered_[line.sequence] = true;
  const auto missing = missing_.find(line.sequence);
  if (missing == missing_.end()) {
    early_.emplace(line.sequence, arrivals_);
    return;
  }
  arrived(missing->second.lane, line.sequence, arrivals_);
  missing_.erase(missing);
}

void LiveLedger::arrived(std::uint64_t lane, std::uint64_t sequence, std::uint64_t arrival) {
  ++counts_.delivered;
  if (rules_.order == sim::LaneKind::none) return;
  if (lanes_.size() >= kLanesMax) lanes_.clear();
  Lane& newest = lanes_[lane];
  // A delivery that was read before its promise is looked at late: both numbers say together what came first.
  if (newest.sequence != 0 && (sequence > newest.sequence) != (arrival > newest.arrival)) ++counts_.out_of_order;
  if (sequence > newest.sequence) newest = {sequence, arrival};
}

void LiveLedger::settled_before(base::MonoTime time) {
  std::uint64_t lost = 0;
  // In order of sequence, which is that of acceptance but for answers that overtook each other by milliseconds.
  for (const auto& [sequence, missing] : missing_) {
    if (missing.accepted_at >= time) break;
    ++lost;
  }
  counts_.lost = lost;
}

}  // namespace trunkline::demo
