#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "net/io_loop.hpp"
#include "sim/contact_centre.hpp"
#include "sim/faults.hpp"
#include "sim/load.hpp"

namespace trunkline::demo {

struct TrafficOptions {
  double rate = 200;  // events a second
  std::uint64_t seed = 1;
};

// The simulated contact centre of the demonstration: small enough that one page shows its agents, busy enough that they
// move. Time passes in it as fast as its events are asked for. It begins at the busiest hour of the last day that had
// one. Some events are sent twice, as EventBridge and publishers do. Loop thread only.
class Traffic {
 public:
  // `ledger` outlives it. May be made before the loop starts.
  Traffic(net::IoLoop& loop, TrafficOptions options, sim::LedgerWriter& ledger, base::WallTime now);
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  // {"id":"name"} of its agents and queues, which Genesys does not publish either: a names_file.
  std::string names() const;

  // `ended` when stop() is through: what was under way is answered or given up.
  void start(std::uint16_t hub_port, base::Task ended);
  void stop(base::Millis grace);

 private:
  net::IoLoop& loop_;
  const TrafficOptions options_;
  sim::LedgerWriter& ledger_;
  sim::ContactCentre centre_;
  sim::FaultMixer mixer_;
  std::unique_ptr<sim::LoadDriver> driver_;
};

}  // namespace trunkline::demo
