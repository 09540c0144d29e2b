#include "net/http_server.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
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
  struct Listener {
    Listener(IoLoop& loop, std::shared_ptr<TlsCertificates> certificates)
        : acceptor(loop.impl().context), tls(std::move(certificates)) {}
    tcp::acceptor acceptor;
    const std::shared_ptr<TlsCertificates> tls;  // none: plain
  };
  using ListenerPtr = std::shared_ptr<Listener>;

  Impl(std::vector<IoLoop*> server_loops, HttpServerOptions options, Handler handler)
      : loops(std::move(server_loops)), shared(std::make_shared<ServerShared>(options, std::move(handler))) {
    TRUNKLINE_CHECK(!loops.empty(), "a server needs a loop");
    for (IoLoop* loop : loops) groups.push_back(std::make_shared<SessionGroup>(*loop, shared));
  }

  void accept(const ListenerPtr& listener);
  void deal(SessionGroup& group, const Listener& listener, tcp::socket socket);
  void pause_accepting(const ListenerPtr& listener, const error_code& error);
  void check_certificates();
  std::vector<std::shared_ptr<TlsCertificates>> certificates() const;
  void stop_here(base::Millis deadline, base::Task done);
  void one_group_empty();

  std::vector<IoLoop*> loops;
  std::shared_ptr<ServerShared> shared;
  std::vector<std::shared_ptr<SessionGroup>> groups;
  std::atomic<bool> stopped{false};
  mutable std::mutex tls_mutex;  // of the list, for reloads and statistics of other threads
  std::vector<std::shared_ptr<TlsCertificates>> tls;
  // The rest is the first loop's.
  std::vector<ListenerPtr> listeners;
  std::size_t next_group = 0;
  bool stopping = false;
  bool checking_certificates = false;
  std::size_t groups_open = 0;
  IoLoop::TimerId deadline_timer = 0;
  base::Task stop_done;
};

void HttpServer::Impl::accept(const ListenerPtr& listener) {
  SessionGroup& group = *groups[next_group++ % groups.size()];
  listener->acceptor.async_accept(group.loop.impl().context, [self = weak_from_this(), listener, &group](
                                                                 const error_code& error, tcp::socket socket) {
    const auto impl = self.lock();
    if (!impl || impl->stopping || !listener->acceptor.is_open()) return;
    if (error) return impl->pause_accepting(listener, error);
    impl->deal(group, *listener, std::move(socket));
    impl->accept(listener);
  });
}

void HttpServer::Impl::deal(SessionGroup& group, const Listener& listener, tcp::socket socket) {
  const bool tls_full = listener.tls && shared->tls_under_way.load(std::memory_order_relaxed) >=
                                            shared->options.tls_handshakes_max;  // grows on this thread only
  if (tls_full || shared->connections.fetch_add(1, std::memory_order_relaxed) >= shared->options.connections_max) {
    if (!tls_full) shared->connections.fetch_sub(1, std::memory_order_relaxed);
    ++shared->refused;
    return;  // closes it
  }
  if (listener.tls) shared->tls_under_way.fetch_add(1, std::memory_order_relaxed);
  asio::post(group.loop.impl().context, [owned = group.weak_from_this(), socket = std::move(socket),
                                         tls = listener.tls ? listener.tls->context() : nullptr]() mutable {
    if (const auto self = owned.lock()) self->add(std::move(socket), std::move(tls));
  });
}

void HttpServer::Impl::pause_accepting(const ListenerPtr& listener, const error_code& error) {
  if (error == asio::error::connection_aborted) return accept(listener);
  base::log::warn("accept failed, trying again", "error", error.message());
  loops[0]->after(kAcceptPause, [self = weak_from_this(), listener] {
    const auto impl = self.lock();
    if (impl && !impl->stopping) impl->accept(listener);
  });
}

std::vector<std::shared_ptr<TlsCertificates>> HttpServer::Impl::certificates() const {
  const std::lock_guard lock(tls_mutex);
  return tls;
}

// The files are small and local; reading them takes some 50 µs.
void HttpServer::Impl::check_certificates() {
  for (const auto& each : certificates()) {
    const base::Result<bool> changed = each->reload_if_changed();
    const std::string& file = each->options().certificate_file;
    if (!changed) {
      base::log::error("certificate not reloaded, the one in use stays", "file", file, "error", changed.error().detail);
    } else if (*changed) {
      base::log::info("certificate reloaded", "file", file);
    }
  }
  loops[0]->after(shared->options.certificate_check, [self = weak_from_this()] {
    const auto impl = self.lock();
    if (impl && !impl->stopping) impl->check_certificates();
  });
}

void HttpServer::Impl::stop_here(base::Millis deadline, base::Task done) {
  TRUNKLINE_CHECK(!stopping, "the server is stopped once");
  stopping = true;
  stop_done = std::move(done);
  for (const ListenerPtr& listener : listeners) {
    error_code error;
    listener->acceptor.close(error);
  }
  listeners.clear();
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
  for (const auto& listener : impl_->listeners) {
    error_code error;
    listener->acceptor.close(error);
  }
  for (const auto& group : impl_->groups) group->abandon();
}

base::Result<std::uint16_t> HttpServer::listen(const std::string& address, std::shared_ptr<TlsCertificates> tls) {
  TRUNKLINE_TRY(const tcp::endpoint endpoint, resolve(address));
  const auto listener = std::make_shared<Impl::Listener>(*impl_->loops[0], tls);
  tcp::acceptor& acceptor = listener->acceptor;
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return {base::Errc::unavailable, "listen on " + address + ": " + error.message()};
  const std::uint16_t port = acceptor.local_endpoint(error).port();
  if (tls) {
    const std::lock_guard lock(impl_->tls_mutex);
    if (std::find(impl_->tls.begin(), impl_->tls.end(), tls) == impl_->tls.end()) impl_->tls.push_back(tls);
  }
  impl_->loops[0]->post([impl = std::weak_ptr(impl_), listener] {
    const auto self = impl.lock();
    if (!self || self->stopping) return;
    self->listeners.push_back(listener);
    self->accept(listener);
    if (listener->tls && !std::exchange(self->checking_certificates, true)) self->check_certificates();
  });
  return port;
}

base::Result<void> HttpServer::reload_certificates() {
  base::Result<void> first;
  for (const auto& each : impl_->certificates()) {
    const base::Result<void> reloaded = each->reload();
    if (!reloaded && first) first = reloaded;
  }
  return first;
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
  statistics.tls_handshakes = impl_->shared->tls_handshakes;
  statistics.tls_resumed = impl_->shared->tls_resumed;
  statistics.tls_failures = impl_->shared->tls_failures;
  for (const auto& each : impl_->certificates()) {
    const base::WallTime end = each->not_after();
    auto& earliest = statistics.certificate_not_after;
    earliest = earliest ? std::min(*earliest, end) : end;
  }
  return statistics;
}

}  // namespace trunkline::net
