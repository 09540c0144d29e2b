#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"

namespace trunkline::net {

// Timers of one loop, ordered by deadline; equal deadlines in order of adding. Adding costs O(log n), cancelling O(1):
// a cancelled entry stays in the heap until its turn or until more than half of the heap is cancelled, which bounds it
// by twice the live ones. Not thread-safe.
class TimerHeap {
 public:
  using Id = std::uint64_t;  // never 0; not given out again before 2^32 reuses of one slot

  Id add(base::MonoTime deadline, base::Task task);
  // Destroys the task; no effect on an id that has run or was cancelled. The task's destructor may use the heap.
  void cancel(Id id);
  // The earliest live deadline.
  std::optional<base::MonoTime> next();
  // Takes out the next task that is due, or an empty one.
  base::Task pop(base::MonoTime now);
  std::size_t size() const { return live_; }
  // Destroys all tasks. What their destructors add is destroyed too.
  void clear();

 private:
  struct Slot {
    base::Task task;
    std::uint32_t generation = 1;
    bool live = false;
  };
  struct Entry {
    base::MonoTime deadline;
    std::uint64_t order;
    Id id;
  };

  static bool later(const Entry& left, const Entry& right);
  bool is_live(Id id) const;
  base::Task release(Id id);
  void drop_dead_front();
  void compact_when_mostly_dead();

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_order_ = 0;
  std::size_t live_ = 0;
};

}  // namespace trunkline::net
