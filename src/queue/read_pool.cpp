#include "queue/read_pool.hpp"

namespace trunkline::queue {

ReadPool::ReadPool(std::size_t threads, base::Loop* runs_on) : runs_on_(runs_on), life_(std::make_shared<int>()) {
  if (runs_on_ != nullptr) return;
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ReadPool::~ReadPool() {
  stop();
}

void ReadPool::stop() {
  life_.reset();
  std::deque<base::Task> unrun;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    unrun.swap(tasks_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ReadPool::run(base::Task task) {
  if (runs_on_ != nullptr) {
    if (!life_) return;
    return runs_on_->post([life = std::weak_ptr(life_), task = std::move(task)]() mutable {
      if (!life.expired()) task();
    });
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void ReadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) return;
    base::Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace trunkline::queue
