#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "delivery/breaker.hpp"

namespace trunkline::delivery {

// Owner of what every worker is to know of each consumer, in the engine's state: a key is the consumer's name and what
// follows. A worker reads all of it with one call, about every two seconds.
inline constexpr const char* kConsumersOwner = "consumers";
std::string breaker_key(const std::string& consumer);

enum class BreakerWord : std::uint8_t { closed, open, probing };

// What the workers of one consumer say to each other of its downstream. Times are spans and not moments, and count from
// when the note is seen, so that nobody's clock matters.
struct BreakerNote {
  std::uint64_t version = 0;  // of the state that holds it; 0: nothing is there
  BreakerWord word = BreakerWord::closed;
  base::Millis lasts{0};  // open: until the next probe; probing: until another worker may probe
  base::Millis open_time{0};
  base::WallTime at{};    // by the writer's clock
  bool by_lanes = false;  // the outage was seen by lanes that failed, so that the attempts of the window are given back
};
std::string encode(const BreakerNote& note);
std::optional<BreakerNote> decode_breaker_note(std::string_view bytes);  // nothing: it is none

enum class NoteStored : std::uint8_t {
  yes,
  conflict,  // somebody else was quicker
  unknown,
};

// One breaker for all workers that deliver one consumer: each has its own Breaker, and this joins them by a note that is
// stored by version, so that one of several writers wins. Pure.
//
// Who sees the downstream fail opens and says so; the others open when they see it. When the open time is over its writer
// takes the probe by another note, and only who holds that probes. A worker that dies with it, or has nothing to probe
// with, loses it after kProbeLasts. Who has been told nothing for as long as the note's span and kSeenWithin takes over.
// A probe that is delivered closes it for all, each with its own ramp (ConcurrencyLimit).
class SharedBreaker {
 public:
  // A probe that is under way is said anew after half of it.
  static constexpr base::Millis kProbeLasts = std::chrono::seconds(30);
  // A note is seen within this time: a look every two seconds, and the call's own time.
  static constexpr base::Millis kSeenWithin = std::chrono::seconds(4);
  static constexpr base::Millis kAgainAfter = std::chrono::seconds(1);  // after an error of the store

  explicit SharedBreaker(Breaker& breaker) : breaker_(breaker) {}
  SharedBreaker(const SharedBreaker&) = delete;
  SharedBreaker& operator=(const SharedBreaker&) = delete;

  // The breaker has opened or closed by what was delivered here.
  void changed(bool by_lanes);
  // What is to be stored in place of version note.version - 1; nothing while one is under way. `may_probe`: nothing else
  // keeps this worker from sending. `probing`: its probe is in flight.
  std::optional<BreakerNote> plan(Now now, bool may_probe, bool probing);
  void stored(NoteStored outcome, Now now);
  enum class News : std::uint8_t { none, opened, closed };
  // What is stored now, whoever wrote it; older notes than those that are known are ignored.
  News seen(const BreakerNote& note, Now now);
  // When plan() may have something to say that it has not now.
  std::optional<base::MonoTime> wake_at(bool may_probe, bool probing) const;

 private:
  News take(Now now);

  Breaker& breaker_;
  BreakerNote known_;  // the newest that is stored, as far as this worker knows
  std::optional<BreakerNote> writing_;
  bool unsaid_ = false;  // the breaker's own change
  bool writing_unsaid_ = false;
  bool by_lanes_ = false;
  bool behind_ = false;          // there is a newer note than `known_`, which a look will bring
  base::MonoTime not_before_{};  // of the next note, after an error
  base::MonoTime renew_at_{};    // of the probe that is held here
};

}  // namespace trunkline::delivery
