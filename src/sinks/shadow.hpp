#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "sinks/http_sender.hpp"

namespace trunkline::sinks {

// A request that a shadow has rendered and not sent.
struct ShadowRequest {
  std::uint64_t number = 0;  // from 1, in order
  base::WallTime at{};
  std::string method;
  std::string url;
  net::Headers headers;     // configured ones and credentials as "***"
  std::string body;         // its beginning, at most ShadowLog::kBodyBytesMax
  std::uint64_t bytes = 0;  // of the whole body
};

// What one shadow would have sent: counts, and the newest requests. Any thread. About 400 KiB at most: kKept requests of
// a body's beginning, and of headers that the sink bounds.
class ShadowLog {
 public:
  static constexpr std::size_t kKept = 20;
  static constexpr std::size_t kBodyBytesMax = 8 << 10;

  explicit ShadowLog(base::WallTime since) : since_(since) {}

  void add(ShadowRequest request);

  struct Counts {
    base::WallTime since{};
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;  // of bodies
  };
  Counts counts() const;
  std::vector<ShadowRequest> newest() const;  // newest first

 private:
  const base::WallTime since_;
  mutable std::mutex mutex_;  // taken once a request
  Counts counts_;
  std::deque<ShadowRequest> kept_;
};

// In place of a client: everything above it runs as it would, and nothing is sent. Each request is answered 200 with
// `answer` as its body, later on the loop. `masked` are the names of headers of which the value is shown to nobody.
class ShadowSender final : public HttpSender {
 public:
  ShadowSender(base::Loop& loop, std::shared_ptr<ShadowLog> log, std::vector<std::string> masked, std::string answer);
  void send(net::ClientRequest request, net::ClientCallback done) override;

 private:
  base::Loop& loop_;
  const std::shared_ptr<ShadowLog> log_;  // shared with who shows it
  const std::vector<std::string> masked_;
  const std::string answer_;
};

}  // namespace trunkline::sinks
