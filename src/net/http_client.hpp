#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/result.hpp"
#include "net/http_types.hpp"
#include "net/io_loop.hpp"

namespace trunkline::net {

// Fields have initializers so that a caller may name only some of them (g++ warns otherwise).
struct ClientRequest {
  std::string method = "POST";
  std::string url{};
  Headers headers{};
  std::string body{};
  base::Millis connect_timeout = std::chrono::seconds(5);
  base::Millis timeout = std::chrono::seconds(30);  // of all, waiting for a free connection included; 0: no end
  std::size_t response_bytes_max = 64 << 10;        // the rest is read and thrown away
  // Where set, gets the body of a 2xx answer piece by piece as it comes, on the loop, and the response's stays empty.
  // False ends the exchange with Errc::cancelled. Must not call the client.
  std::function<bool(std::string_view)> on_body{};
};
struct ClientResponse {
  int status = 0;
  Headers headers{};
  std::string body;
};
// Errc::timeout: no complete answer in time (the peer may have acted). Errc::unavailable: no connection (not in time
// either), reset, TLS failure; after a reset in the middle of an answer the peer may have acted too. Errc::invalid: a
// URL, header or address that may not be called (SSRF guard). Errc::overloaded: requests_max. Errc::cancelled:
// cancel().
using ClientCallback = base::UniqueFunction<void(base::Result<ClientResponse>)>;

// Which addresses may be connected to. Checked on the concrete IP after name resolution, at each connect, v4-mapped
// addresses unmapped.
struct AddressPolicy {
  bool allow_loopback = false;
  bool allow_private = false;                // RFC 1918, fc00::/7, CGNAT
  std::vector<std::string> allowed_cidrs{};  // always allowed, e.g. "10.1.0.0/16"; what is no CIDR allows nothing
};
// The reason why not, or nothing. `ip` is the textual address. Link-local, metadata, multicast, documentation and
// reserved ranges are never allowed but by allowed_cidrs.
std::optional<std::string> forbidden_address(std::string_view ip, const AddressPolicy& policy);
// Whether the text is an address or a network, as allowed_cidrs wants it.
bool is_cidr(std::string_view text);

struct HttpClientOptions {
  AddressPolicy addresses{};
  std::size_t connections_per_host_max = 64;
  std::size_t idle_connections_max = 256;  // kept for reuse, over all hosts
  std::size_t requests_max = 1024;         // under way and waiting; more get Errc::overloaded
  std::string user_agent = "trunkline";
  std::string ca_file{};           // PEM; empty: that of SSL_CERT_FILE (OpenSSL's own variable), else the system's
  std::string certificate_file{};  // PEM, the client's own with its chain; empty: none
  std::string key_file{};          // PEM, its private key
};

// libcurl's multi interface on one loop: connections are kept and reused, redirects are not followed, proxies of the
// environment are not used, user names in URLs are refused, http and https only. Loop thread only, but that it may be
// made before the loop starts.
class HttpClient {
 public:
  HttpClient(IoLoop& loop, HttpClientOptions options);  // the loop must outlive it
  ~HttpClient();  // on the loop, or after it has stopped and was joined; open requests get no callback
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Returns an id for cancel(). The callback runs later on the loop, exactly once.
  std::uint64_t send(ClientRequest request, ClientCallback done);
  // The callback gets Errc::cancelled, later; no effect when it has run.
  void cancel(std::uint64_t request);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the operations under way
};

}  // namespace trunkline::net
