#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "load.hpp"

namespace trunkline::bench {

// Consumers of a Redis stream: a group each, on a thread and a connection of its own, XREADGROUP of up to 500
// entries and one XACK for all of them.
class RedisGroups {
 public:
  RedisGroups(std::uint16_t port, const std::string& stream, std::size_t groups);
  ~RedisGroups();
  RedisGroups(const RedisGroups&) = delete;
  RedisGroups& operator=(const RedisGroups&) = delete;

  std::uint64_t events(std::size_t group) const { return counts_[group].load(std::memory_order_relaxed); }

 private:
  void run(std::size_t group, int socket);

  const std::string stream_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

struct RabbitResult {
  std::uint64_t events = 0;
  double seconds = 0;  // until the last consumer has acknowledged the last event
  std::string error;
};
// Durable fanout exchange, three quorum queues, persistent messages, publisher confirms with at most `outstanding` open
// (what the connections of the other peers are), three consumers with a prefetch of 500 that acknowledge by hundreds. By
// librabbitmq: one publisher connection and one for each consumer.
RabbitResult run_rabbit(std::uint16_t port, double seconds, std::uint32_t outstanding, std::uint32_t salt);

}  // namespace trunkline::bench
