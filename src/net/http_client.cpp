#include "net/http_client.hpp"

#include <curl/curl.h>

#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "net/curl_sockets.hpp"
#include "net/curl_transfer.hpp"

namespace trunkline::net {
namespace {

// libcurl's process-wide part: made once, when the first client is, and left to the end of the process.
void initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  TRUNKLINE_CHECK(code == CURLE_OK, "libcurl does not start");
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  Impl(IoLoop& client_loop, HttpClientOptions client_options)
      : loop(client_loop),
        options(std::move(client_options)),
        sockets(client_loop, [this](curl_socket_t socket, int ready) { act(socket, ready); }) {
    initialise_curl();
    multi = curl_multi_init();
    TRUNKLINE_CHECK(multi != nullptr, "out of memory");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options.connections_per_host_max));
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.idle_connections_max));
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void shut_down();
  std::uint64_t send(ClientRequest request, ClientCallback done);
  void act(curl_socket_t socket, int ready);
  void wake();
  void collect_finished();
  std::unique_ptr<CurlTransfer> take(std::uint64_t id);
  void fail_later(std::unique_ptr<CurlTransfer> transfer, base::Error error);
  void on_late(std::uint64_t id);
  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* per_socket);
  static int on_timer(CURLM* multi, long milliseconds, void* self);

  IoLoop& loop;
  const HttpClientOptions options;
  CurlSockets sockets;  // outlives the multi handle, which closes its sockets through it
  CURLM* multi = nullptr;
  std::unordered_map<std::uint64_t, std::unique_ptr<CurlTransfer>> transfers;
  std::uint64_t next_id = 1;
  IoLoop::TimerId timer = 0;
  std::uint64_t wakes = 0;  // tells a posted wake-up that another time has been set since
};

void HttpClient::Impl::shut_down() {
  for (const auto& [id, transfer] : transfers) {
    if (transfer->timer != 0) loop.cancel(transfer->timer);
    curl_multi_remove_handle(multi, transfer->handle());
  }
  transfers.clear();
  curl_multi_cleanup(std::exchange(multi, nullptr));
  if (timer != 0) loop.cancel(timer);
}

std::uint64_t HttpClient::Impl::send(ClientRequest request, ClientCallback done) {
  const std::uint64_t id = next_id++;
  auto transfer = std::make_unique<CurlTransfer>(id, std::move(request), std::move(done), options, sockets);
  if (transfers.size() >= options.requests_max) {
    fail_later(std::move(transfer), {base::Errc::overloaded, "too many requests are waiting"});
    return id;
  }
  if (const base::Result<void> ready = transfer->prepare(); !ready) {
    fail_later(std::move(transfer), ready.error());
    return id;
  }
  if (transfer->timeout().count() > 0) {
    transfer->timer = loop.after(transfer->timeout(), [self = weak_from_this(), id] {
      if (const auto impl = self.lock()) impl->on_late(id);
    });
  }
  CURL* const handle = transfer->handle();
  transfers.emplace(id, std::move(transfer));
  TRUNKLINE_CHECK(curl_multi_add_handle(multi, handle) == CURLM_OK, "a fresh handle can be added");
  return id;
}

std::unique_ptr<CurlTransfer> HttpClient::Impl::take(std::uint64_t id) {
  const auto found = transfers.find(id);
  if (found == transfers.end()) return nullptr;
  std::unique_ptr<CurlTransfer> transfer = std::move(found->second);
  transfers.erase(found);
  if (transfer->timer != 0) loop.cancel(transfer->timer);
  curl_multi_remove_handle(multi, transfer->handle());
  return transfer;
}

void HttpClient::Impl::fail_later(std::unique_ptr<CurlTransfer> transfer, base::Error error) {
  loop.post([alive = weak_from_this(), done = transfer->take_callback(), error = std::move(error)]() mutable {
    if (alive.lock()) done(std::move(error));
  });
}

void HttpClient::Impl::on_late(std::uint64_t id) {
  if (std::unique_ptr<CurlTransfer> transfer = take(id)) {
    const base::Error error = transfer->late();
    fail_later(std::move(transfer), error);
  }
}

int HttpClient::Impl::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  static_cast<Impl*>(self)->sockets.want(socket, what);
  return 0;
}

// libcurl forbids calling it from its own callbacks, so even a time that has come waits for the loop.
int HttpClient::Impl::on_timer(CURLM*, long milliseconds, void* self) {
  Impl& impl = *static_cast<Impl*>(self);
  if (impl.timer != 0) impl.loop.cancel(std::exchange(impl.timer, 0));
  const std::uint64_t wake = ++impl.wakes;
  if (milliseconds < 0) return 0;
  auto task = [alive = impl.weak_from_this(), wake] {
    const auto locked = alive.lock();
    if (locked && locked->wakes == wake) locked->wake();
  };
  if (milliseconds == 0) {
    impl.loop.post(std::move(task));
  } else {
    impl.timer = impl.loop.after(base::Millis(milliseconds), std::move(task));
  }
  return 0;
}

void HttpClient::Impl::wake() {
  timer = 0;
  act(CURL_SOCKET_TIMEOUT, 0);
}

void HttpClient::Impl::act(curl_socket_t socket, int ready) {
  if (multi == nullptr) return;
  int running = 0;
  curl_multi_socket_action(multi, socket, ready, &running);
  collect_finished();
}

// All are taken out before the first callback runs: a callback may send, cancel, or destroy the client.
void HttpClient::Impl::collect_finished() {
  struct Finished {
    ClientCallback done;
    base::Result<ClientResponse> result;
  };
  std::vector<Finished> finished;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CurlTransfer* found = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &found);
    const std::unique_ptr<CurlTransfer> transfer = take(found->id());
    finished.push_back({transfer->take_callback(), transfer->outcome(code)});
  }
  const std::weak_ptr<Impl> alive = weak_from_this();
  for (Finished& one : finished) {
    const auto locked = alive.lock();
    if (!locked || locked->multi == nullptr) return;
    one.done(std::move(one.result));
  }
}

HttpClient::HttpClient(IoLoop& loop, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(options))) {}

HttpClient::~HttpClient() {
  impl_->shut_down();
}

std::uint64_t HttpClient::send(ClientRequest request, ClientCallback done) {
  return impl_->send(std::move(request), std::move(done));
}

void HttpClient::cancel(std::uint64_t request) {
  if (auto transfer = impl_->take(request)) {
    impl_->fail_later(std::move(transfer), {base::Errc::cancelled, "cancelled"});
  }
}

}  // namespace trunkline::net
