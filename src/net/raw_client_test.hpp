#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace trunkline::net::testing {

// A blocking socket for tests that say exactly which bytes go when. Every read has a deadline of 20 s, after which it
// returns what it has: an expectation then fails instead of the test hanging.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    set_deadlines();
  }
  // For a socket that was accepted.
  static RawClient adopt(int fd) { return RawClient(Adopted{fd}); }
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() { close(); }

  bool connected() const { return connected_; }
  int descriptor() const { return fd_; }
  // False when the peer has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void shut_down_sending() { ::shutdown(fd_, SHUT_WR); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  // Up to and with `end`, which must come; what lies behind is kept for the next read.
  std::string read_until(std::string_view end) {
    while (kept_.find(end) == std::string::npos) {
      if (!receive()) return std::exchange(kept_, {});
    }
    return take(kept_.find(end) + end.size());
  }
  std::string read_exactly(std::size_t size) {
    while (kept_.size() < size) {
      if (!receive()) return std::exchange(kept_, {});
    }
    return take(size);
  }
  // All until the peer closes or resets; `closed` tells whether it did.
  std::string read_all() {
    while (receive()) {
    }
    return std::exchange(kept_, {});
  }
  bool closed() const { return closed_; }
  // Waits at most so long for bytes or the end; true when the peer has closed.
  bool poll_closed(std::chrono::milliseconds wait) {
    pollfd item{fd_, POLLIN, 0};
    if (::poll(&item, 1, static_cast<int>(wait.count())) == 1) receive();
    return closed_;
  }

  struct Answer {
    int status = 0;  // 0: no whole answer came
    std::string head;
    std::string body;
  };
  Answer read_answer(bool head_request = false) {
    Answer answer;
    answer.head = read_until("\r\n\r\n");
    if (!answer.head.ends_with("\r\n\r\n") || answer.head.size() < 12) return answer;
    const std::size_t at = answer.head.find("Content-Length: ");
    const std::size_t length = at == std::string::npos ? 0 : std::stoul(answer.head.substr(at + 16));
    if (!head_request) answer.body = read_exactly(length);
    if (head_request || answer.body.size() == length) answer.status = std::stoi(answer.head.substr(9, 3));
    return answer;
  }

 private:
  struct Adopted {
    int fd;
  };
  explicit RawClient(Adopted adopted) : fd_(adopted.fd), connected_(adopted.fd >= 0) { set_deadlines(); }

  void set_deadlines() {
    const timeval deadline{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
  }
  bool receive() {
    char buffer[16384];
    const ssize_t size = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (size > 0) kept_.append(buffer, static_cast<std::size_t>(size));
    if (size == 0 || (size < 0 && errno == ECONNRESET)) closed_ = true;
    return size > 0;
  }
  std::string take(std::size_t size) {
    std::string taken = kept_.substr(0, size);
    kept_.erase(0, size);
    return taken;
  }

  int fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::string kept_;
};

}  // namespace trunkline::net::testing
