#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_set>
#include <vector>

namespace trunkline::sqs {

// The leases that were settled last, so that a delete that comes again (its answer was lost, the SDK tried once more) is
// told from one that came too late. In memory: after a restart such a delete is answered as too late. Any thread.
class SettledLeases {
 public:
  static constexpr std::size_t kMax = 8'192;  // some seconds of a busy hub; about 400 KB

  void add(std::uint64_t lease) {
    const std::scoped_lock lock(mutex_);
    if (!known_.insert(lease).second) return;
    if (ring_.size() < kMax) return ring_.push_back(lease);
    known_.erase(ring_[next_]);
    ring_[next_] = lease;
    next_ = (next_ + 1) % kMax;
  }
  bool has(std::uint64_t lease) const {
    const std::scoped_lock lock(mutex_);
    return known_.contains(lease);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<std::uint64_t> known_;
  std::vector<std::uint64_t> ring_;
  std::size_t next_ = 0;
};

}  // namespace trunkline::sqs
