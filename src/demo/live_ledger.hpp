#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "sim/ledger.hpp"
#include "sim/verify.hpp"

namespace trunkline::demo {

// What one receiver should get, and in which order.
struct ReceiverRules {
  sim::LaneKind order = sim::LaneKind::none;
  std::vector<std::string> categories{};  // of topics.tsv; empty: every event
};

struct Counts {
  std::uint64_t routed = 0;     // stored by the hub and meant for this receiver, as the sender was told
  std::uint64_t delivered = 0;  // of them, each once
  std::uint64_t out_of_order = 0;
  std::uint64_t repeated = 0;
  std::uint64_t lost = 0;  // the hub says that nothing so old is left to deliver, and it did not arrive
};

// Compares what the sender was promised with what one receiver took while both go on; sim::Verifier does the same at the
// end, from the files, and looks at the bytes as well. Pure, one thread.
//
// Bounds: kMissingMax events on their way (about 100 bytes each) and kSequencesMax events in all (a bit each); beyond
// them it stops following and says so, and the comparison at the end decides. Beyond kLanesMax lanes the order within
// the older ones is forgotten.
class LiveLedger {
 public:
  static constexpr std::size_t kMissingMax = 2'000'000;
  static constexpr std::size_t kSequencesMax = std::size_t{1} << 28;  // 32 MiB
  static constexpr std::size_t kLanesMax = 1'000'000;

  explicit LiveLedger(ReceiverRules rules) : rules_(std::move(rules)) {}

  void add_accepted(const sim::AcceptedLine& line, base::MonoTime now);
  void add_delivered(const sim::DeliveredLine& line);
  // Everything that was accepted before that time has been delivered, says the hub.
  void settled_before(base::MonoTime time);

  // Whether the line promises an event that is meant for this receiver.
  bool promises(const sim::AcceptedLine& line) const;

  const Counts& counts() const { return counts_; }
  std::size_t missing() const { return missing_.size(); }
  bool follows() const { return follows_; }

 private:
  struct Missing {
    std::uint64_t lane;
    base::MonoTime accepted_at;
  };
  struct Lane {
    std::uint64_t sequence = 0;  // of the newest delivery
    std::uint64_t arrival = 0;
  };
  bool is_routed(std::string_view topic) const;
  std::uint64_t lane_of(const sim::AcceptedLine& line) const;
  void arrived(std::uint64_t lane, std::uint64_t sequence, std::uint64_t arrival);

  ReceiverRules rules_;
  Counts counts_;
  std::map<std::uint64_t, Missing> missing_;  // by sequence: routed, not delivered
  // Delivered before the sender's own answer was read; by sequence, with the place among all arrivals.
  std::unordered_map<std::uint64_t, std::uint64_t> early_;
  std::unordered_map<std::uint64_t, Lane> lanes_;
  std::vector<bool> delivered_;  // by sequence
  std::uint64_t arrivals_ = 0;
  bool follows_ = true;
};

}  // namespace trunkline::demo
