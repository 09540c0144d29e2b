#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"

namespace trunkline::app {

// Long work for one loop, at most so much of it at a time: what waits holds its request, and whoever asks the last of
// hundreds has long gone. Any thread. The loop outlives it.
class BoundedWork {
 public:
  BoundedWork(base::Loop& loop, std::size_t tasks_max) : loop_(loop), tasks_max_(tasks_max) {}

  // Runs `run` there and answers on `reply_on`; at once, with Errc::overloaded, when too much is asked.
  template <class T, class Run>
  void ask(base::Loop& reply_on, base::UniqueFunction<void(base::Result<T>)> done, Run run) {
    // Shared with the task, which may be refused.
    auto answer = std::make_shared<base::UniqueFunction<void(base::Result<T>)>>(std::move(done));
    const bool posted = post([&reply_on, answer, run = std::move(run)]() mutable {
      reply_on.post([answer, result = run()]() mutable { (*answer)(std::move(result)); });
    });
    if (!posted)
      (*answer)(
          base::Error{base::Errc::overloaded, "too many questions wait for a look into the log: ask again later"});
  }

  // False, and the task is destroyed unrun, when tasks_max wait or run.
  bool post(base::Task task) {
    if (count_->fetch_add(1) >= tasks_max_) {
      count_->fetch_sub(1);
      return false;
    }
    loop_.post([count = count_, task = std::move(task)]() mutable {
      task();
      count->fetch_sub(1);
    });
    return true;
  }

 private:
  base::Loop& loop_;
  const std::size_t tasks_max_;
  // Shared with the tasks, which may be destroyed after it.
  const std::shared_ptr<std::atomic<std::size_t>> count_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace trunkline::app
