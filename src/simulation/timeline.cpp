#include "simulation/timeline.hpp"

#include <algorithm>
#include <utility>

namespace trunkline::simulation {

using base::Millis;
using base::MonoTime;
using base::Task;

void SimulatedClock::advance_to(MonoTime at) {
  const std::int64_t by = std::chrono::ceil<Millis>(at - mono()).count();
  if (by <= 0) return;
  mono_.fetch_add(by, std::memory_order_relaxed);
  wall_.fetch_add(by, std::memory_order_relaxed);
}

// ---- SimulatedLoop

void SimulatedLoop::post(Task task) {
  const Millis delay = pace_ ? pace_() : Millis(0);
  if (turn_ == Turn::overtaking) {
    after(delay, std::move(task));
    return;
  }
  MonoTime due = timeline_.clock_.mono() + delay;
  if (!posted_.empty()) due = std::max(due, posted_.back().key.first);
  posted_.push_back({{due, next_order()}, std::move(task)});
}

base::Loop::TimerId SimulatedLoop::after(Millis delay, Task task) {
  const TimerId id = next_order();
  const MonoTime due = timeline_.clock_.mono() + std::max(delay, Millis(0));
  timers_.emplace(Key{due, id}, std::move(task));
  deadlines_.emplace(id, due);
  return id;
}

void SimulatedLoop::cancel(TimerId timer) {
  const auto found = deadlines_.find(timer);
  if (found == deadlines_.end()) return;
  timers_.erase(Key{found->second, timer});
  deadlines_.erase(found);
}

std::uint64_t SimulatedLoop::next_order() {
  constexpr std::uint64_t kLast = 1ull << 62;
  return timeline_.next_order_++ | (turn_ == Turn::last ? kLast : 0);
}

bool SimulatedLoop::here() const {
  return timeline_.running_ == this;
}

const base::Clock& SimulatedLoop::clock() const {
  return timeline_.clock_;
}

void SimulatedLoop::drop() {
  // A task that is destroyed may post.
  while (!posted_.empty() || !timers_.empty()) {
    const auto posted = std::exchange(posted_, {});
    const auto timers = std::exchange(timers_, {});
    deadlines_.clear();
  }
}

SimulatedLoop::Key SimulatedLoop::next() const {
  Key key{MonoTime::max(), UINT64_MAX};
  if (!posted_.empty()) key = posted_.front().key;
  if (!timers_.empty()) key = std::min(key, timers_.begin()->first);
  return key;
}

Task SimulatedLoop::take() {
  if (timers_.empty() || (!posted_.empty() && posted_.front().key < timers_.begin()->first)) {
    Task task = std::move(posted_.front().task);
    posted_.pop_front();
    return task;
  }
  auto due = timers_.extract(timers_.begin());
  deadlines_.erase(due.key().second);
  return std::move(due.mapped());
}

// ---- Timeline

SimulatedLoop& Timeline::add_loop(SimulatedLoop::Pace pace, SimulatedLoop::Turn turn) {
  loops_.push_back(std::make_unique<SimulatedLoop>(*this, std::move(pace), turn));
  return *loops_.back();
}

SimulatedLoop* Timeline::choose(MonoTime end) {
  SimulatedLoop* first = nullptr;
  SimulatedLoop::Key least{MonoTime::max(), UINT64_MAX};
  due_.clear();
  for (const auto& loop : loops_) {
    const SimulatedLoop::Key key = loop->next();
    if (key.first <= clock_.mono()) due_.push_back(loop.get());
    if (key < least) {
      least = key;
      first = loop.get();
    }
  }
  if (first == nullptr || least.first > end) return nullptr;
  clock_.advance_to(least.first);
  if (!shuffle_ || due_.size() < 2) return first;
  return due_[random_.below(due_.size())];
}

void Timeline::run_until(MonoTime end) {
  while (!stuck()) {
    SimulatedLoop* loop = choose(end);
    if (loop == nullptr) return clock_.advance_to(end);
    if (std::exchange(moment_, clock_.mono()) != clock_.mono()) moment_tasks_ = 0;
    ++moment_tasks_;
    {
      Task task = loop->take();
      running_ = loop;
      task();
      running_ = nullptr;
    }
    ++tasks_;
    if (after_each_) after_each_();
  }
}

}  // namespace trunkline::simulation
