#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/result.hpp"
#include "net/http_types.hpp"
#include "net/io_loop.hpp"
#include "net/tls.hpp"

namespace trunkline::net {

// Answers one request. Move-only; call it at most once, best on the loop the request came on (from another thread the
// answer is posted there). Destroyed uncalled it answers 503, so that no sender waits for ever. Calls after the
// connection has gone are ignored.
using Responder = base::UniqueFunction<void(HttpResponse)>;

struct HttpServerOptions {
  // Over every sender's own maximum (Event Grid sends batches up to 1 MiB, SQS bodies 1 MiB, EventBridge 256 KiB). A
  // request over one of the first three bounds is answered 503, since senders drop what is answered 413 or 431; over
  // the first and the third the connection is closed too.
  std::size_t body_bytes_max = 8 << 20;
  std::size_t decompressed_bytes_max = 32 << 20;
  std::size_t header_bytes_max = 32 << 10;  // of the request line, and of all fields
  // Requests of one connection whose answers are still open; then it is not read. Nor is it while their bodies are
  // longer than body_bytes_max together, or while it leaves 1 MiB of answers unfetched.
  std::size_t pipeline_max = 64;
  std::size_t connections_max = 10'000;  // over all loops; more are closed at once
  // What a peer may leave unfetched of a stream before it is cut; one write may be longer when nothing waits before it.
  std::size_t stream_unfetched_max = 1 << 20;
  // Bodies of requests that are read or not yet answered, over all connections; over it new ones are answered 503 and
  // closed.
  std::size_t buffered_bytes_max = 256 << 20;
  // TLS connections that have not finished their handshake, each of up to 50 KiB; more are closed at once.
  std::size_t tls_handshakes_max = 1000;
  base::Millis tls_handshake_timeout = std::chrono::seconds(10);  // from the accept to the end of the handshake
  base::Millis certificate_check = std::chrono::seconds(10);      // how often certificate files are looked at
  // All four end with a closed connection and without an answer: 408 makes EventBridge drop the event.
  base::Millis header_timeout = std::chrono::seconds(10);  // of a request's head, from its first byte
  base::Millis body_timeout = std::chrono::seconds(30);    // of the whole body
  base::Millis idle_timeout = std::chrono::seconds(75);    // between requests; not while one waits for its answer
  base::Millis write_timeout = std::chrono::seconds(30);   // without a byte taken by the peer
};

// HTTP/1.1 (RFC 9112) with keep-alive, pipelining (answers in order of requests), chunked bodies, gzip and deflate
// bodies, 100-continue; HTTP/1.0. Connections are dealt to the loops in turn and stay there. The handler runs on the
// connection's loop and may answer at once or later. A peer that shuts down its sending side still gets its answers.
//
// The server itself never answers 400, 401, 403, 408, 413 or 431 (DESIGN section 4): what is no HTTP, or is framed
// ambiguously (request smuggling), is closed without an answer and counted; a bound that is exceeded is 503; a body
// that cannot be decompressed goes to the handler as it came, see HttpRequest::body_error.
class HttpServer {
 public:
  using Handler = std::function<void(IoLoop& loop, HttpRequest request, Responder respond)>;

  // The loops must outlive the server.
  HttpServer(std::vector<IoLoop*> loops, HttpServerOptions options, Handler handler);
  ~HttpServer();  // loops must have been stopped and joined, or stop() must have completed
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and listens; several addresses may be listened on. `address` is "127.0.0.1:8080", "[::1]:0" or "localhost:0";
  // a name is bound to its first IPv4 address if it has one. Returns the port.
  // With certificates, TLS is spoken there (ALPN http/1.1). What fails in the handshake (no TLS, an old version, a
  // client certificate that is not verified) is closed with a TLS alert, counted, and logged now and then. A file that
  // has changed is used for new connections within `certificate_check`; one that cannot be used is logged once and what
  // was in use stays.
  base::Result<std::uint16_t> listen(const std::string& address, std::shared_ptr<TlsCertificates> tls = nullptr);

  // Any thread; reads all certificate files at once. The first error; the others are reloaded all the same.
  base::Result<void> reload_certificates();

  // Any thread, once. Stops accepting, answers what is open or being read with `Connection: close`, tells open streams,
  // closes idle connections, then calls `done` on the first loop when all are gone or the deadline has passed (what is left is
  // cut).
  void stop(base::Millis deadline, base::Task done);

  struct Statistics {
    std::uint64_t connections = 0;                        // open now
    std::uint64_t requests = 0;                           // since start
    std::uint64_t refused = 0;                            // connections and requests over a bound
    std::uint64_t bad_requests = 0;                       // not HTTP
    std::uint64_t tls_handshakes = 0;                     // finished
    std::uint64_t tls_resumed = 0;                        // of them, by a ticket
    std::uint64_t tls_failures = 0;                       // handshakes that failed, timed out or were given up half-way
    std::optional<base::WallTime> certificate_not_after;  // the earliest of the listeners' certificates in use
  };
  Statistics statistics() const;  // any thread

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the operations under way on the loops
};

}  // namespace trunkline::net
