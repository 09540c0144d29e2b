#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/function.hpp"
#include "net/http_connection.hpp"
#include "net/io_loop.hpp"
#include "sim/answer.hpp"
#include "sim/histogram.hpp"
#include "sim/ledger.hpp"
#include "sim/pacer.hpp"

namespace trunkline::sim {

struct LoadOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string target = "/";
  net::Headers headers;
  std::uint32_t connections = 64;
  std::uint32_t pipeline = 1;
  std::uint32_t batch = 1;
  bool sticky = false;
  base::Millis timeout = std::chrono::seconds(5);
  base::Millis give_up = std::chrono::hours(24);
  std::uint32_t attempts_max = 185;
  double rate = 0;
  double speed = 0;
  std::uint64_t seed = 1;  // of the jitter
};

struct LoadStatistics {
  std::uint64_t sent = 0;          // events given to the hub, each once however often it was tried
  std::uint64_t answered = 0;      // events with a verdict
  std::uint64_t verdicts[6] = {};  // by Verdict
  std::uint64_t retries = 0;       // requests tried again
  std::uint64_t given_up = 0;      // events
  std::uint64_t dropped = 0;       // events answered with a status that EventBridge does not retry
  std::uint64_t bad_answers = 0;   // requests answered 2xx without one verdict per event
  std::uint64_t malformed = 0;     // of the sent ones
  Histogram latency;               // of requests answered 2xx, from the last try's sending

  std::uint64_t count(Verdict verdict) const { return verdicts[static_cast<std::size_t>(verdict)]; }
};

// Sends events to a hub as EventBridge's API destinations do: a request that fails, times out or is answered 401, 408,
// 429 or 5xx is sent again, same bytes, after a back-off that doubles from 100 ms to 5 s with full jitter; other 4xx
// drop the events. A request that is tried again keeps its place, so at most connections × pipeline requests exist.
// Lives on one loop: all calls there, callbacks too.
class LoadDriver {
 public:
  using Source = std::function<bool(GeneratedEvent&)>;

  // `ledger` may be null; it and the source outlive the driver.
  LoadDriver(net::IoLoop& loop, LoadOptions options, Source source, LedgerWriter* ledger);
  ~LoadDriver();
  LoadDriver(const LoadDriver&) = delete;
  LoadDriver& operator=(const LoadDriver&) = delete;

  // Calls `done` when the source has ended and everything is answered or given up.
  void start(base::Task done);
  // Takes no more events. What is under way has `grace` to be answered, then it is given up.
  void stop(base::Millis grace);

  const LoadStatistics& statistics() const { return statistics_; }

 private:
  // A place for one request.
  struct Slot {
    std::vector<GeneratedEvent> events;
    std::string request;
    base::MonoTime first_sent{};
    base::MonoTime sent{};
    std::int64_t first_sent_wall_ms = 0;
    std::uint32_t attempts = 0;
    bool busy = false;
    std::uint64_t use = 0;  // counts requests: answers to an earlier one are stale
  };

  void pump();
  bool fill(std::uint32_t index);
  std::optional<GeneratedEvent> take(std::uint32_t connection);
  bool pull();
  void build_request(Slot& slot);
  void send(std::uint32_t index);
  void answered(std::uint32_t index, base::Result<net::ClientResponse> response);
  void accepted(std::uint32_t index, const net::ClientResponse& response);
  void retry(std::uint32_t index);
  void abandon(Slot& slot);
  void write_line(const Slot& slot, const GeneratedEvent& event, std::string_view verdict, std::uint64_t sequence);
  void release(std::uint32_t index);
  void tick();
  void finish_if_done();

  net::IoLoop& loop_;
  LoadOptions options_;
  Source source_;
  LedgerWriter* ledger_;
  Pacer pacer_;
  Random random_;
  AnswerReader answers_;
  LoadStatistics statistics_;
  std::vector<std::unique_ptr<net::HttpConnection>> connections_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> idle_;
  std::optional<GeneratedEvent> next_;             // taken from the source, not yet due
  std::vector<std::deque<GeneratedEvent>> lanes_;  // with sticky: what waits for its connection
  std::size_t in_lanes_ = 0;
  std::uint32_t busy_ = 0;
  bool pumping_ = false;
  bool ended_ = false;
  base::Loop::TimerId ticker_ = 0;
  base::Task done_;
  // Callbacks of connections may come after the driver has gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace trunkline::sim
