#include "connection.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "load.hpp"

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
  send(headers, body);
  while (!receive()) {
  }
  answer = answer_;
  return good_;
}

void CallConnection::send(std::string_view headers, std::string_view body) {
  request_.clear();
  fmt::format_to(std::back_inserter(request_), "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Length: {}\r\n\r\n",
                 headers, body.size());
  request_ += body;
  have_ = 0;
  for (std::size_t sent = 0; open_ && sent < request_.size();) {
    const ssize_t size = ::send(socket_, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
    open_ = size > 0;
    sent += open_ ? static_cast<std::size_t>(size) : 0;
  }
}

bool CallConnection::receive() {
  static constexpr std::string_view kLength = "ontent-Length: ";
  if (have_ == in_.size()) in_.resize(std::max<std::size_t>(64 << 10, 2 * in_.size()));
  const ssize_t size = open_ ? ::recv(socket_, in_.data() + have_, in_.size() - have_, 0) : -1;
  open_ = size > 0;
  if (!open_) return ended();
  have_ += static_cast<std::size_t>(size);
  const std::string_view all(in_.data(), have_);
  const std::size_t head = all.find("\r\n\r\n");
  if (head == std::string_view::npos) return false;
  const std::size_t mark = all.find(kLength);
  if (mark > head) return ended();
  std::size_t length = 0;
  std::from_chars(all.data() + mark + kLength.size(), all.data() + head, length);
  if (have_ < head + 4 + length) return false;
  answer_ = all.substr(head + 4, length);
  good_ = all.substr(9, 3) == "200";
  return true;
}

bool CallConnection::ended() {
  open_ = good_ = false;
  request_ =
      "the connection has ended, or the answer is none: " + std::string(in_.data(), std::min<std::size_t>(have_, 200));
  answer_ = request_;
  return true;
}

CallLoop::CallLoop(std::uint16_t port, std::size_t count) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t i = 0; i < count; ++i) {
    connections_.push_back(std::make_unique<CallConnection>(port));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i]->socket(), &event);
  }
}
CallLoop::~CallLoop() {
  ::close(epoll_);
}

const std::vector<std::size_t>& CallLoop::wait(std::int64_t until) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  whole_.clear();
  const std::int64_t left = std::max<std::int64_t>(until - now_nanoseconds(), 0);
  const timespec timeout{left / kSecond, left % kSecond};
  std::array<epoll_event, 64> events;
  const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    if (connections_[events[i].data.u64]->receive()) whole_.push_back(events[i].data.u64);
  }
  return whole_;
}

}  // namespace trunkline::bench
