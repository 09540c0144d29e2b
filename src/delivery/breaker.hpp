#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "delivery/concurrency_limit.hpp"
#include "delivery/options.hpp"

namespace trunkline::delivery {

struct Now {
  base::WallTime wall;
  base::MonoTime mono;
};

enum class BreakerState : std::uint8_t {
  closed,     // events go
  open,       // nothing goes, nothing is received
  half_open,  // one batch of one event at a time: a probe
};
std::string_view name(BreakerState state);

// Tells an outage from bad events (DESIGN section 6). Pure. Bounded by breaker_lanes_max outcomes.
//
//   closed --unavailable, or the lane rule--> open --open time over--> half_open --probe delivered--> closed,
//   concurrency 1
//                                              ^----------------------probe failed--------'
//
// After closing, batches and concurrency grow as ConcurrencyLimit says. The open time doubles with every probe that finds
// the downstream unavailable, and when the breaker opens before that ramp is over; when it is over the open time starts
// anew. A probe whose event is rejected leaves it as it is, since the downstream has answered and the next probe takes
// another lane.
class Breaker {
 public:
  explicit Breaker(const Options& options);

  BreakerState state() const { return state_; }
  bool closed() const { return state_ == BreakerState::closed; }
  // When it last left or entered `closed`: how long the outage, or the health, has lasted.
  base::WallTime since() const { return since_; }
  base::MonoTime open_until() const { return until_; }
  base::Millis open_time() const { return open_time_; }
  std::uint64_t opened() const { return opened_; }  // times since start
  // Batches that may be in flight.
  std::size_t concurrency() const;
  const ConcurrencyLimit& limit() const { return limit_; }

  // The newest outcome of a lane, while closed.
  void record(std::uint64_t lane, bool failed, base::MonoTime now);
  // Whether the lane rule holds.
  bool lanes_fail(base::MonoTime now) const;

  // `at_least`: Retry-After.
  void open(Now now, base::Millis at_least);
  // Ends the open time when it is over.
  void tick(Now now);
  void probe_delivered(Now now);
  void probe_failed(Now now, bool unavailable, base::Millis at_least);
  // What another worker has found (shared_breaker.hpp), which takes the place of tick(): open for that long from now on, as
  // long as it is not closed; the next probe is this worker's; closed.
  void join(Now now, base::Millis lasts, base::Millis open_time);
  void begin_probe() { state_ = BreakerState::half_open; }
  void close(Now now);
  // A batch, or a part of one, that was no probe.
  void batch_started(std::size_t in_flight) { limit_.started(in_flight); }
  void batch_ended(const ConcurrencyLimit::Ended& batch);

 private:
  struct Outcome {
    base::MonoTime at{};
    bool failed = false;
  };
  void forget_outcomes();
  void open_for(Now now, base::Millis at_least);

  const Options options_;
  BreakerState state_ = BreakerState::closed;
  base::WallTime since_{};
  base::MonoTime until_{};
  base::Millis open_time_;
  std::uint64_t opened_ = 0;
  ConcurrencyLimit limit_;
  // Parallel arrays, so that the search for a lane runs over nothing but numbers: 100 of them take about 30 ns.
  std::vector<std::uint64_t> lanes_;
  std::vector<Outcome> outcomes_;
  std::size_t replace_next_ = 0;
};

}  // namespace trunkline::delivery
