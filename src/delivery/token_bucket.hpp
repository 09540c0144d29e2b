#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"

namespace trunkline::delivery {

// Events a second with a burst. Never gives out more than burst + rate * t within any time t. A rate of 0 has no bound.
class TokenBucket {
 public:
  TokenBucket(double rate, double burst) : rate_(rate), burst_(std::max(burst, 1.0)), tokens_(burst_) {}

  bool bounded() const { return rate_ > 0; }
  double burst() const { return burst_; }
  double tokens(base::MonoTime now) {
    refill(now);
    return tokens_;
  }
  bool has(double wanted, base::MonoTime now) { return !bounded() || tokens(now) + kRounding >= wanted; }
  void take(double count) {
    if (bounded()) tokens_ -= count;
  }
  // When has(wanted) will hold, if nothing is taken until then. `wanted` must not exceed the burst.
  base::MonoTime when(double wanted, base::MonoTime now) {
    if (!bounded()) return now;
    const double missing = std::max(0.0, wanted - tokens(now));
    return now + std::chrono::ceil<base::Millis>(std::chrono::duration<double>(missing / rate_));
  }

 private:
  static constexpr double kRounding = 1e-6;  // of a token; sums of fractions must not cost another wake-up

  void refill(base::MonoTime now) {
    if (started_) tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - at_).count());
    started_ = true;
    at_ = now;
  }

  double rate_;
  double burst_;
  double tokens_;
  base::MonoTime at_{};
  bool started_ = false;
};

}  // namespace trunkline::delivery
