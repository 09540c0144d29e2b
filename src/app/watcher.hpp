#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "net/io_loop.hpp"

namespace trunkline::app {

// Looks at the hub once a second, on a thread of its own, so that what it does delays no event.
class Watcher {
 public:
  // `look` runs on the watcher's thread.
  explicit Watcher(std::function<void()> look);
  ~Watcher();

  void start();
  net::IoLoop& loop() { return loop_; }
  // Not on its thread. Afterwards `look` runs no more.
  void stop();

 private:
  void tick();

  const std::function<void()> look_;
  net::IoLoop loop_;
};

}  // namespace trunkline::app
