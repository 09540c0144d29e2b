#pragma once

#include <future>
#include <memory>
#include <utility>

#include "base/function.hpp"
#include "base/loop.hpp"

namespace trunkline::base {

// Runs `start` on the loop and waits for the task it is given to be called; false when that takes longer than `within`.
// Not on a loop.
inline bool run_and_wait(Loop& loop, Millis within, UniqueFunction<void(Task)> start) {
  auto promise = std::make_shared<std::promise<void>>();
  std::future<void> future = promise->get_future();
  loop.post([start = std::move(start), promise]() mutable { start([promise] { promise->set_value(); }); });
  return future.wait_for(within) == std::future_status::ready;
}

// Starts what answers once, by the callback that it is given, and waits for that: for what answers always, if only with an
// error. Not on the loop that the callback comes to.
template <class T, class Start>
T answer_of(Start&& start) {
  auto promise = std::make_shared<std::promise<T>>();
  std::future<T> answer = promise->get_future();
  std::forward<Start>(start)([promise](T value) { promise->set_value(std::move(value)); });
  return answer.get();
}

}  // namespace trunkline::base
