#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace trunkline::delivery {

// What becomes of an event whose attempts have run out.
enum class OnExhausted : std::uint8_t {
  park,  // the lane waits behind it until a redrive
  skip,  // dead-lettered; the lane goes on and its next event says gap_before
  drop,  // settled without delivery
};

// Requests that a target allows in a span of time (budget.hpp). Batches, their repeats, their halves and probes count.
struct BudgetOptions {
  std::uint64_t requests = 0;  // 0: without bound
  std::uint64_t reserve = 0;   // of them, left to others that use the same account
  base::Millis per = std::chrono::hours(24);
  // Salesforce counts the last 24 hours at every moment; others begin anew at midnight somewhere. Rolling keeps within both.
  bool rolling = true;
  base::Millis offset{0};  // of a calendar window: when it begins, after 1970-01-01T00:00Z
};

// How one consumer is served. Every default carries its reason.
struct Options {
  bool ordered = true;  // the queue is FIFO by message group; false: every event is a lane of its own

  // Batches in flight at most. Enough to hide 10 ms of latency at 800 requests/s; small enough for a shy downstream.
  std::size_t concurrency = 8;
  // Finds what the downstream bears, up to there (concurrency_limit.hpp). On: a cap that was guessed too high is then
  // harmless, and a downstream that bears the cap gets it within some round trips.
  bool adaptive = true;

  // Events a second over the long run; 0 is without bound. `burst` events may go at once; 0 takes one second's worth.
  double rate = 0;
  double burst = 0;

  // A batch goes when it is full, or when its oldest event has waited for batch_age. 0 ms: what is there goes as soon
  // as a slot is free, so that batches grow by themselves under load and cost no latency without it.
  std::size_t batch_messages = 1;
  std::size_t batch_bytes = 1 << 20;  // of raw bodies; a larger event goes alone
  base::Millis batch_age{0};

  BudgetOptions budget;

  std::uint32_t max_attempts = 5;           // as in the founding guide
  std::optional<OnExhausted> on_exhausted;  // nothing: park where ordered, else skip (DESIGN section 5)

  // Back-off before attempt n + 1 is random in [0, min(cap, base * 2^(n-1))] (full jitter). With these, five attempts
  // span about 8 s on average: longer than a restart of a process, shorter than a caller's patience.
  base::Millis backoff_base{1'000};
  base::Millis backoff_cap = std::chrono::minutes(5);
  base::Millis retry_after_max =
      std::chrono::hours(1);  // a longer Retry-After is cut, so that no answer stops a lane for days

  // How long the verdict `retry` costs nothing; then it counts as rejected. Counted from the first one, in memory.
  base::Millis retry_for = std::chrono::hours(1);

  // The breaker opens when at least breaker_lanes_min distinct lanes ended within breaker_window and at least
  // breaker_share of them failed (DESIGN section 6: 10 and 80 %). An event whose attempts run out is decided only after
  // the window has passed, because an outage that shows within it gives the attempts back. Ten seconds see ten lanes at
  // one event a second.
  base::Millis breaker_window = std::chrono::seconds(10);
  std::size_t breaker_lanes_min = 10;
  double breaker_share = 0.8;
  // The newest outcome of this many lanes is judged: at 10,000 events/s an outage must not have to outweigh seconds of
  // success.
  std::size_t breaker_lanes_max = 100;
  // From the opening to the next probe; doubles while the downstream stays unavailable. A minute of idleness after an
  // outage of hours is nothing.
  base::Millis open_base = std::chrono::seconds(1);
  base::Millis open_cap = std::chrono::minutes(1);

  // After an engine's receive has failed (its store is down) it is asked again after this.
  base::Millis receive_again_after = std::chrono::seconds(1);

  // Events remembered because they wait for something: retry_for, attempts to be given back, a decision about their
  // last attempt. About 200 bytes each. The oldest is forgotten first: its retry_for starts anew, its attempt stays
  // spent.
  std::size_t notes_max = 100'000;

  std::uint64_t seed = 1;  // of the jitter

  OnExhausted exhausted() const { return on_exhausted.value_or(ordered ? OnExhausted::park : OnExhausted::skip); }
};

// Errc::invalid names the first option that is out of its bounds.
base::Result<void> validate(const Options& options);

}  // namespace trunkline::delivery
