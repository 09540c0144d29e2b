#include "net/stream_client.hpp"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "net/io_loop_impl.hpp"
#include "net/tls_channel.hpp"

namespace trunkline::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Errc;
using base::Millis;
using base::MonoTime;
using boost::system::error_code;

// Between two looks at what the peer has acknowledged: the loop's resolution, since an acknowledgement wakes nobody.
constexpr Millis kLookEvery{10};
constexpr std::size_t kReadBuffer = 4 << 10;

}  // namespace

// A connection of one life after another: `life` tells the operations of an earlier socket from those of the present
// one.
struct StreamClient::Impl : std::enable_shared_from_this<StreamClient::Impl> {
  struct Write {
    std::string bytes;
    std::size_t written = 0;
    std::uint64_t end = 0;                 // place in the socket's stream, once all is written
    std::optional<MonoTime> acknowledged;  // when that was seen
    MonoTime deadline;
    Callback done;
  };
  enum class State : std::uint8_t { closed, connecting, handshaking, open };

  Impl(IoLoop& client_loop, StreamClientOptions client_options, std::shared_ptr<ssl_ctx_st> client_context)
      : loop(client_loop),
        options(std::move(client_options)),
        context(std::move(client_context)),
        resolver(client_loop.impl().context),
        socket(client_loop.impl().context) {}

  void write(std::string bytes, Callback done);
  void open();
  void connect(const tcp::resolver::results_type& found);
  void on_connected();
  void handshake();
  void on_open();
  void flush();
  void wait_to_write();
  void read();
  void wait_to_read();
  std::size_t write_some(const char* bytes, std::size_t size, error_code& error);
  std::uint64_t socket_bytes_written() const;
  void look();
  void look_later();
  void fail(Errc code, const std::string& why);
  void reset();

  IoLoop& loop;
  const StreamClientOptions options;
  const std::shared_ptr<ssl_ctx_st> context;  // OpenSSL's, counted
  tcp::resolver resolver;
  tcp::socket socket;
  std::optional<TlsChannel> channel;
  State state = State::closed;
  std::uint64_t life = 0;
  std::uint64_t plain_bytes_written = 0;
  std::deque<Write> writes;  // in order; those behind the first unwritten one are unwritten
  std::size_t bytes_held = 0;
  MonoTime connect_deadline;
  bool waits_to_write = false;
  IoLoop::TimerId timer = 0;
};

void StreamClient::Impl::write(std::string bytes, Callback done) {
  if (bytes_held + bytes.size() > options.unsettled_bytes_max) {
    loop.post([done = std::move(done)]() mutable {
      done(base::Error{Errc::overloaded, "too many bytes wait for the peer's acknowledgement"});
    });
    return;
  }
  bytes_held += bytes.size();
  Write added;
  added.bytes = std::move(bytes);
  added.deadline = loop.clock().mono() + options.timeout;
  added.done = std::move(done);
  writes.push_back(std::move(added));
  look_later();
  if (state == State::closed) return open();
  if (state == State::open && !waits_to_write) {
    loop.post([self = shared_from_this(), now = life] {
      if (now == self->life && self->state == State::open && !self->waits_to_write) self->flush();
    });
  }
}

void StreamClient::Impl::open() {
  state = State::connecting;
  connect_deadline = loop.clock().mono() + options.connect_timeout;
  resolver.async_resolve(options.host, std::to_string(options.port), tcp::resolver::numeric_service,
                         [self = shared_from_this(), now = life](const error_code& failed, const auto& found) {
                           if (now != self->life) return;
                           if (failed) return self->fail(Errc::unavailable, "Could not resolve: " + failed.message());
                           self->connect(found);
                         });
}

void StreamClient::Impl::connect(const tcp::resolver::results_type& found) {
  std::vector<tcp::endpoint> allowed;
  std::string why = "the name has no address";
  for (const auto& entry : found) {
    const auto forbidden = forbidden_address(entry.endpoint().address().to_string(), options.addresses);
    if (forbidden) why = *forbidden;
    if (!forbidden) allowed.push_back(entry.endpoint());
  }
  if (allowed.empty()) return fail(Errc::invalid, why);
  asio::async_connect(socket, std::move(allowed),
                      [self = shared_from_this(), now = life](const error_code& failed, const tcp::endpoint&) {
                        if (now != self->life) return;
                        if (failed) return self->fail(Errc::unavailable, "Could not connect: " + failed.message());
                        self->on_connected();
                      });
}

void StreamClient::Impl::on_connected() {
  error_code error;
  socket.set_option(tcp::no_delay(true), error);
  socket.set_option(tcp::socket::keep_alive(true), error);
  socket.non_blocking(true, error);
  if (error) return fail(Errc::unavailable, error.message());
  if (!options.tls) return on_open();
  state = State::handshaking;
  channel.emplace(context, socket.native_handle(), options.host);
  handshake();
}

void StreamClient::Impl::handshake() {
  error_code error;
  channel->handshake(error);
  if (!error) return on_open();
  if (error != asio::error::would_block) {
    return fail(Errc::unavailable,
                fmt::format("TLS: {}", channel->failure().empty() ? error.message() : channel->failure()));
  }
  const auto direction = channel->read_waits_to_write() ? tcp::socket::wait_write : tcp::socket::wait_read;
  socket.async_wait(direction, [self = shared_from_this(), now = life](const error_code& failed) {
    if (now != self->life) return;
    if (failed) return self->fail(Errc::unavailable, failed.message());
    self->handshake();
  });
}

