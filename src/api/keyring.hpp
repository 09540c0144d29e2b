#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/http_types.hpp"

namespace trunkline::api {

// One of several keys that are valid at the same time, so that keys can be changed without a gap.
struct ApiKey {
  std::string key;
  std::optional<base::WallTime> until{};  // not accepted from this time on
};

// Who may call. Any thread.
class Keyring {
 public:
  explicit Keyring(std::vector<ApiKey> keys);
  void set(std::vector<ApiKey> keys);

  // `Authorization: Bearer KEY` (RFC 6750 section 2.1) or `x-api-key: KEY`. Every key is compared in full, so that the
  // time it takes tells nothing. Without keys everybody may, but no web page of another site: see Api.
  // `query_too`: also as the query parameter `key`, for what a browser's EventSource calls, which sends no headers of
  // its own. A URL may end up in the logs of a proxy; the hub writes none.
  base::Result<void> check(const net::HttpRequest& request, base::WallTime now, bool query_too = false) const;

 private:
  using Keys = std::shared_ptr<const std::vector<ApiKey>>;
  Keys keys() const;

  mutable std::mutex mutex_;  // guards the pointer only
  Keys keys_;
};

}  // namespace trunkline::api
