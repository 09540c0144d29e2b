#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace trunkline::engine {

// What a queue has done lately.
struct RecentDeliveries {
  std::uint64_t delivered = 0;
  std::uint64_t arrived = 0;
  base::Millis covered{0};          // what the counts are of: the window, or less since the start
  std::optional<base::Millis> p50;  // accepted to delivered, at most 1/8 too high; nothing where nothing was delivered
  std::optional<base::Millis> p99;

  double delivered_per_second() const { return per_second(delivered); }
  double arrived_per_second() const { return per_second(arrived); }

 private:
  double per_second(std::uint64_t count) const {
    return covered.count() > 0 ? static_cast<double>(count) * 1000 / static_cast<double>(covered.count()) : 0;
  }
};

// Deliveries of the last minute and of the last quarter of an hour, for the figures that people watch. Log-linear
// buckets (exact below 16 ms, then 8 an octave up to 24 days) in slots of a sixth and a fifteenth of the window, so
// that the windows slide by slots: 20 KB for good, whatever happens. By the monotonic clock, so that a clock that jumps
// changes no rate. Not thread-safe.
class DeliveryWindow {
 public:
  void begin(base::MonoTime now) { began_ = now; }
  void delivered(base::Millis latency, base::MonoTime now) {
    const std::size_t bucket = bucket_of(latency);
    for_both(now, [&](Slot& slot) {
      ++slot.delivered;
      ++slot.buckets[bucket];
    });
  }
  void arrived(std::uint64_t count, base::MonoTime now) {
    for_both(now, [&](Slot& slot) { slot.arrived += count; });
  }

  RecentDeliveries minute(base::MonoTime now) const { return sum(minute_, now); }
  RecentDeliveries quarter(base::MonoTime now) const { return sum(quarter_, now); }

 private:
  static constexpr std::uint32_t kExact = 16;
  static constexpr std::uint32_t kPerOctave = 8;
  static constexpr std::uint32_t kWidthMax = 31;  // bits of the longest latency in milliseconds
  static constexpr std::size_t kBuckets = kExact + kPerOctave * (kWidthMax - 4);

  struct Slot {
    std::int64_t turn = -1;  // which slot since the clock's epoch this is
    std::uint64_t delivered = 0;
    std::uint64_t arrived = 0;
    std::array<std::uint32_t, kBuckets> buckets{};
  };
  template <std::size_t N>
  struct Ring {
    base::Millis length;  // of a slot
    std::array<Slot, N> slots{};

    std::int64_t turn(base::MonoTime now) const {
      return std::chrono::floor<base::Millis>(now.time_since_epoch()).count() / length.count();
    }
    Slot& at(base::MonoTime now) {
      const std::int64_t present = turn(now);
      Slot& slot = slots[static_cast<std::size_t>(present) % N];
      if (slot.turn != present) {
        slot = Slot();
        slot.turn = present;
      }
      return slot;
    }
  };

  static std::size_t bucket_of(base::Millis latency) {
    const std::int64_t longest = (std::int64_t{1} << kWidthMax) - 1;
    const auto value = static_cast<std::uint32_t>(std::clamp<std::int64_t>(latency.count(), 0, longest));
    if (value < kExact) return value;
    const auto width = static_cast<std::uint32_t>(std::bit_width(value));
    return kExact + (width - 5) * kPerOctave + ((value >> (width - 4)) & (kPerOctave - 1));
  }
  // The longest latency that falls into it.
  static base::Millis upper(std::size_t bucket) {
    if (bucket < kExact) return base::Millis(bucket);
    const std::size_t octave = (bucket - kExact) / kPerOctave;
    const std::size_t part = (bucket - kExact) % kPerOctave;
    return base::Millis(((kPerOctave + part + 1) << (octave + 1)) - 1);
  }

  template <class F>
  void for_both(base::MonoTime now, F change) {
    change(minute_.at(now));
    change(quarter_.at(now));
  }

  template <std::size_t N>
  RecentDeliveries sum(const Ring<N>& ring, base::MonoTime now) const {
    const std::int64_t present = ring.turn(now);
    const base::MonoTime oldest{ring.length * (present - static_cast<std::int64_t>(N) + 1)};
    RecentDeliveries recent;
    recent.covered = std::chrono::floor<base::Millis>(now - std::max(oldest, std::min(began_, now)));
    std::array<std::uint64_t, kBuckets> buckets{};
    for (const Slot& slot : ring.slots) {
      if (slot.turn <= present - static_cast<std::int64_t>(N) || slot.turn > present) continue;
      recent.delivered += slot.delivered;
      recent.arrived += slot.arrived;
      if (slot.delivered == 0) continue;
      for (std::size_t i = 0; i < kBuckets; ++i) buckets[i] += slot.buckets[i];
    }
    recent.p50 = quantile(buckets, recent.delivered, 50);
    recent.p99 = quantile(buckets, recent.delivered, 99);
    return recent;
  }
  static std::optional<base::Millis> quantile(const std::array<std::uint64_t, kBuckets>& buckets, std::uint64_t total,
                                              std::uint64_t percent) {
    if (total == 0) return std::nullopt;
    const std::uint64_t rank = (total * percent + 99) / 100;
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < kBuckets; ++bucket) {
      seen += buckets[bucket];
      if (seen >= rank) break;
    }
    return upper(bucket);
  }

  base::MonoTime began_{};
  Ring<6> minute_{std::chrono::seconds(10)};
  Ring<15> quarter_{std::chrono::minutes(1)};
};

// When a queue will be empty if it goes on as in the window.
struct Drain {
  enum class Outlook : std::uint8_t {
    empty,     // nothing waits
    draining,  // `left` says how long
    growing,   // more arrives than is delivered, or as much
    stalled,   // nothing is delivered
  };
  Outlook outlook = Outlook::empty;
  std::optional<base::Millis> left;
};
constexpr const char* name(Drain::Outlook outlook) {
  switch (outlook) {
    case Drain::Outlook::empty:
      return "empty";
    case Drain::Outlook::draining:
      return "draining";
    case Drain::Outlook::growing:
      return "growing";
    case Drain::Outlook::stalled:
      return "stalled";
  }
  return "unknown";
}
inline Drain drain_of(std::uint64_t waiting, const RecentDeliveries& recent) {
  // Below this an estimate would say centuries.
  constexpr double kSlowest = 1e-3;
  if (waiting == 0) return {};
  const double net = recent.delivered_per_second() - recent.arrived_per_second();
  if (recent.delivered == 0) return {recent.arrived == 0 ? Drain::Outlook::stalled : Drain::Outlook::growing, {}};
  if (net < kSlowest) return {Drain::Outlook::growing, {}};
  return {Drain::Outlook::draining, base::Millis(static_cast<std::int64_t>(static_cast<double>(waiting) / net * 1000))};
}

}  // namespace trunkline::engine
