#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "queue/committer.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

struct DiskGuardOptions {
  base::Millis retain{};
  std::uint64_t disk_budget = 0;
  std::uint64_t min_free = 0;
  base::Millis interval = std::chrono::seconds(5);
  base::Loop* runs_on = nullptr;  // null: a thread; else on that loop, on whose thread alone the guard is used
};

// Whether nothing more may be stored: the files are over the budget (0: there is none), or less is free on the device than
// `min_free` and what a merge of the lookup families may need. What refuses already goes on until 5 % of the budget are free
// again, else it flaps.
bool over(const DiskGuardOptions& options, const store::Store::Usage& usage, bool refusing);

// Bytes that spare write-ahead logs may take of a budget.
std::uint64_t spare_log_bytes(std::uint64_t disk_budget);

// A thread that keeps the store inside its disk budget: deletes settled history older than `retain`; over the budget
// spare logs and whatever is settled; then expires the oldest waiting events of queues that allow it; and when nothing
// else is left, refuses publishes until there is room again (promise I7). When nothing was written for an interval it
// gives back the memory that only traffic needs, and a start after a kill has next to nothing to replay.
class DiskGuard {
 public:
  // All are called on the guard's thread.
  struct Hooks {
    std::function<std::vector<base::QueueId>()> queues;  // every queue on disk
    // Has about that many of the oldest waiting events of the queues with on_full expire expired; false when there is
    // no such queue.
    std::function<bool(std::size_t)> expire_some;
    std::function<void()> at_rest;  // nothing was written for an interval
  };
  // Below that many bytes in memtables a file of them is not worth it.
  static constexpr std::uint64_t kRestBytes = 8 << 20;

  DiskGuard(store::Store& store, Committer& committer, const base::Clock& clock, DiskGuardOptions options, Hooks hooks);
  ~DiskGuard();

  store::Store::Usage usage() const;  // any thread
  // Any thread; holds from the next look on.
  void set_limits(base::Millis retain, std::uint64_t disk_budget);

 private:
  void run();
  void round();  // one look
  void round_later();
  void check();
  void rest(const store::Store::Usage& usage);
  // Steps until nothing more is to be removed, then gives back the files that became empty.
  void sweep_all(std::int64_t before_ms);
  // Everything that is settled, and also what shares its files with something that is not.
  void sweep_hard();
  void reclaim();

  store::Store& store_;
  Committer& committer_;
  const base::Clock& clock_;
  DiskGuardOptions options_;  // the guard's thread only; taken from next_ at each look
  const Hooks hooks_;
  mutable std::mutex mutex_;  // guards next_, usage_ and stopping_
  DiskGuardOptions next_;
  std::condition_variable wake_;
  store::Store::Usage usage_;
  bool stopping_ = false;
  bool refusing_ = false;
  bool compacted_ = false;  // nothing was removed since the store was compacted
  std::size_t rounds_ = 0;
  std::uint64_t changes_ = 0;      // of the store, at the last look
  std::size_t still_rounds_ = 0;   // looks since then that found the same
  base::Loop::TimerId timer_ = 0;  // on runs_on
  std::thread thread_;
};

}  // namespace trunkline::queue
