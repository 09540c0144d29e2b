#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "source/jwks.hpp"

namespace trunkline::source {

struct KeySourceOptions {
  std::string name;      // of the source that wants the keys, for the log
  std::string issuer;    // where discovery asks
  std::string jwks_url;  // empty: found by discovery (OpenID Connect Discovery 1.0 section 4)
  base::Millis asked_at_most_every = std::chrono::seconds(10);  // for tokens that name an unknown key
  base::Millis retry_base = std::chrono::seconds(1);            // after a failure, doubled up to retry_cap
  base::Millis retry_cap = std::chrono::seconds(60);
  base::Millis lifetime = std::chrono::hours(1);  // where the answer says none; refreshed after four fifths of it
  base::Millis lifetime_min = std::chrono::minutes(5);
  base::Millis lifetime_max = std::chrono::hours(24);
  // Without an answer of the key server, keys serve for so long: an outage of an identity provider is shorter.
  base::Millis usable_for = std::chrono::hours(24);
};

// The keys of one issuer: fetched at start, refreshed in the background before they are old, and when a token names one
// that is not known. Holds one set of at most Jwks::kKeysMax keys. Lives on one loop; keys(), refresh() and statistics()
// are for any thread.
class KeySource {
 public:
  struct Fetched {
    std::string body;
    std::optional<base::Millis> max_age{};  // Cache-Control
  };
  using FetchCallback = base::UniqueFunction<void(base::Result<Fetched>)>;
  // GETs a URL, later, on the loop; answers exactly once within seconds. Anything but 200 is an error.
  using Fetch = base::UniqueFunction<void(const std::string& url, FetchCallback done)>;

  // The loop must outlive it, or have stopped and been joined.
  KeySource(base::Loop& loop, Fetch fetch, KeySourceOptions options);
  ~KeySource();
  void start();  // any thread, once
  // Any thread: nobody will ask any more but those who wait. Keys are not refreshed by themselves from then on.
  void retire();

  struct State {
    std::shared_ptr<const Jwks> keys;  // null: none that may be used
    bool reachable = false;            // whether the last attempt brought a key set
  };
  State state() const;

  // Asks the key server again, if it was not asked just now, and runs `done` on `reply_on` when that has ended, or at
  // once. At most kWaitersMax wait; more are told at once.
  void refresh(base::Loop& reply_on, base::Task done);
  static constexpr std::size_t kWaitersMax = 4096;

  struct Statistics {
    std::uint64_t fetches = 0;
    std::uint64_t failures = 0;
  };
  Statistics statistics() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // the fetches under way and timers hold weak pointers to it
};

// max-age of a Cache-Control header (RFC 9111 section 5.2.2.1); no-store and no-cache are zero.
std::optional<base::Millis> max_age(std::string_view cache_control);

}  // namespace trunkline::source
