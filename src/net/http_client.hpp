#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/result.hpp"
#include "net/http_types.hpp"
#include "net/io_loop.hpp"

namespace trunkline::net {

struct ClientRequest {
  std::string method = "POST";
  std::string url;
  Headers headers;
  std::string body;
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);  // of the whole exchange
  std::size_t response_bytes_max = 64 << 10;        // the rest is read and thrown away
};
struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};
// Errc::timeout: no complete answer in time (the peer may have acted). Errc::unavailable: no connection, reset, TLS
// failure. Errc::invalid: a URL or address that may not be called (SSRF guard). Errc::cancelled.
using ClientCallback = base::UniqueFunction<void(base::Result<ClientResponse>)>;

// Which addresses may be connected to. Checked on the concrete IP after name resolution, at each connect, v4-mapped
// addresses unmapped.
struct AddressPolicy {
  bool allow_loopback = false;
  bool allow_private = false;              // RFC 1918, fc00::/7, CGNAT
  std::vector<std::string> allowed_cidrs;  // always allowed, e.g. "10.1.0.0/16"
};
// The reason why not, or nothing. `ip` is the textual address. Link-local, metadata, multicast, documentation and
// reserved ranges are never allowed but by allowed_cidrs.
std::optional<std::string> forbidden_address(std::string_view ip, const AddressPolicy& policy);

struct HttpClientOptions {
  AddressPolicy addresses;
  std::size_t connections_per_host_max = 64;
  std::size_t requests_max = 1024;  // under way and waiting; more get Errc::overloaded
  std::string user_agent = "trunkline";
};

// libcurl's multi interface on one loop: connections are kept and reused, redirects are not followed, proxies come from
// options only. Loop thread only.
class HttpClient {
 public:
  HttpClient(IoLoop& loop, HttpClientOptions options);
  ~HttpClient();  // on the loop, or after it has stopped; open requests get no callback

  // Returns an id for cancel(). The callback runs later on the loop, exactly once.
  std::uint64_t send(ClientRequest request, ClientCallback done);
  void cancel(std::uint64_t request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline::net
