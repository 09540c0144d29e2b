#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace trunkline::sim {

// Counts durations in buckets no wider than 1/32 of their value, from 1 µs to an hour and above: 8 KB whatever is
// counted.
class Histogram {
 public:
  void add(std::chrono::microseconds duration) {
    const auto value = static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count());
    ++buckets_[bucket(value)];
    ++count_;
    if (value > max_) max_ = value;
  }
  std::uint64_t count() const { return count_; }
  std::chrono::microseconds max() const { return std::chrono::microseconds(max_); }

  // The upper edge of the bucket in which the share falls (0.99: the 99th percentile), never above max(). Zero if
  // nothing was counted.
  std::chrono::microseconds quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen <= wanted || buckets_[i] == 0) continue;
      return std::chrono::microseconds(std::min(upper_edge(i), max_));
    }
    return max();
  }

 private:
  static constexpr std::size_t kSteps = 32;  // per doubling
  static constexpr std::size_t kBuckets = 32 * kSteps;

  static std::size_t bucket(std::uint64_t value) {
    if (value < kSteps) return static_cast<std::size_t>(value);
    const auto doublings =
        static_cast<std::size_t>(std::bit_width(value)) - 6;  // so that value >> doublings is in [32, 64)
    const std::size_t index = (doublings + 1) * kSteps + static_cast<std::size_t>((value >> doublings) - kSteps);
    return index < kBuckets ? index : kBuckets - 1;
  }
  static std::uint64_t upper_edge(std::size_t index) {
    if (index < kSteps) return index;
    const std::size_t doublings = index / kSteps - 1;
    return ((kSteps + index % kSteps + 1) << doublings) - 1;
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace trunkline::sim
