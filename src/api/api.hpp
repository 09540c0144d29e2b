#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "api/hub.hpp"
#include "api/keyring.hpp"
#include "base/clock.hpp"
#include "base/loop.hpp"
#include "net/http_server.hpp"

namespace trunkline::api {

struct ApiOptions {
  std::vector<ApiKey> keys{};  // none: open, which the caller may allow on loopback only
  // Of a request body. A corrected quarantine entry may be as large as what a source takes, everything else is small.
  std::size_t body_bytes_max = 1 << 20;
  std::size_t corrected_bytes_max = 8 << 20;
};

// The administrative API over HTTP: health, metrics, and /api/v1 for the commands, the console and pulling consumers.
// docs/api.md lists the endpoints. Stateless but for the keys: any loop may call, answers are given on the loop that
// was given. The hub and the clock outlive the API, the API outlives the callbacks it has open.
//
// Errors are {"error":{"code","message","hint"}} with base::http_status. Without keys, a request that a foreign web
// page could have made a browser send is refused: one whose Origin is not its Host, or whose Host is a name other than
// localhost (DNS rebinding).
class Api {
 public:
  Api(Hub& hub, ApiOptions options, const base::Clock& clock);

  // Whether a path is the API's: /healthz, /readyz, /metrics and everything under /api/.
  static bool owns(std::string_view path);
  // The paths that need no key: /healthz and /readyz.
  static bool is_open(std::string_view path);

  void handle(base::Loop& loop, net::HttpRequest request, net::Responder respond);

  // Any thread; holds for requests that come after it.
  void set_keys(std::vector<ApiKey> keys) { keys_.set(std::move(keys)); }

 private:
  Hub& hub_;
  const ApiOptions options_;
  const base::Clock& clock_;
  Keyring keys_;
};

}  // namespace trunkline::api
