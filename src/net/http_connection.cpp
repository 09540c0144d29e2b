#include "net/http_connection.hpp"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <utility>

#include "net/http_parser.hpp"
#include "net/io_loop_impl.hpp"

namespace trunkline::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadBuffer = 16 << 10;
constexpr std::size_t kHeaderBytesMax = 64 << 10;

}  // namespace

// A connection of one life after another: `life` tells the operations of an earlier socket from those of the present
// one.
struct HttpConnection::Impl : std::enable_shared_from_this<HttpConnection::Impl> {
  struct Exchange {
    base::MonoTime deadline;
    bool no_body = false;
    ClientCallback done;
  };
  enum class State : std::uint8_t { closed, connecting, open };

  Impl(IoLoop& connection_loop, std::string peer_host, std::uint16_t peer_port)
      : loop(connection_loop),
        host(std::move(peer_host)),
        port(peer_port),
        resolver(connection_loop.impl().context),
        socket(connection_loop.impl().context),
        parser(kHeaderBytesMax, HttpConnection::kResponseBytesMax) {}

  void send(std::string bytes, base::Millis timeout, ClientCallback done);
  void open();
  void connect(const tcp::resolver::results_type& found);
  void write();
  void read();
  void on_read(std::size_t size);
  void answer_front();
  void on_end(const error_code& error);
  void fail(base::Errc code, const std::string& why);
  void reset();
  void watch_deadline();

  IoLoop& loop;
  const std::string host;
  const std::uint16_t port;
  tcp::resolver resolver;
  tcp::socket socket;
  ResponseParser parser;
  State state = State::closed;
  std::uint64_t life = 0;
  std::string waiting;  // to be written after `writing`
  std::string writing;
  std::string input;
  std::array<char, kReadBuffer> buffer;
  std::deque<Exchange> open_exchanges;
  IoLoop::TimerId timer = 0;
};

void HttpConnection::Impl::send(std::string bytes, base::Millis timeout, ClientCallback done) {
  if (open_exchanges.size() >= HttpConnection::kOutstandingMax) {
    loop.post([done = std::move(done)]() mutable {
      done(base::Error{base::Errc::overloaded, "too many outstanding requests on one connection"});
    });
    return;
  }
  const bool no_body = bytes.starts_with("HEAD ");
  if (open_exchanges.empty() && no_body) parser.expect_no_body();
  open_exchanges.push_back({loop.clock().mono() + timeout, no_body, std::move(done)});
  waiting += bytes;
  if (timer == 0) watch_deadline();
  if (state == State::closed) return open();
  if (state == State::open) write();
}

void HttpConnection::Impl::open() {
  state = State::connecting;
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return connect(tcp::resolver::results_type::create(tcp::endpoint(address, port), host, ""));
  resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                         [self = shared_from_this(), now = life](const error_code& failed, const auto& found) {
                           if (now != self->life) return;
                           if (failed) return self->fail(base::Errc::unavailable, "resolve: " + failed.message());
                           self->connect(found);
                         });
}

void HttpConnection::Impl::connect(const tcp::resolver::results_type& found) {
  asio::async_connect(socket, found, [self = shared_from_this(), now = life](const error_code& failed, const auto&) {
    if (now != self->life) return;
    if (failed) return self->fail(base::Errc::unavailable, "connect: " + failed.message());
    error_code ignored;
    self->socket.set_option(tcp::no_delay(true), ignored);
    self->state = State::open;
    self->read();
    self->write();
  });
}

void HttpConnection::Impl::write() {
  if (!writing.empty() || waiting.empty()) return;
  std::swap(writing, waiting);
  asio::async_write(socket, asio::buffer(writing),
                    [self = shared_from_this(), now = life](const error_code& failed, std::size_t) {
                      if (now != self->life) return;
                      self->writing.clear();
                      // A peer that closes may have answered before: the read side decides.
                      if (!failed) self->write();
                    });
}

void HttpConnection::Impl::read() {
  socket.async_read_some(asio::buffer(buffer),
                         [self = shared_from_this(), now = life](const error_code& error, std::size_t size) {
                           if (now != self->life) return;
                           if (error) return self->on_end(error);
                           self->on_read(size);
                           if (now == self->life) self->read();
                         });
}

