#pragma once

namespace trunkline::postgres {

// Ends the waiting of threads in poll(), for good. raise() from any thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void raise();
  int fd() const { return fd_; }  // readable once it was raised

 private:
  const int fd_;
};

}  // namespace trunkline::postgres
