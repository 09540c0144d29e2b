#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/http_connection.hpp"
#include "net/io_loop.hpp"

namespace trunkline::drill {

struct ConsumerFigures {
  std::string name{};
  std::uint64_t waiting = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t backing_off = 0;
  std::uint64_t parked = 0;
  std::uint64_t dead_letters = 0;

  std::uint64_t open() const { return waiting + in_flight + backing_off; }
};

// Reads a hub's API. Calls block, from one thread; a thread of its own does the work.
class HubClient {
 public:
  explicit HubClient(std::uint16_t port);
  ~HubClient();
  HubClient(const HubClient&) = delete;
  HubClient& operator=(const HubClient&) = delete;

  base::Result<std::vector<ConsumerFigures>> consumers();
  // The ids of all entries in the quarantine, ascending.
  base::Result<std::vector<std::uint64_t>> quarantined();

 private:
  base::Result<std::string> get(const std::string& path);

  std::uint16_t port_;
  net::IoLoop loop_;
  std::unique_ptr<net::HttpConnection> connection_;
};

}  // namespace trunkline::drill
