#include "postgres/interrupt.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "base/check.hpp"

namespace trunkline::postgres {

Interrupt::Interrupt() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TRUNKLINE_CHECK(fd_ >= 0, "no eventfd: out of file descriptors");
}

Interrupt::~Interrupt() {
  ::close(fd_);
}

void Interrupt::raise() {
  const std::uint64_t one = 1;
  // It fails only when it was raised 2^64 times.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

}  // namespace trunkline::postgres
