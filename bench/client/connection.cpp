#include "connection.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace trunkline::bench {

CallConnection::CallConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  open_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}
CallConnection::~CallConnection() {
  ::close(socket_);
}

bool CallConnection::call(std::string_view headers, std::string_view body, std::string& answer) {
  request_ = fmt::format("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Length: {}\r\n\r\n", headers, body.size());
  request_ += body;
  for (std::size_t sent = 0; open_ && sent < request_.size();) {
    const ssize_t size = ::send(socket_, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
    open_ = size > 0;
    sent += open_ ? static_cast<std::size_t>(size) : 0;
  }
  return read(answer);
}

bool CallConnection::read(std::string& answer) {
  static constexpr std::string_view kLength = "ontent-Length: ";
  in_.clear();
  std::size_t head = std::string::npos;
  while ((head = in_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return ended(answer);
  }
  std::size_t length = 0;
  const std::size_t mark = in_.find(kLength);
  if (mark > head) return ended(answer);
  std::from_chars(in_.data() + mark + kLength.size(), in_.data() + head, length);
  while (in_.size() < head + 4 + length) {
    if (!fill()) return ended(answer);
  }
  answer = in_.substr(head + 4, length);
  return in_.compare(9, 3, "200") == 0;
}

bool CallConnection::fill() {
  const std::size_t had = in_.size();
  in_.resize(had + (64 << 10));
  const ssize_t size = open_ ? ::recv(socket_, in_.data() + had, 64 << 10, 0) : -1;
  in_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  open_ = size > 0;
  return open_;
}

bool CallConnection::ended(std::string& answer) {
  open_ = false;
  answer = "the connection has ended, or the answer is none: " + in_.substr(0, 200);
  return false;
}

}  // namespace trunkline::bench
