#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::store {

// What a fault can be put on. One count for each.
enum class FaultOp : std::uint8_t { append, sync, directory_sync, read, open, rename };
inline constexpr std::size_t kFaultOps = 6;

enum class FaultKind : std::uint8_t {
  io_error,  // EIO, as the real file system reports it: IOError, not retryable
  no_space,  // ENOSPC: NoSpace, retryable
  bit_flip,  // reads only: one bit of what was read is turned, and the read succeeds
};

// A rule fires on operations of its kind whose file name (without directory) contains `name_part`: not on the first
// `skip` of them, then on each with probability `share`, and at most `times` times.
struct FaultRule {
  FaultOp op = FaultOp::sync;
  FaultKind kind = FaultKind::io_error;
  std::string name_part = {};  // empty: every file
  std::uint64_t skip = 0;
  double share = 1.0;
  std::uint64_t times = UINT64_MAX;
};

struct FaultCounts {
  std::uint64_t passed[kFaultOps] = {};  // operations asked for, by FaultOp, failed ones included
  std::uint64_t failed[kFaultOps] = {};  // those that a rule made fail
  std::uint64_t bits_flipped = 0;
  std::uint64_t no_space = 0;  // appends refused because the space budget was used up
};

// Decides which operation fails. Deterministic for a seed and an order of operations. Thread-safe.
class FaultRules {
 public:
  static constexpr std::size_t kRulesMax = 32;  // every operation looks at each rule

  explicit FaultRules(std::uint64_t seed) : random_(seed) {}

  // Aborts above kRulesMax, and on a bit_flip rule that is not on reads.
  void add(FaultRule rule);
  // Removes all rules; the counts stay.
  void clear();

  // Counts the operation, and says whether and how it must fail.
  std::optional<FaultKind> check(FaultOp op, std::string_view file_name);
  void count_no_space();
  FaultCounts counts() const;
  // From 0 to below `bound`, which must not be 0.
  std::uint64_t random_below(std::uint64_t bound);

 private:
  struct Active {
    FaultRule rule;
    std::uint64_t seen = 0;
    std::uint64_t fired = 0;
  };
  bool fires(Active& active, FaultOp op, std::string_view file_name);

  mutable std::mutex mutex_;
  std::vector<Active> rules_;
  FaultCounts counts_;
  std::mt19937_64 random_;
};

}  // namespace trunkline::store
