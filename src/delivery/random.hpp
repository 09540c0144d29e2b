#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace trunkline::delivery {

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed on every platform, unlike std's
// distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  // In [0, bound]; the bias of the remainder is below 2^-40 for the spans of milliseconds this serves.
  std::uint64_t up_to(std::uint64_t bound) { return bound == UINT64_MAX ? next() : next() % (bound + 1); }

 private:
  std::uint64_t state_;
};

// Full jitter: random in [0, min(cap, base * 2^(failures - 1))]; failures counts from 1.
inline base::Millis backoff(base::Millis base_delay, base::Millis cap, std::uint32_t failures, Random& random) {
  base::Millis bound = std::min(base_delay, cap);
  for (std::uint32_t i = 1; i < failures && bound < cap; ++i) bound = std::min(bound * 2, cap);
  return base::Millis(random.up_to(static_cast<std::uint64_t>(bound.count())));
}

}  // namespace trunkline::delivery
