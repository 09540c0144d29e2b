#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace trunkline::simulation {

// What happened, as a hash: two runs that did the same have the same. Lines for people on request.
class Trace {
 public:
  // `lanes`: traces of their own, one a consumer and one for the senders, besides the one of all.
  Trace(const base::Clock& clock, std::size_t consumers, bool lines)
      : clock_(clock), consumers_(consumers, kBasis), lines_(lines) {}

  static constexpr std::uint32_t kNobody = ~0u;
  static constexpr std::uint32_t kSenders = ~0u - 1;
  void add(std::string_view what, std::uint32_t consumer, std::uint64_t one = 0, std::uint64_t other = 0) {
    const auto at = static_cast<std::uint64_t>(clock_.mono().time_since_epoch().count());
    std::uint64_t hash = kBasis;
    for (const char c : what) mix(hash, static_cast<unsigned char>(c));
    for (const std::uint64_t value : {at, std::uint64_t{consumer}, one, other}) mix(hash, value);
    mix(all_, hash);
    if (consumer < consumers_.size()) mix(consumers_[consumer], hash);
    if (consumer == kSenders) mix(senders_, hash);
    ++entries_;
    if (lines_) print(what, consumer, one, other);
  }

  std::uint64_t hash() const { return all_; }
  std::uint64_t hash_of(std::size_t consumer) const { return consumers_.at(consumer); }
  std::uint64_t hash_of_senders() const { return senders_; }
  std::uint64_t entries() const { return entries_; }

 private:
  static constexpr std::uint64_t kBasis = 0xCBF29CE484222325ull;
  static void mix(std::uint64_t& hash, std::uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
    hash ^= hash >> 29;
  }
  void print(std::string_view what, std::uint32_t consumer, std::uint64_t one, std::uint64_t other) const {
    const auto millis = std::chrono::duration_cast<base::Millis>(clock_.mono().time_since_epoch()).count();
    std::printf("%9.3f %-24.*s %2d %8llu %8llu\n", static_cast<double>(millis - 3'600'000) / 1000.0,
                static_cast<int>(what.size()), what.data(), static_cast<int>(consumer),
                static_cast<unsigned long long>(one), static_cast<unsigned long long>(other));
  }

  const base::Clock& clock_;
  std::uint64_t all_ = kBasis;
  std::uint64_t senders_ = kBasis;
  std::vector<std::uint64_t> consumers_;
  std::uint64_t entries_ = 0;
  const bool lines_;
};

}  // namespace trunkline::simulation
