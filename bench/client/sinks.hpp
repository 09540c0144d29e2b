#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "load.hpp"
#include "sim/histogram.hpp"

namespace trunkline::bench {

// Downstreams of one hub, a port each, on one thread: every request is answered 204, unless it is said otherwise. Events
// are counted by the hub's `trunkline-sequence` header when they are answered 204; with send times, the latency of the
// first `measured` sinks, too, by the numbers in the bodies, each once.
class Sinks {
 public:
  enum class Mode : std::uint8_t { take, hang, reject };  // 204, no answer at all, 400

  Sinks(std::size_t count, std::size_t measured, SendTimes* times);
  ~Sinks();  // joins
  Sinks(const Sinks&) = delete;
  Sinks& operator=(const Sinks&) = delete;

  const std::vector<std::uint16_t>& ports() const { return ports_; }
  std::uint64_t events(std::size_t sink) const { return counts_[sink].events.load(std::memory_order_relaxed); }
  std::uint64_t requests(std::size_t sink) const { return counts_[sink].requests.load(std::memory_order_relaxed); }
  // From the next request on. Any thread.
  void set_mode(std::size_t sink, Mode mode) { counts_[sink].mode.store(mode, std::memory_order_relaxed); }
  // Events older than this are not counted as latency.
  void measure_from(std::int64_t nanoseconds) { measured_from_.store(nanoseconds); }
  // Ends the thread; then `latency` from due to arrival, and the CPU that the thread took.
  void stop();
  const sim::Histogram& latency() const { return latency_; }
  double cpu_seconds() const { return cpu_seconds_; }

 private:
  struct Connection;
  struct Counts {
    std::atomic<std::uint64_t> events{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<Mode> mode{Mode::take};
  };
  void run();
  void accept(std::size_t sink);
  void read(Connection& connection);
  bool take_request(Connection& connection);
  void count(Connection& connection, std::string_view head, std::string_view body);

  const std::size_t measured_;
  SendTimes* times_;
  std::vector<std::uint16_t> ports_;
  std::vector<int> listeners_;
  std::array<Counts, 16> counts_;
  std::vector<std::vector<bool>> seen_;  // by sink and number
  sim::Histogram latency_;
  double cpu_seconds_ = 0;
  std::atomic<std::int64_t> measured_from_{0};
  std::atomic<bool> stopping_{false};
  int epoll_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::thread thread_;
};

}  // namespace trunkline::bench
