#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace trunkline::source {

// Of one source since start. Any loop writes, any thread reads.
struct SourceStatistics {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> unauthenticated{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> conflicts{0};
  std::atomic<std::uint64_t> quarantined{0};
  std::atomic<std::uint64_t> ignored{0};    // heartbeats and channel control
  std::atomic<std::uint64_t> failed{0};     // answered 503, to be sent again
  std::atomic<std::uint64_t> timed_out{0};  // requests answered 503 because the disk took too long
  std::atomic<std::uint64_t> unknown_topics{0};
  std::atomic<std::uint64_t> mismatches{0};              // detail-type is not the pattern of topicName
  std::array<std::atomic<std::uint64_t>, 16> reasons{};  // of quarantined input, by event::Reason
};

}  // namespace trunkline::source
