#pragma once

#include <future>
#include <memory>

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

}  // namespace trunkline::base