void StreamClient::Impl::on_open() {
  state = State::open;
  const std::uint64_t now = life;
  read();
  if (now == life) flush();
}

std::size_t StreamClient::Impl::write_some(const char* bytes, std::size_t size, error_code& error) {
  if (channel) return channel->write_some(bytes, size, error);
  const std::size_t sent = socket.write_some(asio::buffer(bytes, size), error);
  plain_bytes_written += sent;
  return sent;
}

std::uint64_t StreamClient::Impl::socket_bytes_written() const {
  return channel ? channel->socket_bytes_written() : plain_bytes_written;
}

void StreamClient::Impl::flush() {
  for (Write& each : writes) {
    if (each.end != 0) continue;
    while (each.written < each.bytes.size()) {
      error_code error;
      each.written += write_some(each.bytes.data() + each.written, each.bytes.size() - each.written, error);
      if (error == asio::error::would_block) return wait_to_write();
      if (error) return fail(Errc::unavailable, "the connection broke: " + error.message());
    }
    each.end = std::max<std::uint64_t>(1, socket_bytes_written());
  }
}

void StreamClient::Impl::wait_to_write() {
  waits_to_write = true;
  const bool reads = channel && channel->write_waits_to_read();
  socket.async_wait(reads ? tcp::socket::wait_read : tcp::socket::wait_write,
                    [self = shared_from_this(), now = life](const error_code& failed) {
                      if (now != self->life) return;
                      self->waits_to_write = false;
                      if (failed) return self->fail(Errc::unavailable, failed.message());
                      self->flush();
                    });
}

void StreamClient::Impl::read() {
  std::array<char, kReadBuffer> thrown_away;
  for (;;) {
    error_code error;
    if (channel) {
      channel->read_some(thrown_away.data(), thrown_away.size(), error);
    } else {
      socket.read_some(asio::buffer(thrown_away), error);
    }
    if (error == asio::error::would_block) return wait_to_read();
    if (error == asio::error::eof) return fail(Errc::unavailable, "the peer closed the connection");
    if (error) return fail(Errc::unavailable, "the connection broke: " + error.message());
  }
}

void StreamClient::Impl::wait_to_read() {
  socket.async_wait(tcp::socket::wait_read, [self = shared_from_this(), now = life](const error_code& failed) {
    if (now != self->life) return;
    if (failed) return self->fail(Errc::unavailable, failed.message());
    self->read();
  });
}

void StreamClient::Impl::look() {
  const MonoTime now = loop.clock().mono();
  if (state != State::open && state != State::closed && now >= connect_deadline)
    return fail(Errc::unavailable, fmt::format("no connection within {} ms", options.connect_timeout.count()));
  int unacknowledged = 0;
  if (state == State::open && ::ioctl(socket.native_handle(), SIOCOUTQ, &unacknowledged) != 0)
    return fail(Errc::unavailable, "the connection broke");
  const std::uint64_t acknowledged = socket_bytes_written() - static_cast<std::uint64_t>(unacknowledged);
  for (Write& each : writes) {
    if (each.end == 0 || each.end > acknowledged + (each.bytes.empty() ? 1 : 0)) break;
    if (!each.acknowledged) each.acknowledged = now;
  }
  std::vector<Callback> settled;
  while (!writes.empty() && writes.front().acknowledged && now - *writes.front().acknowledged >= options.hold) {
    bytes_held -= writes.front().bytes.size();
    settled.push_back(std::move(writes.front().done));
    writes.pop_front();
  }
  const bool late = !writes.empty() && !writes.front().acknowledged && now >= writes.front().deadline;
  // A callback may let the client go; this object lives on in the caller's hand.
  for (Callback& done : settled) done({});
  if (late) fail(Errc::timeout, "the peer has not acknowledged in time");
}

void StreamClient::Impl::look_later() {
  if (timer != 0) return;
  timer = loop.after(kLookEvery, [self = shared_from_this()] {
    self->timer = 0;
    if (self->writes.empty()) return;
    self->look();
    if (!self->writes.empty()) self->look_later();
  });
}

void StreamClient::Impl::fail(Errc code, const std::string& why) {
  std::deque<Write> failed = std::move(writes);
  writes.clear();
  bytes_held = 0;
  reset();
  for (Write& each : failed) {
    loop.post([done = std::move(each.done), code, why]() mutable { done(base::Error{code, why}); });
  }
}

void StreamClient::Impl::reset() {
  ++life;
  state = State::closed;
  if (channel) channel->close_notify();
  channel.reset();
  plain_bytes_written = 0;
  waits_to_write = false;
  resolver.cancel();
  error_code ignored;
  socket.close(ignored);
}

base::Result<std::unique_ptr<StreamClient>> StreamClient::make(IoLoop& loop, StreamClientOptions options) {
  std::shared_ptr<ssl_ctx_st> context;  // counted by OpenSSL's users here
  if (options.tls) {
    TRUNKLINE_TRY(context, make_tls_client(options.files));
  }
  return std::unique_ptr<StreamClient>(
      new StreamClient(std::make_shared<Impl>(loop, std::move(options), std::move(context))));
}

StreamClient::~StreamClient() {
  impl_->writes.clear();
  if (impl_->timer != 0) impl_->loop.cancel(impl_->timer);
  impl_->timer = 0;
  impl_->reset();
}

void StreamClient::write(std::string bytes, Callback done) {
  impl_->write(std::move(bytes), std::move(done));
}

}  // namespace trunkline::net
