#include "load.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/check.hpp"

namespace trunkline::bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDrain = 10 * kSecond;  // for the last answers

class Load {
 public:
  Load(const LoadOptions& options, Wire& wire) : options_(options), wire_(wire), connections_(options.connections) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (options_.tls) {
      tls_ = ::SSL_CTX_new(::TLS_client_method());
      ::SSL_CTX_set_session_cache_mode(tls_, SSL_SESS_CACHE_OFF);
    }
  }
  ~Load() {
    for (Connection& connection : connections_) close(connection);
    ::close(epoll_);
    ::SSL_CTX_free(tls_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  LoadResult run();

 private:
  enum class State : std::uint8_t { closed, connecting, handshake, open };
  struct Connection {
    int socket = -1;
    SSL* tls = nullptr;
    State state = State::closed;
    bool busy = false;
    std::uint32_t interest = 0;
    std::size_t written = 0;
    std::int64_t due = 0;
    std::string out;
    std::string in;
  };

  void begin(Connection& connection, std::int64_t due);
  void open(Connection& connection);
  void close(Connection& connection);
  void act(Connection& connection, std::uint32_t events);
  bool shake_hands(Connection& connection);
  void write(Connection& connection);
  void read(Connection& connection);
  void answered(Connection& connection, const Wire::Answer& answer);
  void lost(Connection& connection, const char* why);
  void next(Connection& connection);
  void want(Connection& connection, std::uint32_t events);
  void pace(std::int64_t now);
  bool all_sent() const { return options_.events > 0 && next_event_ + options_.batch > options_.events; }
  ssize_t receive(Connection& connection);

  LoadOptions options_;
  Wire& wire_;
  LoadResult result_;
  std::vector<Connection> connections_;
  std::vector<Connection*> free_;  // with a rate
  int epoll_ = -1;
  SSL_CTX* tls_ = nullptr;
  std::uint64_t next_event_ = 0;
  std::int64_t first_due_ = 0;
  std::int64_t measured_from_ = 0;
  std::int64_t end_ = 0;
  std::size_t busy_ = 0;
  std::array<char, 64 << 10> buffer_;
};

void Load::want(Connection& connection, std::uint32_t events) {
  if (connection.interest == events) return;
  epoll_event event{};
  event.events = events;
  event.data.ptr = &connection;
  const int operation = connection.interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  TRUNKLINE_CHECK(::epoll_ctl(epoll_, operation, connection.socket, &event) == 0, "epoll_ctl");
  connection.interest = events;
}

void Load::open(Connection& connection) {
  connection.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  TRUNKLINE_CHECK(connection.socket >= 0, "no socket: too many open files");
  const int one = 1;
  ::setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (options_.reconnect) {
    // A reset instead of TIME_WAIT: a minute of new connections would use up the ports of the machine.
    const linger hard{1, 0};
    ::setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection.state = State::connecting;
  const int outcome = ::connect(connection.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (outcome < 0 && errno != EINPROGRESS) return lost(connection, "connect");
  want(connection, EPOLLOUT);
}

void Load::close(Connection& connection) {
  if (connection.tls != nullptr) ::SSL_free(std::exchange(connection.tls, nullptr));
  if (connection.socket >= 0) ::close(std::exchange(connection.socket, -1));
  connection.interest = 0;
  connection.state = State::closed;
  connection.in.clear();
}

void Load::begin(Connection& connection, std::int64_t due) {
  connection.busy = true;
  ++busy_;
  connection.due = due;
  connection.out.clear();
  connection.written = 0;
  wire_.request(connection.out, next_event_, options_.batch);
  for (std::uint32_t i = 0; options_.times != nullptr && i < options_.batch; ++i) {
    if (next_event_ + i < options_.times->nanoseconds.size()) options_.times->nanoseconds[next_event_ + i] = due;
  }
  next_event_ += options_.batch;
  if (connection.state == State::closed) return open(connection);
  write(connection);
}

bool Load::shake_hands(Connection& connection) {
  if (connection.tls == nullptr) {
    connection.tls = ::SSL_new(tls_);
    ::SSL_set_fd(connection.tls, connection.socket);
    ::SSL_set_connect_state(connection.tls);
  }
  const int outcome = ::SSL_do_handshake(connection.tls);
  if (outcome == 1) return true;
  const int error = ::SSL_get_error(connection.tls, outcome);
  if (error == SSL_ERROR_WANT_READ) {
    want(connection, EPOLLIN);
  } else if (error == SSL_ERROR_WANT_WRITE) {
    want(connection, EPOLLOUT);
  } else {
    lost(connection, "TLS handshake");
  }
  return false;
}

void Load::act(Connection& connection, std::uint32_t events) {
  if (connection.state == State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection.socket, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return lost(connection, "connection refused");
    connection.state = options_.tls ? State::handshake : State::open;
    if (!options_.tls) return write(connection);
  }
  if (connection.state == State::handshake) {
    if (!shake_hands(connection)) return;
    connection.state = State::open;
    return write(connection);
  }
  if ((events & EPOLLOUT) != 0) return write(connection);
  read(connection);
}

void Load::write(Connection& connection) {
  while (connection.written < connection.out.size()) {
    const char* from = connection.out.data() + connection.written;
    const std::size_t left = connection.out.size() - connection.written;
    ssize_t sent = 0;
    if (connection.tls != nullptr) {
      sent = ::SSL_write(connection.tls, from, static_cast<int>(left));
    } else {
      sent = ::send(connection.socket, from, left, MSG_NOSIGNAL);
    }
    if (sent <= 0) {
      const bool wait = connection.tls != nullptr
                            ? ::SSL_get_error(connection.tls, static_cast<int>(sent)) == SSL_ERROR_WANT_WRITE
                            : errno == EAGAIN;
      if (wait) return want(connection, EPOLLOUT);
      return lost(connection, "write");
    }
    connection.written += static_cast<std::size_t>(sent);
  }
  want(connection, EPOLLIN);
}

ssize_t Load::receive(Connection& connection) {
  if (connection.tls == nullptr) return ::recv(connection.socket, buffer_.data(), buffer_.size(), 0);
  const int size = ::SSL_read(connection.tls, buffer_.data(), static_cast<int>(buffer_.size()));
  if (size > 0) return size;
  errno = ::SSL_get_error(connection.tls, size) == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
  return -1;
}

void Load::read(Connection& connection) {
  const ssize_t size = receive(connection);
  if (size <= 0) {
    if (size < 0 && errno == EAGAIN) return;
    return lost(connection, "the peer has closed");
  }
  std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
  if (!connection.in.empty()) bytes = connection.in.append(bytes);
  if (!connection.busy) return lost(connection, "bytes that nobody asked for");
  const Wire::Answer answer = wire_.answer(bytes, options_.batch);
  if (answer.bytes != 0) return answered(connection, answer);
  if (connection.in.empty()) connection.in.assign(bytes);
}

void Load::answered(Connection& connection, const Wire::Answer& answer) {
  const std::int64_t now = now_nanoseconds();
  if (!answer.good) {
    if (result_.bad++ == 0) result_.first_bad = answer.why;
  } else {
    result_.all += options_.batch;
    if (now >= measured_from_ && now < end_) {
      result_.events += options_.batch;
      result_.latency.add(std::chrono::microseconds((now - connection.due) / 1000));
    }
  }
  connection.in.clear();
  if (options_.reconnect) close(connection);
  next(connection);
}

void Load::lost(Connection& connection, const char* why) {
  close(connection);
  if (!connection.busy) return;  // a kept connection may be closed by its peer
  if (result_.bad++ == 0) result_.first_bad = why;
  next(connection);
}

void Load::next(Connection& connection) {
  if (connection.busy) --busy_;
  connection.busy = false;
  if (options_.rate > 0) {
    free_.push_back(&connection);
    return;
  }
  // Too many bad answers are an error of the set-up; a loop of refused connections would only burn the machine.
  const std::int64_t now = now_nanoseconds();
  if (now < end_ && result_.bad < 1000 && !all_sent()) begin(connection, now);
}

// Begins what is due.
void Load::pace(std::int64_t now) {
  const double every = static_cast<double>(kSecond) * options_.batch / options_.rate;
  while (!free_.empty() && !all_sent()) {
    const auto requests = static_cast<double>(next_event_ / options_.batch);
    const std::int64_t due = first_due_ + static_cast<std::int64_t>(requests * every);
    if (due > now || due >= end_) return;
    Connection* connection = free_.back();
    free_.pop_back();
    begin(*connection, due);
  }
}

LoadResult Load::run() {
  first_due_ = now_nanoseconds();
  measured_from_ = first_due_ + static_cast<std::int64_t>(options_.warm_up * 1e9);
  end_ = first_due_ + static_cast<std::int64_t>(options_.seconds * 1e9);
  result_.begun = measured_from_;
  result_.seconds = options_.seconds - options_.warm_up;
  for (Connection& connection : connections_) {
    if (options_.rate > 0) {
      free_.push_back(&connection);
    } else if (!all_sent()) {
      begin(connection, first_due_);
    }
  }
  std::array<epoll_event, 256> ready;
  for (std::int64_t now = first_due_; now < end_ || (busy_ > 0 && now < end_ + kDrain); now = now_nanoseconds()) {
    if (all_sent() && busy_ == 0) {
      result_.seconds = static_cast<double>(now - measured_from_) / 1e9;
      break;
    }
    if (options_.rate > 0) pace(now);
    const timespec pause{0, options_.rate > 0 && now < end_ ? 100'000 : 20'000'000};
    const int count = ::epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &pause, nullptr);
    for (int i = 0; i < count; ++i) {
      act(*static_cast<Connection*>(ready[static_cast<std::size_t>(i)].data.ptr),
          ready[static_cast<std::size_t>(i)].events);
    }
  }
  result_.bad += busy_;
  if (busy_ > 0 && result_.first_bad.empty()) result_.first_bad = "no answer";
  timespec cpu{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  result_.cpu_seconds = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9;
  return std::move(result_);
}

}  // namespace

std::int64_t now_nanoseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

LoadResult run_load(const LoadOptions& options, Wire& wire) {
  return Load(options, wire).run();
}

}  // namespace trunkline::bench
