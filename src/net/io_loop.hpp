#pragma once

#include <memory>
#include <string>

#include "base/loop.hpp"

namespace trunkline::net {

// A thread that runs one io_context with concurrency hint 1. start() once; stop() from any thread, then the destructor
// joins. Objects that hold sockets of the loop must be destroyed before the loop is. Signals are blocked on the thread:
// they belong to the program's main thread.
class IoLoop final : public base::Loop {
 public:
  // The thread's name is the first 15 bytes of `name` (a limit of Linux).
  explicit IoLoop(std::string name);
  ~IoLoop() override;

  void start();
  // Lets the handler that runs now finish; the others are destroyed unrun with the loop. No effect before start().
  void stop();
  void join();

  void post(base::Task task) override;
  // As in base::Loop; allowed also while the thread does not run (before start(), after join()). Deadlines are rounded
  // up to 10 ms so that timers share wake-ups.
  TimerId after(base::Millis delay, base::Task task) override;
  void cancel(TimerId timer) override;
  bool here() const override;
  const base::Clock& clock() const override;

  struct Impl;
  Impl& impl() { return *impl_; }  // for net's own sources: the io_context stays behind the fence

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
