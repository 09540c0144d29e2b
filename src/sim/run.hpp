#pragma once

#include <string_view>

#include "base/clock.hpp"

namespace trunkline::sim {

// SIGINT and SIGTERM are held back from this thread and those it starts while the object lives, and read here instead.
class SignalWait {
 public:
  SignalWait();
  ~SignalWait();
  SignalWait(const SignalWait&) = delete;
  SignalWait& operator=(const SignalWait&) = delete;

  // Returns true when a signal has come within the time.
  bool wait(base::Millis time);

 private:
  struct Mask;
  Mask* mask_;
};

// Prints "trunkline sim: …" on standard error.
void complain(std::string_view what);

}  // namespace trunkline::sim
