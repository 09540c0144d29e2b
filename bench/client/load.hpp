#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/histogram.hpp"
#include "wire.hpp"

namespace trunkline::bench {

// When each event was due to be sent, for whoever measures its arrival; written by the load's thread.
struct SendTimes {
  explicit SendTimes(std::size_t events) : nanoseconds(events) {}
  std::vector<std::atomic<std::int64_t>> nanoseconds;
};

struct LoadOptions {
  std::uint16_t port = 0;
  std::uint32_t connections = 256;
  std::uint32_t batch = 1;   // events a request
  double seconds = 5;        // requests begin for so long
  double warm_up = 0;        // of it; not counted
  std::uint64_t events = 0;  // no request begins that would send more; 0: the time alone ends it
  double rate = 0;           // events a second, evenly spaced; 0: each connection sends as soon as it is answered
  bool reconnect = false;    // a new connection for each request
  bool tls = false;          // the peer's certificate is not checked; sessions are not resumed
  SendTimes* times = nullptr;
};

struct LoadResult {
  std::uint64_t events = 0;  // answered in the measured part
  std::uint64_t all = 0;     // answered in all
  std::uint64_t bad = 0;     // requests answered otherwise, or not
  std::string first_bad;
  double seconds = 0;      // of the measured part
  double cpu_seconds = 0;  // of this thread
  std::int64_t begun = 0;  // monotonic nanoseconds, of the measured part
  sim::Histogram latency;  // from when a request was due
};

std::int64_t now_nanoseconds();

// One thread, one epoll, the same for all peers. With a rate, a request that finds no free connection keeps the time at
// which it was due, so that a stall of the peer is seen in all that it held up.
LoadResult run_load(const LoadOptions& options, Wire& wire);

}  // namespace trunkline::bench
