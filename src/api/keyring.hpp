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
  std::string name{};                     // who has it, for the audit record; empty: a print of the key stands for it
};

// Passwords of one name, sent as Basic authorization; the same end dates.
struct ApiUser {
  std::string name;
  std::vector<ApiKey> passwords;
};

// A key and a user may do the same.
struct ApiCredentials {
  std::vector<ApiKey> keys{};
  std::vector<ApiUser> users{};

  bool none() const { return keys.empty() && users.empty(); }
};

// Who may call. Any thread.
class Keyring {
 public:
  explicit Keyring(ApiCredentials credentials = {});
  void set(ApiCredentials credentials);

  // `Authorization: Bearer KEY` (RFC 6750 section 2.1), `x-api-key: KEY`, or `Authorization: Basic` of a user (RFC 7617).
  // Every key, name and password is compared in full, so that the time it takes tells nothing. Without credentials
  // everybody may, but no web page of another site; nor may such a page use a password that the browser has kept and adds
  // by itself: see Api.
  // `query_too`: a key also as the query parameter `key`, for what a browser's EventSource calls, which sends no headers
  // of its own. A URL may end up in the logs of a proxy; the hub writes none.
  // Says who it is: the key's name, the user's, or "local" without credentials.
  base::Result<std::string> check(const net::HttpRequest& request, base::WallTime now, bool query_too = false) const;

  // WWW-Authenticate of the answer to a request that was refused. Basic is not offered to a page's script (which says
  // `x-requested-with`): the browser would open its own window over the page's.
  std::string challenge(const net::HttpRequest& request) const;
  // The way in, for people.
  std::string hint() const;

 private:
  using Shared = std::shared_ptr<const ApiCredentials>;
  Shared credentials() const;

  mutable std::mutex mutex_;  // guards the pointer only
  Shared credentials_;
};

}  // namespace trunkline::api
