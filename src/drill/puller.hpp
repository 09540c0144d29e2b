#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "json/document.hpp"
#include "net/http_connection.hpp"
#include "net/io_loop.hpp"
#include "sim/ledger.hpp"

namespace trunkline::drill {

struct PullerOptions {
  std::uint16_t port = 0;
  std::string consumer{};
  std::uint32_t connections = 4;  // receives under way at the same time
};

// A client of a pulled consumer: receives, writes down what came, settles, for ever. What fails is tried again. An
// event counts as delivered when it was received, as a client that works on it at once would have it. Loop thread only.
class Puller {
 public:
  // `ledger` outlives it.
  Puller(net::IoLoop& loop, PullerOptions options, sim::LedgerWriter& ledger);
  ~Puller();
  Puller(const Puller&) = delete;
  Puller& operator=(const Puller&) = delete;

  void start();

  std::uint64_t received() const { return received_; }
  std::uint64_t settle_failures() const { return settle_failures_; }

 private:
  void post(std::size_t connection, std::string_view verb, const std::string& body, net::ClientCallback done);
  void receive(std::size_t connection);
  void receive_later(std::size_t connection);
  void received_answer(std::size_t connection, const base::Result<net::ClientResponse>& response);
  void settle(std::size_t connection, const std::vector<std::string>& receipts);
  void take(json::Value message);

  net::IoLoop& loop_;
  PullerOptions options_;
  sim::LedgerWriter& ledger_;
  std::vector<std::unique_ptr<net::HttpConnection>> connections_;
  json::Document document_;
  std::uint64_t ticks_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t settle_failures_ = 0;  // calls not answered 200: what they settle comes again, or was settled already
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace trunkline::drill
