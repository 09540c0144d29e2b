#pragma once

#include <cstddef>
#include <string_view>

#include "api/hub.hpp"
#include "api/keyring.hpp"
#include "base/clock.hpp"
#include "base/loop.hpp"
#include "net/http_server.hpp"

namespace trunkline::api {

struct ApiOptions {
  ApiCredentials credentials{};  // none: open, which the caller may allow on loopback only
  // Of a request body. A corrected quarantine entry may be as large as what a source takes, everything else is small.
  std::size_t body_bytes_max = 1 << 20;
  std::size_t corrected_bytes_max = 8 << 20;
};

// The administrative API over HTTP: health, metrics, and /api/v1 for the commands, the console and pulling consumers.
// docs/api.md lists the endpoints. Stateless but for the credentials: any loop may call, answers are given on the loop that
// was given. The hub and the clock outlive the API, the API outlives the callbacks it has open.
//
// Errors are {"error":{"code","message","hint"}} with base::http_status. A request that a foreign web page
// has made a browser send is refused where the browser has no key to add, which is without credentials or with a password
// that it keeps: one that Fetch Metadata says so of, else one whose Origin is not its Host. Without credentials also one
// whose Host is a name other than localhost (DNS rebinding).
class Api {
 public:
  Api(Hub& hub, ApiOptions options, const base::Clock& clock);

  // Whether a path is the API's: /healthz, /readyz, /metrics and everything under /api/.
  static bool owns(std::string_view path);
  // The paths that need no credential: /healthz and /readyz.
  static bool is_open(std::string_view path);

  void handle(base::Loop& loop, net::HttpRequest request, net::Responder respond);

  // Any thread; holds for requests that come after it.
  void set_credentials(ApiCredentials credentials) { keys_.set(std::move(credentials)); }

 private:
  Hub& hub_;
  const ApiOptions options_;
  const base::Clock& clock_;
  Keyring keys_;
};

}  // namespace trunkline::api
