#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/event_text.hpp"
#include "sim/random.hpp"

namespace trunkline::sim {

// Shares are of the events of the contact centre: 0.02 is 2 %.
struct FaultShares {
  double duplicates = 0;   // the same bytes once more, later: EventBridge's at-least-once
  double republished = 0;  // the same event under a new envelope id: a publisher's retry after a lost answer
  double late = 0;         // held back behind thousands of others
  double reordered = 0;    // changes places with the next event of its conversation
  double malformed = 0;    // a broken copy more; the event itself is sent as well
  double conflicts = 0;    // the same identities with another body more
};

enum class Malformation : std::uint8_t {
  truncated,
  bare_event_body,
  wrong_types,
  invalid_utf8,
  empty,
  too_deep,
  not_json,
};
constexpr std::size_t kMalformations = 7;
// What is wrong, done to a copy of a good event's bytes.
std::string malform(std::string_view raw, Malformation how, Random& random);

// Puts faults between a source of events and its reader. Pure; the same seed gives the same bytes. Holds at most
// kHeldMax events back (about 1 KB each): beyond that, the oldest of them go out at once.
class FaultMixer {
 public:
  using Source = std::function<bool(GeneratedEvent&)>;
  static constexpr std::size_t kHeldMax = 20'000;
  static constexpr std::int64_t kDuplicateSpanMax = 5'000;  // a second copy follows within so many events
  static constexpr std::int64_t kLateSpanMax = 20'000;
  static constexpr std::uint64_t kReorderSpanMax =
      2'000;  // so long an event waits for the next one of its conversation

  FaultMixer(Source source, const FaultShares& shares, std::uint64_t seed);

  // False when the source has ended and nothing is held back.
  bool next(GeneratedEvent& event);

  std::uint64_t made(Fault fault) const { return made_[static_cast<std::size_t>(fault)]; }

 private:
  struct Held {
    std::uint64_t due;  // in events given out by the source
    std::uint64_t order;
    GeneratedEvent event;
  };
  struct Later {
    bool operator()(const Held& a, const Held& b) const { return a.due != b.due ? a.due > b.due : a.order > b.order; }
  };
  bool take_held(GeneratedEvent& event);
  void hold(GeneratedEvent event, std::int64_t span_max);
  // Makes what the shares say of the event; true if the event itself goes out now.
  bool apply(GeneratedEvent& event);
  bool start_reorder(GeneratedEvent& event);
  void release_reordered(const GeneratedEvent& passed);
  void give(GeneratedEvent event);

  Source source_;
  FaultShares shares_;
  Random random_;
  std::vector<Held> held_;                            // a heap by due
  std::unordered_map<std::string, Held> reordering_;  // by conversation
  std::map<std::uint64_t, std::string> reordering_due_;
  std::vector<GeneratedEvent> ready_;  // goes out before anything else, last first
  std::uint64_t given_ = 0;
  std::uint64_t order_ = 0;
  bool ended_ = false;
  std::uint64_t made_[7] = {};
};

}  // namespace trunkline::sim
