#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/result.hpp"
#include "net/http_types.hpp"
#include "net/io_loop.hpp"

namespace trunkline::net {

// Answers one request. Move-only; call it at most once, on the loop the request came on. Destroyed uncalled it answers
// 503, so that no sender waits for ever. Calls after the connection has gone are ignored.
using Responder = base::UniqueFunction<void(HttpResponse)>;

struct HttpServerOptions {
  // Over every sender's own maximum (Event Grid sends batches up to 1 MiB, SQS bodies 1 MiB, EventBridge 256 KiB). A
  // body over it is answered 503 and the connection closed, since senders drop what is answered 413.
  std::size_t body_bytes_max = 8 << 20;
  std::size_t decompressed_bytes_max = 32 << 20;
  std::size_t header_bytes_max = 32 << 10;
  std::size_t pipeline_max = 64;         // requests of one connection whose answers are still open; then it is not read
  std::size_t connections_max = 10'000;  // over all loops; more are closed at once
  std::size_t buffered_bytes_max =
      256 << 20;  // request bodies held over all connections; over it new ones are answered 503
  base::Millis header_timeout = std::chrono::seconds(10);
  base::Millis body_timeout = std::chrono::seconds(30);
  base::Millis idle_timeout = std::chrono::seconds(75);
  base::Millis write_timeout = std::chrono::seconds(30);
};

// HTTP/1.1 (RFC 9112) with keep-alive, pipelining (answers in order of requests), chunked bodies, gzip and deflate
// bodies, 100-continue. Connections are dealt to the loops in turn and stay there. The handler runs on the connection's
// loop.
class HttpServer {
 public:
  using Handler = std::function<void(IoLoop& loop, HttpRequest request, Responder respond)>;

  HttpServer(std::vector<IoLoop*> loops, HttpServerOptions options, Handler handler);
  ~HttpServer();  // loops must have been stopped, or stop() must have completed

  // Binds and listens. `address` is "127.0.0.1:8080", "[::1]:0" or "localhost:0". Returns the port.
  base::Result<std::uint16_t> listen(const std::string& address);

  // Any thread. Stops accepting, answers what is open with `Connection: close`, closes idle connections, then calls
  // `done` on the first loop when all are gone or the deadline has passed (what is left is cut).
  void stop(base::Millis deadline, base::Task done);

  struct Statistics {
    std::uint64_t connections = 0;   // open now
    std::uint64_t requests = 0;      // since start
    std::uint64_t refused = 0;       // connections and bodies over a bound
    std::uint64_t bad_requests = 0;  // not HTTP
  };
  Statistics statistics() const;  // any thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
