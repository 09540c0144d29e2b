#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "net/http_server.hpp"
#include "net/http_stream.hpp"
#include "net/raw_client_test.hpp"

namespace trunkline::net::testing {

using base::Millis;

inline std::string post(std::string_view body, std::string_view extra = "", std::string_view target = "/echo") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n{}", target, extra, body.size(), body);
}

// What the server's handler has kept for the test, each with its loop.
template <class Kept>
class KeptFromLoops {
 public:
  void add(IoLoop& loop, Kept kept) {
    const std::lock_guard lock(mutex_);
    items_.emplace_back(&loop, std::move(kept));
    changed_.notify_all();
  }
  // Waits until `count` are there and takes them all.
  std::vector<std::pair<IoLoop*, Kept>> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return items_.size() >= count; }));
    return std::exchange(items_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<IoLoop*, Kept>> items_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  void start(HttpServerOptions options = {}, std::size_t loops = 1) {
    prepare(options, loops);
    listen();
  }
  // A port of its own each time.
  void listen(std::shared_ptr<TlsCertificates> tls = nullptr) {
    auto port = server_->listen("127.0.0.1:0", std::move(tls));
    ASSERT_TRUE(port.ok()) << port.error().detail;
    port_ = *port;
  }
  void prepare(HttpServerOptions options = {}, std::size_t loops = 1) {
    for (std::size_t i = 0; i < loops; ++i) loops_.push_back(std::make_unique<IoLoop>("http"));
    std::vector<IoLoop*> plain;
    for (const auto& loop : loops_) plain.push_back(loop.get());
    server_ =
        std::make_unique<HttpServer>(plain, options, [this](IoLoop& loop, HttpRequest request, Responder respond) {
          handle(loop, std::move(request), std::move(respond));
        });
    for (const auto& loop : loops_) loop->start();
  }
  void TearDown() override {
    for (const auto& loop : loops_) loop->stop();
    for (const auto& loop : loops_) loop->join();
    server_.reset();
  }
  void handle(IoLoop& loop, HttpRequest request, Responder respond) {
    if (!loop.here()) ADD_FAILURE() << "the handler runs off its loop";
    if (request.path == "/later") return waiting_.add(loop, std::move(respond));
    if (request.path == "/peer") return peers_.add(loop, {std::move(respond), request.connection});
    if (request.path == "/drop") return;
    if (request.path == "/close") return respond({200, {}, "bye", true});
    if (request.path == "/big") return respond(HttpResponse::text(200, std::string(4 << 20, 'b')));
    if (request.path == "/stream") {
      HttpResponse response{200, {{"Content-Type", "text/event-stream"}}, "not used"};
      response.stream = [this, &loop](std::shared_ptr<HttpStream> stream) {
        if (!loop.here()) ADD_FAILURE() << "the stream begins off its loop";
        streams_.add(loop, std::move(stream));
      };
      return respond(std::move(response));
    }
    if (request.path == "/nothing") return respond({204, {}, "ignored", false});
    if (request.path == "/why") return respond(HttpResponse::text(200, request.body_error + "|" + request.body));
    if (request.path == "/who") {
      if (!request.peer_certificate) return respond(HttpResponse::text(200, request.tls ? "nobody" : "plain"));
      const PeerCertificate& peer = *request.peer_certificate;
      return respond(HttpResponse::text(200, fmt::format("{}|{}|{}|{}", peer.subject, fmt::join(peer.dns_names, ","),
                                                         fmt::join(peer.uris, ","), peer.sha256)));
    }
    if (request.path == "/size") return respond(HttpResponse::text(200, std::to_string(request.body.size())));
    if (request.path == "/seen") {
      std::string text = request.method + " " + request.path + " ? " + request.query + "\n";
      for (const auto& [name, value] : request.headers) text += name + "=" + value + "\n";
      return respond(HttpResponse::text(200, text + request.body));
    }
    respond(HttpResponse::text(200, std::move(request.body)));
  }
  // Runs `task` on the first loop and waits for it.
  void on_loop(base::Task task) {
    std::promise<void> done;
    loops_[0]->post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  std::future<void> stop(Millis deadline) {
    auto done = std::make_shared<std::promise<void>>();
    server_->stop(deadline, [done] { done->set_value(); });
    return done->get_future();
  }
  // Waits until the statistics say so.
  template <class Condition>
  bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition(server_->statistics())) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  KeptFromLoops<Responder> waiting_;  // of requests to /later
  struct KeptPeer {
    Responder respond;
    std::weak_ptr<Peer> connection;
  };
  KeptFromLoops<KeptPeer> peers_;
  KeptFromLoops<std::shared_ptr<HttpStream>> streams_;  // begun by requests to /stream
};

}  // namespace trunkline::net::testing
