#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "base/loop.hpp"

namespace trunkline::base {

// A loop for tests and simulations: nothing runs until told, time passes only in advance(). One thread drives it and
// counts as the loop's thread; post() is safe from any other. Timers fire at their exact deadline, equal ones in order
// of arming.
class ManualLoop final : public Loop {
 public:
  explicit ManualLoop(ManualClock& clock) : clock_(clock) {}

  void post(Task task) override {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
    posted_.notify_one();
  }
  TimerId after(Millis delay, Task task) override {
    const TimerId id = next_timer_++;
    timers_.emplace(Key{clock_.mono() + delay, id}, std::move(task));
    deadlines_.emplace(id, clock_.mono() + delay);
    return id;
  }
  void cancel(TimerId timer) override {
    const auto found = deadlines_.find(timer);
    if (found == deadlines_.end()) return;
    timers_.erase(Key{found->second, timer});
    deadlines_.erase(found);
  }
  bool here() const override { return true; }
  const Clock& clock() const override { return clock_; }

  // Runs what is posted and what is due, and what that posts, until nothing is left. Returns how many ran.
  std::size_t run() {
    std::size_t count = 0;
    while (run_one()) ++count;
    return count;
  }
  // Lets time pass; every timer on the way runs at its own deadline.
  void advance(Millis by) {
    const MonoTime end = clock_.mono() + by;
    run();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      step_to(timers_.begin()->first.first);
      run();
    }
    step_to(end);
    run();
  }
  // Waits until another thread has posted something, then runs it.
  void wait_and_run() {
    {
      std::unique_lock lock(mutex_);
      posted_.wait(lock, [this] { return !tasks_.empty(); });
    }
    run();
  }
  std::optional<MonoTime> next_timer() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.first;
  }

 private:
  using Key = std::pair<MonoTime, TimerId>;

  bool run_one() {
    if (Task task = take_posted()) {
      task();
      return true;
    }
    if (timers_.empty() || timers_.begin()->first.first > clock_.mono()) return false;
    auto due = timers_.extract(timers_.begin());
    deadlines_.erase(due.key().second);
    due.mapped()();
    return true;
  }
  Task take_posted() {
    const std::scoped_lock lock(mutex_);
    if (tasks_.empty()) return {};
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }
  void step_to(MonoTime time) {
    if (time > clock_.mono()) clock_.advance(std::chrono::ceil<Millis>(time - clock_.mono()));
  }

  ManualClock& clock_;
  std::mutex mutex_;  // of tasks_ only
  std::condition_variable posted_;
  std::deque<Task> tasks_;
  std::map<Key, Task> timers_;
  std::map<TimerId, MonoTime> deadlines_;
  TimerId next_timer_ = 1;
};

}  // namespace trunkline::base
