#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "delivery/scheduler.hpp"
#include "engine/engine.hpp"

namespace trunkline::delivery {

// A queue in memory for tests, as the engine port describes it, that aborts when its caller breaks the port's rules: a
// fate too few, a fate behind a failed one in a lane, a lease settled twice. In a standard queue every event is a lane.
class FakeQueue {
 public:
  struct Event {
    engine::RecordPtr record;
    std::uint64_t lane = 0;
    std::uint32_t attempts = 0;
    std::string error_class;
    std::vector<engine::Fate> fates;  // all but release
  };

  explicit FakeQueue(bool ordered) : ordered_(ordered) {}

  std::uint64_t accept(std::uint64_t group, base::WallTime at = {}, std::size_t bytes = 10) {
    const std::uint64_t sequence = next_sequence_++;
    auto record = std::make_shared<engine::Record>();
    record->sequence = {sequence};
    record->accepted_at = at;
    record->event.raw = "{" + std::string(bytes < 2 ? 0 : bytes - 2, ' ') + "}";
    record->event.envelope_id = "event-" + std::to_string(sequence);
    const std::uint64_t lane = ordered_ ? group : sequence;
    events[sequence] = {record, lane, 0, {}, {}};
    lanes_[lane].waiting.push_back(sequence);
    return sequence;
  }

  std::vector<engine::Lease> lease(const engine::ReceiveLimits& limits, base::MonoTime now) {
    std::vector<engine::Lease> leases;
    std::size_t messages = 0;
    std::size_t bytes = 0;
    std::size_t groups = 0;
    for (auto& [key, lane] : lanes_in_turn()) {
      if (messages >= limits.max_messages || groups >= limits.max_groups) break;
      if (lane->leased > 0 || lane->parked || lane->waiting.empty() || lane->until > now) continue;
      if (leases.empty() || ordered_) {
        leases.emplace_back();
        leases.back().id = next_lease_++;
        leases.back().group = {key};
      }
      const std::size_t taken = fill(leases.back(), *lane, limits, messages, bytes);
      if (taken == 0) {
        if (leases.back().messages.empty()) leases.pop_back();
        break;
      }
      ++groups;
      lane->turn = ++turns_;
      open_[leases.back().id].emplace_back(key, taken);
    }
    return leases;
  }

  void settle(std::uint64_t lease, const std::vector<engine::MessageFate>& fates, base::MonoTime now) {
    const auto found = open_.find(lease);
    TRUNKLINE_CHECK(found != open_.end(), "a lease is settled once");
    std::size_t at = 0;
    for (const auto& [key, count] : found->second) {
      TRUNKLINE_CHECK(at + count <= fates.size(), "every message has a fate");
      settle_lane(lanes_[key], fates, at, count, now);
      at += count;
    }
    TRUNKLINE_CHECK(at == fates.size(), "no fate is without a message");
    open_.erase(found);
  }

  void redrive() {
    for (auto& [key, lane] : lanes_) lane.parked = false;
  }
  bool ready(base::MonoTime now) const {
    for (const auto& [key, lane] : lanes_)
      if (lane.leased == 0 && !lane.parked && !lane.waiting.empty() && lane.until <= now) return true;
    return false;
  }
  std::size_t leases_open() const { return open_.size(); }
  std::size_t unsettled() const {
    std::size_t count = 0;
    for (const auto& [key, lane] : lanes_) count += lane.waiting.size();
    return count;
  }

  std::map<std::uint64_t, Event> events;
  std::map<std::uint64_t, std::vector<std::uint64_t>> delivered;  // by lane, in order of delivery
  std::set<std::uint64_t> parked;
  std::set<std::uint64_t> skipped;
  bool fair = true;

  // The lane's events that are not settled, in order.
  const std::deque<std::uint64_t>& waiting(std::uint64_t lane) { return lanes_[lane].waiting; }

 private:
  struct Lane {
    std::deque<std::uint64_t> waiting;
    std::size_t leased = 0;
    bool parked = false;
    base::MonoTime until{};
    std::uint64_t turn = 0;
  };

  // Least recently served first, or, to be nasty, the same lanes first again and again.
  std::vector<std::pair<std::uint64_t, Lane*>> lanes_in_turn() {
    std::vector<std::pair<std::uint64_t, Lane*>> order;
    for (auto& [key, lane] : lanes_) order.emplace_back(key, &lane);
    if (!fair) return order;
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.second->turn < b.second->turn; });
    return order;
  }

  std::size_t fill(engine::Lease& lease, Lane& lane, const engine::ReceiveLimits& limits, std::size_t& messages,
                   std::size_t& bytes) {
    std::size_t taken = 0;
    for (const std::uint64_t sequence : lane.waiting) {
      const Event& event = events.at(sequence);
      const std::size_t size = event.record->event.raw.size();
      if (messages >= limits.max_messages || taken >= limits.max_messages_per_group) break;
      if (messages > 0 && bytes + size > limits.max_bytes) break;
      lease.messages.push_back({event.record, event.attempts, 1, {}, false});
      ++messages;
      ++taken;
      bytes += size;
    }
    lane.leased = taken;
    return taken;
  }

  void settle_lane(Lane& lane, const std::vector<engine::MessageFate>& fates, std::size_t at, std::size_t count,
                   base::MonoTime now) {
    using engine::Fate;
    bool stopped = false;
    lane.leased = 0;
    for (std::size_t i = at; i < at + count; ++i) {
      const engine::MessageFate& fate = fates[i];
      TRUNKLINE_CHECK(!stopped || fate.fate == Fate::release, "behind a failed event only release is allowed");
      if (fate.fate == Fate::release) {
        stopped = true;
        continue;
      }
      const std::uint64_t sequence = lane.waiting.front();
      Event& event = events.at(sequence);
      event.fates.push_back(fate.fate);
      if (fate.fate != Fate::delivered) {
        event.attempts = fate.attempts;
        event.error_class = fate.error_class;
      }
      stopped = fate.fate == Fate::retry || fate.fate == Fate::park;
      if (fate.fate == Fate::retry) lane.until = now + fate.delay;
      if (fate.fate == Fate::park) {
        lane.parked = true;
        parked.insert(sequence);
        event.attempts = 0;  // a redrive starts anew
      }
      if (stopped) continue;
      if (fate.fate == Fate::delivered) {
        delivered[event.lane].push_back(sequence);
        parked.erase(sequence);
      } else {
        skipped.insert(sequence);
      }
      lane.waiting.pop_front();
    }
  }

  bool ordered_;
  std::map<std::uint64_t, Lane> lanes_;
  std::map<std::uint64_t, std::vector<std::pair<std::uint64_t, std::size_t>>> open_;  // lease: (lane, messages)
  std::uint64_t next_sequence_ = 1;
  std::uint64_t next_lease_ = 1;
  std::uint64_t turns_ = 0;
};

}  // namespace trunkline::delivery
