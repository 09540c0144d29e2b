#pragma once

#include <memory>
#include <string>

#include "base/loop.hpp"

namespace trunkline::net {

// A thread that runs one io_context with concurrency hint 1. start() once; stop() from any thread, then the destructor joins.
class IoLoop final : public base::Loop {
 public:
  explicit IoLoop(std::string name);
  ~IoLoop() override;

  void start();
  // Lets the handler that runs now finish; the others are destroyed unrun with the loop.
  void stop();
  void join();

  void post(base::Task task) override;
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
