#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"
#include "sim/event_text.hpp"

namespace trunkline::sim {

// Says when the next event may go out: at most `rate` a second, and not before its simulated time at `speed`. Zero: no
// limit.
class Pacer {
 public:
  Pacer(double rate, double speed) : rate_(rate), speed_(speed) {}

  bool ready(const GeneratedEvent& event, base::MonoTime now) {
    if (!started_) {
      started_ = true;
      from_ = refilled_ = now;
      first_ = event.published;
    }
    if (speed_ > 0) {
      const double played = std::chrono::duration<double, std::milli>(now - from_).count() * speed_;
      if (static_cast<double>(event.published - first_) > played) return false;
    }
    if (rate_ <= 0) return true;
    // What a timer of 10 ms steps missed is made up for, but a stall is not followed by a burst of more than a quarter
    // second.
    tokens_ =
        std::min(std::max(1.0, rate_ / 4), tokens_ + std::chrono::duration<double>(now - refilled_).count() * rate_);
    refilled_ = now;
    return tokens_ >= 1;
  }
  void spend() {
    if (rate_ > 0) tokens_ -= 1;
  }

 private:
  double rate_;
  double speed_;
  bool started_ = false;
  base::MonoTime from_{};
  base::MonoTime refilled_{};
  SimTime first_ = 0;
  double tokens_ = 1;
};

}  // namespace trunkline::sim
