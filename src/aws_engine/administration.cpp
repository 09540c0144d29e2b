#include "aws_engine/administration.hpp"

#include "base/thread.hpp"

namespace trunkline::aws_engine {

Administration::Administration(std::size_t waiting_max)
    : waiting_max_(waiting_max), thread_(base::start_thread("aws-admin", [this] { loop(); })) {}

void Administration::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  tasks_.clear();
}

// A task that is not taken is destroyed, and its reply says that it was given up.
void Administration::push(base::Task task) {
  const std::scoped_lock lock(mutex_);
  if (stopped_ || tasks_.size() >= waiting_max_) return;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

void Administration::loop() {
  for (;;) {
    base::Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
      if (stopped_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace trunkline::aws_engine
