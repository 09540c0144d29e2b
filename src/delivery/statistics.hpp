#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "delivery/breaker.hpp"

namespace trunkline::delivery {

// Counts by upper bound, the last bucket without one. Not cumulative.
template <std::size_t N>
struct Histogram {
  std::array<std::uint64_t, N + 1> counts{};
  std::uint64_t total = 0;
  std::uint64_t sum = 0;

  void add(std::uint64_t value, const std::array<std::uint64_t, N>& bounds) {
    std::size_t bucket = 0;
    while (bucket < N && value > bounds[bucket]) ++bucket;
    ++counts[bucket];
    ++total;
    sum += value;
  }
};

// Events a batch.
inline constexpr std::array<std::uint64_t, 12> kBatchSizeBounds{1,   2,   5,   10,    20,    50,
                                                                100, 200, 500, 1'000, 2'000, 5'000};
// Milliseconds from accepted to delivered: from a good disk's fsync to the 14 days of max_wait.
inline constexpr std::array<std::uint64_t, 18> kLatencyBoundsMillis{
    1,     2,     5,     10,     20,     50,      100,       200,        500,
    1'000, 2'000, 5'000, 10'000, 60'000, 600'000, 3'600'000, 86'400'000, 1'209'600'000};

// Since start, of one consumer.
struct Statistics {
  // Verdicts by event.
  std::uint64_t delivered = 0;
  std::uint64_t retry = 0;
  std::uint64_t rejected = 0;
  std::uint64_t unavailable = 0;
  std::uint64_t refused_batches = 0;

  std::uint64_t batches_sent = 0;
  std::uint64_t attempts_spent = 0;
  std::uint64_t attempts_given_back = 0;
  std::uint64_t parked = 0;
  std::uint64_t skipped = 0;
  std::uint64_t dropped = 0;
  std::uint64_t released = 0;
  std::uint64_t receive_failures = 0;

  // Batches that may be in flight now: 0 while the breaker is open. How often the limit fell, since the downstream said
  // "not now", and since its latency had grown.
  std::size_t concurrency_limit = 0;
  std::uint64_t concurrency_fell_throttled = 0;
  std::uint64_t concurrency_fell_latency = 0;

  struct Budget {
    std::uint64_t limit = 0;  // without the reserve
    std::uint64_t used = 0;
    std::optional<base::WallTime> used_up_until;
  };
  std::optional<Budget> budget;  // of a consumer that has one

  std::size_t batches_in_flight = 0;
  std::size_t events_in_flight = 0;  // sent, without a verdict
  std::size_t events_leased = 0;     // leased and not settled, those in flight included
  bool paused = false;

  BreakerState breaker = BreakerState::closed;
  base::WallTime breaker_since{};
  std::uint64_t breaker_opened = 0;

  std::string last_error_class;  // of the newest verdict that was not `delivered`
  std::string last_error_detail;
  base::WallTime last_error_at{};
  base::WallTime last_delivered_at{};

  Histogram<kBatchSizeBounds.size()> batch_size;
  Histogram<kLatencyBoundsMillis.size()> latency_millis;  // accepted to delivered
};

}  // namespace trunkline::delivery
