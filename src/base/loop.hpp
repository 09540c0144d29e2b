#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/function.hpp"

namespace trunkline::base {

using Task = UniqueFunction<void()>;

// One thread's run loop, as the rest of the program sees it. net::IoLoop is the real one; the simulation has its own.
// Objects belong to one loop for life; other threads reach them with post() only, and in batches (a post costs 200 ns
// on each side).
class Loop {
 public:
  using TimerId = std::uint64_t;  // 0 is never given out

  virtual ~Loop() = default;

  // Any thread. The task runs later on the loop's thread, in order of posting from one thread; never inside post().
  // Tasks that were posted but have not run when the loop is destroyed are destroyed unrun.
  virtual void post(Task task) = 0;

  // Loop thread only. Runs the task once, not before `delay` has passed; resolution is 10 ms.
  virtual TimerId after(Millis delay, Task task) = 0;
  // Loop thread only. No effect when it has run already.
  virtual void cancel(TimerId timer) = 0;

  // Whether the caller is on the loop's thread.
  virtual bool here() const = 0;

  virtual const Clock& clock() const = 0;
};

}  // namespace trunkline::base
