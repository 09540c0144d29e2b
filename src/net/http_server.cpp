#include "net/http_server.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/log.hpp"
#include "net/io_loop_impl.hpp"
#include "net/server_session.hpp"

namespace trunkline::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// After an accept that failed for want of descriptors or memory; trying at once would spin.
constexpr base::Millis kAcceptPause{100};

struct HostPort {
  std::string host;
  std::string port;
};

base::Result<HostPort> split_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {base::Errc::invalid, "'" + address + "' is not HOST:PORT"};
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return HostPort{std::move(host), address.substr(colon + 1)};
}

// A name with addresses of both families is bound to its IPv4 one, which is what people try first.
base::Result<tcp::endpoint> resolve(const std::string& address) {
  TRUNKLINE_TRY(const HostPort parts, split_address(address));
  asio::io_context context;
  tcp::resolver resolver(context);
  error_code error;
  const auto flags = tcp::resolver::passive | tcp::resolver::numeric_service;
  const auto found = resolver.resolve(parts.host, parts.port, flags, error);
  if (error || found.empty()) return {base::Errc::invalid, "'" + address + "': " + error.message()};
  const auto is_v4 = [](const auto& entry) { return entry.endpoint().address().is_v4(); };
  const auto chosen = std::find_if(found.begin(), found.end(), is_v4);
  return chosen != found.end() ? chosen->endpoint() : found.begin()->endpoint();
}

}  // namespace

// Kept alive by the operations that are under way; the acceptors belong to the first loop.
struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  using Acceptor = std::shared_ptr<tcp::acceptor>;

  Impl(std::vector<IoLoop*> server_loops, HttpServerOptions options, Handler handler)
      : loops(std::move(server_loops)), shared(std::make_shared<ServerShared>(options, std::move(handler))) {
    TRUNKLINE_CHECK(!loops.empty(), "a server needs a loop");
    for (IoLoop* loop : loops) groups.push_back(std::make_shared<SessionGroup>(*loop, shared));
  }

  void accept(const Acceptor& acceptor);
  void deal(SessionGroup& group, tcp::socket socket);
  void pause_accepting(const Acceptor& acceptor, const error_code& error);
  void stop_here(base::Millis deadline, base::Task done);
  void one_group_empty();

  std::vector<IoLoop*> loops;
  std::shared_ptr<ServerShared> shared;
  std::vector<std::shared_ptr<SessionGroup>> groups;
  std::atomic<bool> stopped{false};
  // The rest is the first loop's.
  std::vector<Acceptor> acceptors;
  std::size_t next_group = 0;
  bool stopping = false;
  std::size_t groups_open = 0;
  IoLoop::TimerId deadline_timer = 0;
  base::Task stop_done;
};

void HttpServer::Impl::accept(const Acceptor& acceptor) {
  SessionGroup& group = *groups[next_group++ % groups.size()];
  acceptor->async_accept(group.loop.impl().context,
                         [self = weak_from_this(), acceptor, &group](const error_code& error, tcp::socket socket) {
                           const auto impl = self.lock();
                           if (!impl || impl->stopping || !acceptor->is_open()) return;
                           if (error) return impl->pause_accepting(acceptor, error);
                           impl->deal(group, std::move(socket));
                           impl->accept(acceptor);
                         });
}

void HttpServer::Impl::deal(SessionGroup& group, tcp::socket socket) {
  if (shared->connections.fetch_add(1, std::memory_order_relaxed) >= shared->options.connections_max) {
    shared->connections.fetch_sub(1, std::memory_order_relaxed);
    ++shared->refused;
    return;  // closes it
  }
  asio::post(group.loop.impl().context, [owned = group.weak_from_this(), socket = std::move(socket)]() mutable {
    if (const auto self = owned.lock()) self->add(std::move(socket));
  });
}

void HttpServer::Impl::pause_accepting(const Acceptor& acceptor, const error_code& error) {
  if (error == asio::error::connection_aborted) return accept(acceptor);
  base::log::warn("accept failed, trying again", "error", error.message());
  loops[0]->after(kAcceptPause, [self = weak_from_this(), acceptor] {
    const auto impl = self.lock();
    if (impl && !impl->stopping) impl->accept(acceptor);
  });
}

void HttpServer::Impl::stop_here(base::Millis deadline, base::Task done) {
  TRUNKLINE_CHECK(!stopping, "the server is stopped once");
  stopping = true;
  stop_done = std::move(done);
  for (const Acceptor& acceptor : acceptors) {
    error_code error;
    acceptor->close(error);
  }
  acceptors.clear();
  groups_open = groups.size();
  deadline_timer = loops[0]->after(deadline, [self = weak_from_this()] {
    const auto impl = self.lock();
    if (!impl) return;
    for (const auto& group : impl->groups) group->loop.post([group] { group->cut_all(); });
  });
  for (const auto& group : groups) {
    group->loop.post([group, self = shared_from_this()] {
      group->stop([self] { self->loops[0]->post([self] { self->one_group_empty(); }); });
    });
  }
}

void HttpServer::Impl::one_group_empty() {
  if (--groups_open > 0) return;
  loops[0]->cancel(deadline_timer);
  stopped = true;
  if (stop_done) std::exchange(stop_done, nullptr)();
}

HttpServer::HttpServer(std::vector<IoLoop*> loops, HttpServerOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(loops), options, std::move(handler))) {}

HttpServer::~HttpServer() {
  if (impl_->stopped) return;
  for (const auto& acceptor : impl_->acceptors) {
    error_code error;
    acceptor->close(error);
  }
  for (const auto& group : impl_->groups) group->abandon();
}

base::Result<std::uint16_t> HttpServer::listen(const std::string& address) {
  TRUNKLINE_TRY(const tcp::endpoint endpoint, resolve(address));
  const auto acceptor = std::make_shared<tcp::acceptor>(impl_->loops[0]->impl().context);
  error_code error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(tcp::acceptor::max_listen_connections, error);
  if (error) return {base::Errc::unavailable, "listen on " + address + ": " + error.message()};
  const std::uint16_t port = acceptor->local_endpoint(error).port();
  impl_->loops[0]->post([impl = std::weak_ptr(impl_), acceptor] {
    const auto self = impl.lock();
    if (!self || self->stopping) return;
    self->acceptors.push_back(acceptor);
    self->accept(acceptor);
  });
  return port;
}

void HttpServer::stop(base::Millis deadline, base::Task done) {
  impl_->loops[0]->post(
      [impl = impl_, deadline, done = std::move(done)]() mutable { impl->stop_here(deadline, std::move(done)); });
}

HttpServer::Statistics HttpServer::statistics() const {
  Statistics statistics;
  statistics.connections = impl_->shared->connections;
  for (const auto& group : impl_->groups) statistics.requests += group->requests;
  statistics.refused = impl_->shared->refused;
  statistics.bad_requests = impl_->shared->bad_requests;
  return statistics;
}

}  // namespace trunkline::net
