#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/function.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"
#include "net/io_loop.hpp"

namespace trunkline::net {

// One plain HTTP/1.1 client connection without TLS, as lean as can be, for load generators: the request bytes are
// written as given (several may be outstanding: pipelining), answers are parsed in order. Reconnects by itself at the
// next request after a close. Loop thread only.
class HttpConnection {
 public:
  HttpConnection(IoLoop& loop, std::string host, std::uint16_t port);
  ~HttpConnection();

  // `bytes` is a whole HTTP/1.1 request. The callback runs exactly once: with the answer, or Errc::unavailable/timeout;
  // all outstanding requests of a connection that breaks fail together.
  void send(std::string bytes, base::Millis timeout, ClientCallback done);
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// A request head and body as bytes, Content-Length included.
std::string request_bytes(const std::string& method, const std::string& target, const std::string& host,
                          const Headers& headers, const std::string& body);

}  // namespace trunkline::net
