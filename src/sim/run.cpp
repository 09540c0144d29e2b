#include "sim/run.hpp"

#include <signal.h>

#include <cstdio>

#include <fmt/format.h>

namespace trunkline::sim {

struct SignalWait::Mask {
  sigset_t waited;
  sigset_t before;
};

SignalWait::SignalWait() : mask_(new Mask) {
  sigemptyset(&mask_->waited);
  sigaddset(&mask_->waited, SIGINT);
  sigaddset(&mask_->waited, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &mask_->waited, &mask_->before);
}

SignalWait::~SignalWait() {
  pthread_sigmask(SIG_SETMASK, &mask_->before, nullptr);
  delete mask_;
}

bool SignalWait::wait(base::Millis time) {
  const timespec timeout{.tv_sec = static_cast<time_t>(time.count() / 1000),
                         .tv_nsec = static_cast<long>(time.count() % 1000 * 1'000'000)};
  return sigtimedwait(&mask_->waited, nullptr, &timeout) > 0;
}

void complain(std::string_view what) {
  fmt::print(stderr, "trunkline sim: {}\n", what);
}

}  // namespace trunkline::sim
