#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "net/io_loop.hpp"
#include "net/timer_heap.hpp"

namespace trunkline::net {

// For net's own sources. Members are declared so that the timers outlive the context: handlers that are destroyed with
// the context may still cancel timers.
struct IoLoop::Impl {
  explicit Impl(std::string loop_name) : name(std::move(loop_name)) {}

  void arm();
  void run_due_timers();
  void run();

  std::string name;
  base::SystemClock clock;
  TimerHeap timers;
  std::optional<base::MonoTime> armed;  // when the ticker wakes
  std::atomic<bool> running{false};
  std::atomic<bool> closed{false};  // no task is taken any more
  std::thread thread;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{context.get_executor()};
  boost::asio::steady_timer ticker{context};
};

}  // namespace trunkline::net
