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
// written as given (several may be outstanding: pipelining), answers are parsed in order. Connects at the first request
// and again by itself at the next request after a close; a request on a connection that the peer closes at that moment
// fails. Loop thread only.
class HttpConnection {
 public:
  static constexpr std::size_t kOutstandingMax = 1024;        // more get Errc::overloaded
  static constexpr std::size_t kResponseBytesMax = 16 << 20;  // of a body; the rest is read and thrown away

  HttpConnection(IoLoop& loop, std::string host, std::uint16_t port);
  ~HttpConnection();  // on the loop, or after it has stopped and was joined; open requests get no callback

  // `bytes` is a whole HTTP/1.1 request. The callback runs later on the loop, exactly once: with the answer (any
  // status), or Errc::timeout, Errc::unavailable (no connection, lost, or not HTTP), Errc::cancelled (close()). All
  // outstanding requests of a connection that breaks fail together, with one error; whether the peer has acted on them
  // is unknown.
  void send(std::string bytes, base::Millis timeout, ClientCallback done);
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the operations under way
};

// A request head and body as bytes, Content-Length included.
std::string request_bytes(const std::string& method, const std::string& target, const std::string& host,
                          const Headers& headers, const std::string& body);

}  // namespace trunkline::net
