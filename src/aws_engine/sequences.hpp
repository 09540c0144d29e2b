#pragma once

#include <algorithm>
#include <cstdint>

#include "aws_engine/codec.hpp"
#include "base/strong.hpp"

namespace trunkline::aws_engine {

// Numbers of events: milliseconds since 1970 and twelve bits below, so that they ascend per worker and roughly over all,
// and stay below 2^53 until 2039 (JSON's numbers). The uppermost four of the twelve are the worker's, by chance; two
// workers that draw the same number find out when they write, and one draws again. Not dense; what comes first in a lane
// is decided by SQS alone.
class Sequences {
 public:
  explicit Sequences(std::uint64_t random) { redraw(random); }

  base::Sequence next(base::WallTime now) {
    std::uint64_t value = (millis(now) << 12) | (worker_ << 8);
    // In the same millisecond, or with a clock that went back: one more, and the next millisecond after 256.
    if (value <= last_) value = (last_ & 0xFF) == 0xFF ? (((last_ >> 12) + 1) << 12) | (worker_ << 8) : last_ + 1;
    last_ = value;
    return {value};
  }
  void redraw(std::uint64_t random) { worker_ = random & 0xF; }

  // The first number of that time.
  static base::Sequence first_of(base::WallTime time) { return {millis(time) << 12}; }

 private:
  std::uint64_t worker_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace trunkline::aws_engine
