#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "drill/puller.hpp"
#include "net/io_loop.hpp"
#include "sim/contact_centre.hpp"
#include "sim/faults.hpp"
#include "sim/load.hpp"
#include "sim/sink_server.hpp"

namespace trunkline::drill {

struct TrafficOptions {
  std::uint16_t hub_port = 0;
  double rate = 3'000;  // events per second
  std::uint64_t seed = 1;
  std::string sent_ledger{};    // what the hub has answered 2xx
  std::string pushed_ledger{};  // what the simulated downstream took
  std::string pulled_ledger{};  // what the client of the pulled consumer took
  std::string pulled_consumer{};
};

struct TrafficFigures {
  std::uint64_t sent = 0;       // events
  std::uint64_t answered = 0;   // of them
  std::uint64_t malformed = 0;  // of the sent ones
  std::uint64_t retries = 0;    // requests
  std::uint64_t bad_answers = 0;
  std::uint64_t dropped = 0;
  std::uint64_t pushed = 0;        // events that the downstream took, repeats included
  std::uint64_t pulled = 0;        // likewise
  std::uint64_t batches_open = 0;  // requests that the downstream has not answered yet
};

// Everything around the hub, which lives on while the hub dies and comes back: a contact centre that retries what is
// not answered, a downstream that is slow and errs at times, a client of the pulled consumer; and their ledgers.
// Two threads of its own. Calls from one thread.
class Traffic {
 public:
  // The downstream listens from then on.
  static base::Result<std::unique_ptr<Traffic>> open(const TrafficOptions& options);
  ~Traffic();

  std::uint16_t sink_port() const { return sink_port_; }
  // Begins to send and to pull.
  void start();
  TrafficFigures figures();

  // No new events. True when everything that was sent has been answered within the time.
  bool finish_sending(base::Millis within);
  // Stops everything and closes the ledgers.
  base::Result<void> close();

 private:
  Traffic(const TrafficOptions& options, sim::LedgerWriter sent, sim::LedgerWriter pushed, sim::LedgerWriter pulled);
  bool next_event(sim::GeneratedEvent& event);
  sim::LoadOptions load_options() const;

  TrafficOptions options_;
  sim::LedgerWriter sent_;
  sim::LedgerWriter pushed_;
  sim::LedgerWriter pulled_;
  sim::ContactCentre centre_;
  sim::FaultMixer mixer_;
  net::IoLoop load_loop_;
  net::IoLoop sink_loop_;
  std::unique_ptr<sim::LoadDriver> driver_;  // lives on load_loop_, the other two on sink_loop_
  std::unique_ptr<sim::SinkServer> sink_;
  std::unique_ptr<Puller> puller_;
  std::uint16_t sink_port_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<bool> answered_all_ = false;
  bool closed_ = false;
};

}  // namespace trunkline::drill
