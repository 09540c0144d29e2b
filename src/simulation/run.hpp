#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "delivery/statistics.hpp"
#include "simulation/plan.hpp"
#include "simulation/report.hpp"

namespace trunkline::simulation {

struct RunOptions {
  std::string scratch;  // a directory for the store; empty: one in memory where there is one
  bool print_trace = false;
  bool stop_at_first = true;  // finding
};

// Of one consumer, the most at the same time.
struct Peaks {
  std::size_t open_requests = 0;  // as its downstream counts them
  std::uint64_t waiting = 0;      // looked at once a second, as what follows
  std::uint64_t lanes = 0;        // in memory; without an order each is an event of its own
};

struct Outcome {
  std::vector<Finding> findings;
  Report report;
  std::uint64_t trace = 0;                      // the same for the same plan
  std::uint64_t sender_trace = 0;               // what senders were answered, and when
  std::vector<std::uint64_t> consumer_traces;   // what each consumer was sent and has settled, and when
  std::vector<delivery::Statistics> consumers;  // of the last process
  std::vector<ConsumerTally> tallies;           // by consumer
  std::vector<Peaks> peaks;                     // by consumer
};

// Plays the plan on one thread in simulated time, then lets all faults end and demands that everything drains. The parts
// of the hub are the real ones: the embedded engine on RocksDB, consumers, sinks, decoder, router. Several runs may be
// played at the same time, each on a thread of its own.
Outcome run(const Plan& plan, const RunOptions& options);

}  // namespace trunkline::simulation
