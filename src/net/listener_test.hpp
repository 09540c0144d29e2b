#pragma once

#include <gtest/gtest.h>

#include "net/raw_client_test.hpp"

namespace trunkline::net::testing {

// A listening socket on a free loopback port, for tests that play the server by hand.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const bool listening = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(fd_, 64) == 0;
    EXPECT_TRUE(listening && ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    const timeval deadline{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { close(); }

  std::uint16_t port() const { return port_; }
  RawClient accept() { return RawClient::adopt(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace trunkline::net::testing
