#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace trunkline::source {

// Of one source since start. Any loop writes, any thread reads.
struct SourceStatistics {
  static constexpr std::array<int, 4> kStatuses = {200, 401, 405, 503};  // all that a source answers
  std::array<std::atomic<std::uint64_t>, kStatuses.size()> answers{};
  std::atomic<std::uint64_t> events{0};     // stored, suppressed as duplicates or quarantined
  std::atomic<std::uint64_t> failed{0};     // answered 503, to be sent again
  std::atomic<std::uint64_t> timed_out{0};  // requests answered 503 because the disk took too long
  std::atomic<std::uint64_t> unauthenticated{0};
  std::atomic<std::uint64_t> keys_missing{0};  // answered 503, since a token issuer's keys could not be fetched
  std::atomic<std::uint64_t> undecodable{0};   // bodies whose Content-Encoding could not be undone: quarantined
  std::atomic<std::uint64_t> unknown_topics{0};
  std::atomic<std::uint64_t> mismatches{0};              // detail-type is not the pattern of topicName
  std::array<std::atomic<std::uint64_t>, 16> reasons{};  // of rejected input, by event::Reason

  void count_answer(int status) {
    for (std::size_t i = 0; i < kStatuses.size(); ++i) {
      if (kStatuses[i] == status) answers[i].fetch_add(1, std::memory_order_relaxed);
    }
  }
};

// All sources' statistics at one moment.
struct IngestTotals {
  struct Answers {
    std::string source;
    int status = 0;
    std::uint64_t count = 0;
  };
  std::vector<Answers> answers;
  std::vector<std::pair<std::string, std::uint64_t>> events;       // by source
  std::vector<std::pair<std::string, std::uint64_t>> quarantined;  // by reason
  std::uint64_t failed = 0;
  std::uint64_t slow_disk = 0;
  std::uint64_t unauthenticated = 0;  // at the token endpoint, too
  std::uint64_t keys_missing = 0;
  std::uint64_t key_fetches = 0;
  std::uint64_t key_fetch_failures = 0;
  std::uint64_t unknown_topics = 0;
  std::uint64_t mismatches = 0;
};

}  // namespace trunkline::source