void HttpConnection::Impl::on_read(std::size_t size) {
  std::string_view bytes(buffer.data(), size);
  if (!input.empty()) {
    input.append(bytes);
    bytes = input;
  }
  const std::uint64_t now = life;
  std::size_t used = 0;
  while (used < bytes.size()) {
    if (open_exchanges.empty()) return fail(base::Errc::unavailable, "bytes that nobody asked for");
    const ParseProgress progress = parser.put(bytes.substr(used));
    used += progress.consumed;
    if (progress.status == ParseStatus::need_more) break;
    if (progress.status != ParseStatus::complete) return fail(base::Errc::unavailable, "the answer is no HTTP");
    answer_front();
    if (now != life) return;
  }
  if (bytes.data() == input.data()) {
    input.erase(0, used);
  } else {
    input.assign(bytes.substr(used));
  }
}

void HttpConnection::Impl::answer_front() {
  const bool keep = parser.keep_alive();
  ClientResponse response = parser.take();
  Exchange exchange = std::move(open_exchanges.front());
  open_exchanges.pop_front();
  if (!open_exchanges.empty() && open_exchanges.front().no_body) parser.expect_no_body();
  if (!keep) fail(base::Errc::unavailable, "the peer closes the connection");
  exchange.done(std::move(response));
}

void HttpConnection::Impl::on_end(const error_code& error) {
  if (error == asio::error::eof && !open_exchanges.empty() && parser.put_eof() == ParseStatus::complete) {
    answer_front();
    return;
  }
  fail(base::Errc::unavailable, "connection lost: " + error.message());
}

// Callbacks run from the loop, not from here: they may send again, on a fresh connection.
void HttpConnection::Impl::fail(base::Errc code, const std::string& why) {
  reset();
  std::deque<Exchange> failed = std::exchange(open_exchanges, {});
  if (failed.empty()) return;
  loop.post([failed = std::move(failed), code, why]() mutable {
    for (Exchange& exchange : failed) exchange.done(base::Error{code, why});
  });
}

void HttpConnection::Impl::reset() {
  ++life;
  state = State::closed;
  error_code ignored;
  resolver.cancel();
  // A write under way may still read `writing`: its operation is cancelled here, before the bytes go.
  socket.close(ignored);
  writing.clear();
  waiting.clear();
  input.clear();
  parser = ResponseParser(kHeaderBytesMax, HttpConnection::kResponseBytesMax);
}

// One timer for the earliest deadline; it looks again when it fires, so that an answer need not cancel it.
void HttpConnection::Impl::watch_deadline() {
  timer = 0;
  if (open_exchanges.empty()) return;
  const auto earliest = std::min_element(open_exchanges.begin(), open_exchanges.end(),
                                         [](const Exchange& a, const Exchange& b) { return a.deadline < b.deadline; });
  const base::MonoTime now = loop.clock().mono();
  if (earliest->deadline <= now) return fail(base::Errc::timeout, "no answer in time");
  timer = loop.after(std::chrono::ceil<base::Millis>(earliest->deadline - now), [self = weak_from_this()] {
    if (const auto impl = self.lock()) impl->watch_deadline();
  });
}

HttpConnection::HttpConnection(IoLoop& loop, std::string host, std::uint16_t port)
    : impl_(std::make_shared<Impl>(loop, std::move(host), port)) {}

HttpConnection::~HttpConnection() {
  impl_->open_exchanges.clear();
  impl_->reset();
}

void HttpConnection::send(std::string bytes, base::Millis timeout, ClientCallback done) {
  impl_->send(std::move(bytes), timeout, std::move(done));
}

void HttpConnection::close() {
  impl_->fail(base::Errc::cancelled, "closed");
}

std::string request_bytes(const std::string& method, const std::string& target, const std::string& host,
                          const Headers& headers, const std::string& body) {
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, target, host);
  for (const auto& [name, value] : headers) out.append(name).append(": ").append(value).append("\r\n");
  out += fmt::format("Content-Length: {}\r\n\r\n", body.size());
  out += body;
  return out;
}

}  // namespace trunkline::net
