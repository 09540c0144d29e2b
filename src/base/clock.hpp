#pragma once

#include <chrono>

namespace trunkline::base {

using Millis = std::chrono::milliseconds;
using WallTime = std::chrono::sys_time<Millis>;          // UTC; may jump
using MonoTime = std::chrono::steady_clock::time_point;  // never goes back; means nothing after a restart

// Passed in wherever time matters, so that tests and the simulation own it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual MonoTime mono() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const override { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }
  MonoTime mono() const override { return std::chrono::steady_clock::now(); }
};

// Stands still until told. Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime wall = WallTime(Millis(1'772'460'000'000))) : wall_(wall) {}
  WallTime wall() const override { return wall_; }
  MonoTime mono() const override { return mono_; }
  void advance(Millis by) {
    wall_ += by;
    mono_ += by;
  }
  void jump_wall(Millis by) { wall_ += by; }

 private:
  WallTime wall_;
  MonoTime mono_{std::chrono::hours(1)};
};

}  // namespace trunkline::base
