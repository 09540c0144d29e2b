#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "delivery/options.hpp"

namespace trunkline::delivery {

// How many batches may be in flight, under the cap that the user has set. Pure and deterministic: its only time is the
// latency of batches that have ended. Not thread-safe.
//
// Adaptive, it is TCP's congestion control with the delay signal of TCP Vegas, counted in batches instead of bytes (Netflix
// concurrency-limits and Vector's adaptive concurrency are the same for requests):
//
//   slow start      from 1, doubling with every `limit` good batches, up to the threshold (at first the cap)
//   avoidance       plus sqrt(limit) with every max(limit, 4) good batches, as in concurrency-limits' Gradient2: a cap of 1,000 is
//                   reached within about 60 round trips, and the overshoot over what the downstream bears stays small
//   throttled       half of what was in flight: the downstream has said so
//   latency grown   three quarters of it: a queue is building up, nothing is broken yet
//   outage          1, and half of the former limit becomes the threshold
//
// It grows only after a round in which the limit was reached: a limit that nobody has tried says nothing. It falls once a
// round trip at most: batches that were sent before it fell are not held against the new limit.
//
// Latency has grown when the mean over a round, of at least four batches, is over twice the usual one *and* over 100 ms: below that
// nobody is hurt, and the hub's own scheduling is a part of what is measured. The usual one is an average that follows
// shorter latencies at once and longer ones within a quarter, so that it forgets luck and does not creep up with the load.
// There is one for each power of two of the events in a batch, since a hundred events take longer than one. A downstream
// that is slow and stays so is therefore given the full cap, however slow it is. One that has become slower for good is
// backed off from down to a limit of 1, where the latency is the downstream's own whatever the hub does: it becomes the
// usual one, and the limit grows again.
//
// Not adaptive, it is the cap, but for the ramp after an outage, which doubles up to the cap.
//
// After an outage batches are small, too: the probe has one event, the next batch two, and each good one doubles that up to
// the full size, before the limit grows. A single batch of 10,000 events would knock over again what has just come back.
// What is throttled meanwhile halves it.
//
// "Good" is a batch of which something was delivered and nothing was told to wait. What is rejected says nothing of the load.
class ConcurrencyLimit {
 public:
  explicit ConcurrencyLimit(const Options& options);

  std::size_t batches() const { return limit_; }
  // Events in a batch at most.
  std::size_t batch_messages() const { return batch_messages_; }
  // Whether it is back from the last outage: at the threshold, or as many batches as the cap were good since.
  bool recovered() const { return !recovering_; }

  // Kept by each batch from its start to its end. Wraps around without harm: batches of 2^32 decreases ago have ended.
  std::uint32_t era() const { return era_; }
  // A batch has started; it is counted in `in_flight`.
  void started(std::size_t in_flight);

  struct Ended {
    std::uint32_t era = 0;
    std::size_t events = 1;
    base::Millis latency{};
    bool good = false;
    bool throttled = false;     // most of it was told to wait
    std::size_t in_flight = 1;  // this one included
  };
  void ended(const Ended& batch);

  void outage();   // as long as it lasts, the breaker decides
  void restart();  // it is over

  // Since start.
  std::uint64_t fell_throttled() const { return fell_throttled_; }
  std::uint64_t fell_latency() const { return fell_latency_; }

 private:
  // Latencies in milliseconds of batches of one size.
  struct Size {
    double usual = 0;  // 0: not known yet
    double sum = 0;    // of the batches since the last judgement, or of those that `usual` is learned from
    std::uint32_t count = 0;
  };
  // Up to 10,000 events a batch.
  static constexpr std::size_t kSizes = 15;

  bool slow_start() const { return limit_ < threshold_; }
  void measure(const Ended& batch);
  // Whether latency has grown. Takes in what was measured.
  bool judge();
  void grow();
  void fall_to(std::size_t limit);

  const std::size_t cap_;
  const std::size_t batch_messages_max_;
  const bool adaptive_;
  std::size_t limit_;
  std::size_t threshold_;
  std::size_t batch_messages_;
  bool recovering_ = false;
  std::size_t good_since_outage_ = 0;
  std::uint32_t era_ = 0;

  // Of this round:
  std::size_t good_ = 0;
  std::size_t most_in_flight_ = 0;

  std::array<Size, kSizes> sizes_{};
  std::uint32_t measured_ = 0;  // batches of known sizes since the last judgement
  std::uint64_t fell_throttled_ = 0;
  std::uint64_t fell_latency_ = 0;
};

}  // namespace trunkline::delivery
