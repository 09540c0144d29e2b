#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "aws_engine/cloud.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"

namespace trunkline::aws_engine {

// A thread for what takes many calls and no hurry, one thing after the other. Any thread may give it something.
class Administration {
 public:
  explicit Administration(std::size_t waiting_max);
  ~Administration() { stop(); }

  // What runs now is ended by its own calls; the rest gets Errc::cancelled.
  void stop();

  template <class T, class Callback, class Work>
  void run(base::Loop& reply_on, Callback done, Work work) {
    typename Reply<T>::Callback answer = [](base::Result<T>) {};
    if (done) answer = std::move(done);
    push([reply = Reply<T>(reply_on, std::move(answer)), work = std::move(work)]() mutable { reply(work()); });
  }

 private:
  void push(base::Task task);
  void loop();

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<base::Task> tasks_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace trunkline::aws_engine
