#include "sinks.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <string>
#include <utility>

#include "base/check.hpp"

namespace trunkline::bench {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kRejection = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
constexpr std::size_t kReadBytes = 256 << 10;

std::string_view value_of(std::string_view head, std::string_view name) {
  const std::size_t found = head.find(name);
  if (found == std::string_view::npos) return {};
  const std::size_t begin = found + name.size();
  return head.substr(begin, head.find('\r', begin) - begin);
}

}  // namespace

struct Sinks::Connection {
  int socket = -1;
  std::size_t sink = 0;
  std::size_t wanted = 0;  // bytes of the request that is being read; 0: its head is not complete
  std::size_t head = 0;
  std::string in;
};

Sinks::Sinks(std::size_t count, std::size_t measured, SendTimes* times) : measured_(measured), times_(times) {
  TRUNKLINE_CHECK(count <= counts_.size(), "so many sinks");
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t i = 0; i < count; ++i) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    TRUNKLINE_CHECK(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                        ::listen(socket, 512) == 0 &&
                        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0,
                    "a port of the loopback can be listened to");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    listeners_.push_back(socket);
    ports_.push_back(ntohs(address.sin_port));
    seen_.emplace_back(times_ == nullptr ? 0 : times_->nanoseconds.size());
  }
  thread_ = std::thread([this] { run(); });
}

Sinks::~Sinks() {
  stop();
  for (const int socket : listeners_) ::close(socket);
  for (const auto& connection : connections_) {
    if (connection->socket >= 0) ::close(connection->socket);
  }
  ::close(epoll_);
}

void Sinks::stop() {
  stopping_.store(true);
  if (thread_.joinable()) thread_.join();
}

void Sinks::accept(std::size_t sink) {
  for (;;) {
    const int socket = ::accept4(listeners_[sink], nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    const int one = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections_.push_back(std::make_unique<Connection>());
    connections_.back()->socket = socket;
    connections_.back()->sink = sink;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connections_.back().get();
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }
}

void Sinks::count(Connection& connection, std::string_view head, std::string_view body) {
  const std::string_view sequences = value_of(head, "trunkline-sequence: ");
  const auto events = static_cast<std::uint64_t>(std::count(sequences.begin(), sequences.end(), ',')) + 1;
  counts_[connection.sink].requests.fetch_add(1, std::memory_order_relaxed);
  if (times_ != nullptr && connection.sink < measured_) {
    const std::int64_t now = now_nanoseconds();
    std::size_t from = 0;
    std::uint64_t number = 0;
    std::vector<bool>& seen = seen_[connection.sink];
    while (next_number(body, from, number)) {
      if (number >= seen.size() || seen[number]) continue;
      seen[number] = true;
      const std::int64_t due = times_->nanoseconds[number].load(std::memory_order_relaxed);
      if (due >= measured_from_.load(std::memory_order_relaxed)) {
        latency_.add(std::chrono::microseconds((now - due) / 1000));
      }
    }
  }
  counts_[connection.sink].events.fetch_add(events, std::memory_order_relaxed);
}

bool Sinks::take_request(Connection& connection) {
  if (connection.wanted == 0) {
    const std::size_t end = connection.in.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    connection.head = end + 4;
    const std::string_view head = std::string_view(connection.in).substr(0, end + 2);
    const std::string_view length = value_of(head, "Content-Length: ");
    std::size_t body = 0;
    std::from_chars(length.data(), length.data() + length.size(), body);
    if (!value_of(head, "Expect: ").empty()) {
      (void)!::send(connection.socket, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    }
    connection.wanted = connection.head + body;
  }
  if (connection.in.size() < connection.wanted) return false;
  const std::string_view request = std::string_view(connection.in).substr(0, connection.wanted);
  const Mode mode = counts_[connection.sink].mode.load(std::memory_order_relaxed);
  if (mode == Mode::take) count(connection, request.substr(0, connection.head), request.substr(connection.head));
  const std::string_view answer = mode == Mode::take ? kAnswer : kRejection;
  if (mode != Mode::hang) (void)!::send(connection.socket, answer.data(), answer.size(), MSG_NOSIGNAL);
  connection.in.erase(0, std::exchange(connection.wanted, 0));
  return true;
}

void Sinks::read(Connection& connection) {
  const std::size_t had = connection.in.size();
  connection.in.resize(had + kReadBytes);
  const ssize_t size = ::recv(connection.socket, connection.in.data() + had, kReadBytes, 0);
  connection.in.resize(had + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (size == 0 || (size < 0 && errno != EAGAIN)) {
    ::close(std::exchange(connection.socket, -1));
    return;
  }
  while (take_request(connection)) {
  }
}

void Sinks::run() {
  std::array<epoll_event, 64> ready;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const int count = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 50);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = ready[static_cast<std::size_t>(i)];
      if (event.data.u64 < listeners_.size()) {
        accept(event.data.u64);
      } else {
        read(*static_cast<Connection*>(event.data.ptr));
      }
    }
  }
  timespec cpu{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  cpu_seconds_ = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9;
}

}  // namespace trunkline::bench
