#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "net/http_server.hpp"
#include "sim/event_bytes.hpp"
#include "sim/hec_receiver.hpp"
#include "sim/ledger.hpp"
#include "sim/sink_behaviour.hpp"

namespace trunkline::sim {

struct SinkStatistics {
  std::uint64_t requests = 0;
  std::uint64_t events_taken = 0;      // of requests answered 2xx
  std::uint64_t taken_requests = 0;    // answered 2xx
  std::uint64_t refused_requests = 0;  // answered otherwise
  std::uint64_t hung = 0;
};

// A downstream over HTTP that behaves as SinkBehaviour says and writes down what it took. Any path and method takes
// events: one object, a JSON array or NDJSON; /services/collector/event is a Splunk HTTP Event Collector
// (hec_receiver.hpp), which answers with Splunk's codes and reads what the event's fields tell instead of headers. GET /control answers the numbers; POST /control changes the behaviour
// while it runs:
//   {"mode":"ok"|"hang"|"refuse"|"503"…, "for":"10s", "latency":"50ms", "latency_p99":"200ms"}
// all members optional; `for` returns to ok by itself and is required with refuse unless a control address of its own
// exists. Leaving hang answers what hangs with 503.
//
// What it reads of a request beside its body: headers trunkline-sequence (one number per event, in order),
// trunkline-attempt and trunkline-consumer (one value for all), trunkline-gap-before and trunkline-redriven (the
// sequence numbers that this is true of; what follows an equals sign is not read). Without trunkline-sequence,
// `_sequence` of the event itself counts.
//
// Lives on one loop: construct and listen() before it starts or on it; destroy after it has been stopped.
class SinkServer {
 public:
  // `ledger` may be null; it outlives the server.
  SinkServer(net::IoLoop& loop, SinkRules rules, std::uint64_t seed, LedgerWriter* ledger);
  ~SinkServer();
  SinkServer(const SinkServer&) = delete;
  SinkServer& operator=(const SinkServer&) = delete;

  // Returns the port.
  base::Result<std::uint16_t> listen(const std::string& address);
  base::Result<std::uint16_t> listen_control(const std::string& address);

  // Loop thread. The same as POST /control with mode and for (zero: for good).
  base::Result<void> set_mode(std::string_view mode, base::Millis period);

  // Loop thread. The same as POST /control with latency and latency_p99.
  void set_latency(base::Millis mean, base::Millis p99) { behaviour_.set_latency(mean, p99); }

  // Loop thread. No more connections; `done` when the open ones have gone.
  void stop(base::Task done);

  const SinkStatistics& statistics() const { return statistics_; }

 private:
  struct Taken {
    net::HttpRequest request;
    std::uint64_t arrival = 0;
    std::optional<HecBatch> hec{};
  };
  base::Result<std::unique_ptr<net::HttpServer>> serve(const std::string& address, bool control_only,
                                                       std::uint16_t& port);
  void take(net::HttpRequest request, net::Responder respond);
  void answer(Taken taken, const SinkBehaviour::Decision& decision, net::Responder respond);
  // The event that a collector would name as the reason for a 400.
  std::optional<std::size_t> poisoned(const Taken& taken) const;
  void write_lines(const Taken& taken);
  void write_hec_lines(const Taken& taken);
  void write(DeliveredLine line, std::string_view event);
  void control(const net::HttpRequest& request, net::Responder respond);
  base::Result<void> apply_control(std::string_view body);
  std::string describe() const;
  void begin_refusing();
  void end_refusing(std::uint64_t change);

  net::IoLoop& loop_;
  SinkBehaviour behaviour_;
  LedgerWriter* ledger_;
  SinkStatistics statistics_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpServer> control_server_;
  std::string address_;                 // with the port that was bound
  std::deque<net::Responder> hanging_;  // at most kHangingMax; the oldest are answered 503 beyond it
  std::uint64_t ticks_ = 0;             // arrivals and answers
  std::uint64_t changes_ = 0;           // of the mode: a return to ok that was overtaken does nothing
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace trunkline::sim
