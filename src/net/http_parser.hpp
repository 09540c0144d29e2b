#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_client.hpp"
#include "net/http_types.hpp"

namespace trunkline::net {

struct ParserLimits {
  std::size_t header_bytes_max = 32 << 10;  // request line, header fields and, again, trailer fields
  std::size_t body_bytes_max = 8 << 20;     // as sent, chunks joined
};

enum class ParseStatus : std::uint8_t {
  need_more,  // what was not consumed must be given again with more behind it
  complete,
  malformed,  // not HTTP/1.x, or framed in a way that two readers could read differently
  too_large,
};
struct ParseProgress {
  std::size_t consumed = 0;
  ParseStatus status = ParseStatus::need_more;
};

// Reads HTTP/1.0 and 1.1 requests (RFC 9112) from bytes, one after the other; without sockets and clocks. The tokens
// are Beast's parser's, the strictness about framing is ours: a second Content-Length, a Content-Length beside a
// Transfer-Encoding, a Transfer-Encoding other than exactly "chunked", one in HTTP/1.0, two Host fields, none in
// HTTP/1.1, and continuation lines are malformed, since each is a way to smuggle a request past a proxy (RFC 9112
// sections 3.2, 5.2, 6.1, 6.3 and 11.2). Trailer fields and chunk extensions are dropped.
class RequestParser {
 public:
  explicit RequestParser(ParserLimits limits);
  ~RequestParser();

  // Reads at most one request. After `complete` call take(); after malformed or too_large the connection is of no more
  // use.
  ParseProgress put(std::string_view bytes);

  bool idle() const;        // no byte of a request was consumed since the last take()
  bool head_done() const;   // the body is being read
  bool keep_alive() const;  // these four after head_done() or complete
  bool http_1_0() const;
  bool is_head() const;
  bool wants_continue() const;  // "Expect: 100-continue" in HTTP/1.1 (RFC 9110 section 10.1.1)
  std::size_t body_bytes() const;

  // The request without `peer`, its Content-Encoding not undone.
  HttpRequest take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The same for answers. Interim answers (1xx) are skipped, a body over `body_bytes_max` is cut and read to its end.
class ResponseParser {
 public:
  ResponseParser(std::size_t header_bytes_max, std::size_t body_bytes_max);
  ~ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;

  // To be told before the first byte of an answer to a HEAD request, which has no body whatever its Content-Length.
  void expect_no_body();
  ParseProgress put(std::string_view bytes);
  // The peer has closed: completes an answer that ends with the connection (RFC 9112 section 6.3, rule 8).
  ParseStatus put_eof();
  bool keep_alive() const;  // after complete
  ClientResponse take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
