#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace trunkline::api {

// Counts by upper bound, the last bucket without one, hence one more than bounds. Not cumulative.
struct Histogram {
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;
  double sum = 0;
};

// What the hub as a whole has counted since it started, and what it holds now. What belongs to one consumer is in its
// ConsumerInfo and its queue's statistics.
struct HubMetrics {
  std::string version;
  std::string revision;  // of the source; empty when it is not known
  base::WallTime started_at{};

  std::uint64_t accepted = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t publish_failures = 0;  // items that were not stored
  std::uint64_t slow_disk = 0;         // requests answered 503 because the disk took too long
  std::uint64_t unauthenticated = 0;   // requests to sources without a valid credential
  std::uint64_t keys_missing = 0;      // requests answered 503 without the keys of their issuer
  std::uint64_t key_fetches = 0;
  std::uint64_t key_fetch_failures = 0;
  std::uint64_t unknown_topics = 0;                                  // events of a topic that no table row names
  std::uint64_t mismatches = 0;                                      // events whose detail-type is not their topic's
  std::vector<std::pair<std::string, std::uint64_t>> source_events;  // by source: stored, duplicates, quarantined
  std::vector<std::pair<std::string, std::uint64_t>> quarantined;    // by reason
  std::uint64_t in_quarantine = 0;                                   // now

  struct Requests {
    std::string source;
    int status = 0;
    std::uint64_t count = 0;
  };
  std::vector<Requests> requests;  // to the sources
  std::uint64_t connections = 0;   // open now
  std::uint64_t connections_refused = 0;
  std::uint64_t bad_requests = 0;
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_resumed = 0;
  std::uint64_t tls_failures = 0;
  std::optional<base::WallTime> certificate_not_after;  // none without TLS

  std::uint64_t commits = 0;
  std::uint64_t commit_failures = 0;
  std::uint64_t store_reopens = 0;
  Histogram sync_seconds;
  Histogram commit_events;

  std::uint64_t disk_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  std::uint64_t disk_budget_bytes = 0;  // 0: bounded by the device alone
  std::uint64_t store_memory_bytes = 0;
  std::uint64_t resident_bytes = 0;  // of the process
};

}  // namespace trunkline::api
