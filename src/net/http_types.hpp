#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function.hpp"

namespace trunkline::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

// The first header of that name, in any case (RFC 9110 section 5.1).
std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);

bool equal_ignoring_case(std::string_view left, std::string_view right);  // ASCII only

// Nothing if a '%' is not followed by two hexadecimal digits (RFC 3986 section 2.1).
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

// A client's certificate that was verified against the listener's client CAs.
struct PeerCertificate {
  std::string subject;                 // RFC 4514 in UTF-8: "CN=relay-1,OU=Contact centre,O=Example"
  std::vector<std::string> dns_names;  // of subjectAltName, as written there; names with other than printable ASCII are
  std::vector<std::string> uris;       // left out
  std::string sha256;                  // of the DER form: 64 lower-case hexadecimal digits
};

// The connection that a request came on.
class Peer {
 public:
  virtual ~Peer() = default;
  // Whether the peer has closed it, or its sending side: what is answered may reach nobody. Loop of the connection only.
  virtual bool gone() = 0;
};

struct HttpRequest {
  std::string method;
  std::string path;   // percent-decoded, without the query; always starts with '/', or is "*"
  std::string query;  // as sent, without '?'
  Headers headers;
  std::string body;  // chunks joined, gzip and deflate undone
  std::string peer;  // "127.0.0.1:51234"
  bool tls = false;  // came over TLS
  // Set when the connection has a verified client certificate; shared by its requests.
  std::shared_ptr<const PeerCertificate> peer_certificate{};
  // Why `body` is as it came: a Content-Encoding that is not gzip or deflate, or damaged bytes. Empty when all is well.
  // The request is passed on all the same, since a refusal would be retried for hours and then lost: a source
  // quarantines what it cannot read.
  std::string body_error;
  std::weak_ptr<Peer> connection{};  // expired once it is closed

  std::optional<std::string_view> header(std::string_view name) const { return find_header(headers, name); }
  // Where the client came to, by its Host header: "http://HOST" or "https://HOST"; localhost where it names none.
  std::string origin() const {
    return std::string(tls ? "https://" : "http://").append(header("Host").value_or("localhost"));
  }
  // The percent-decoded value of the first query parameter of that name; '+' is a space. Nothing if it is not valid
  // percent-encoding.
  std::optional<std::string> query_parameter(std::string_view name) const;
};

class HttpStream;

struct HttpResponse {
  int status = 200;
  Headers headers;  // Content-Length, Transfer-Encoding, Connection and Date are the server's
  std::string body;
  bool close = false;  // close the connection afterwards
  // When set, `body` is not used: called on the connection's loop once the head is on its way. Destroyed uncalled when
  // the connection is gone by then, and when the answer has no body (to HEAD; 204 and 304).
  base::UniqueFunction<void(std::shared_ptr<HttpStream>)> stream = nullptr;

  static HttpResponse json(int status, std::string body);
  static HttpResponse text(int status, std::string body);
};

}  // namespace trunkline::net
