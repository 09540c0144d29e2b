#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/loop.hpp"

namespace trunkline::queue {

// A few threads that read the store, since RocksDB blocks. Tasks post their result to the loop that asked. What may
// wait here is bounded by the askers: a queue has a handful of reads under way, an API call one.
class ReadPool {
 public:
  // With `runs_on` there are no threads: tasks run on that loop, on whose thread alone the pool is used then.
  explicit ReadPool(std::size_t threads, base::Loop* runs_on = nullptr);
  ~ReadPool();  // stop()

  // Any thread. After stop() the task is destroyed unrun.
  void run(base::Task task);
  // Runs no more tasks; waits for those under way. Loops may go on calling run().
  void stop();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<base::Task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
  base::Loop* const runs_on_;
  std::shared_ptr<int> life_;  // of tasks on runs_on_; gone once stopped
};

}  // namespace trunkline::queue
