#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "engine/engine.hpp"
#include "queue/codec.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

// What was done with the events of a queue, for whoever asks later: each failed delivery in full, the last
// kFailuresMax of an event; of successes one record a commit, since they are many and have nothing to tell but their
// time. Swept with the events.
inline constexpr std::uint32_t kFailuresMax = 10;

// A delivery that did not end in *delivered*.
struct FailedDelivery {
  std::int64_t at_ms = 0;
  std::uint32_t number = 0;                 // how many of the event have failed before, as far as is known
  engine::Fate fate = engine::Fate::retry;  // what followed: retry, park, skip or drop
  std::uint32_t attempts = 0;               // spent by then
  std::string error_class;
  std::string error_detail;
};
std::string encode_failure(const FailedDelivery& failure);
base::Result<FailedDelivery> decode_failure(std::string_view bytes);

// How often a stored event came again and was suppressed.
struct Repeats {
  std::uint64_t count = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::string last_envelope_id;  // of the last one; another than the event's own when it was published anew
};
std::string encode_repeats(const Repeats& repeats);
base::Result<Repeats> decode_repeats(std::string_view bytes);

// 32 random bits of a pulled lease, whose id is random; never 0.
inline std::uint32_t mark_of(std::uint64_t lease) {
  return static_cast<std::uint32_t>(lease >> 32) | 1U;
}
struct DeliveredUnder {
  base::Sequence sequence;
  std::uint32_t mark = 0;  // of the lease; 0: not kept
  auto operator<=>(const DeliveredUnder&) const = default;
};

// Collects for one delta of a queue. Not thread-safe.
class Journal {
 public:
  explicit Journal(base::QueueId queue) : queue_(queue) {}

  // `lease`: under which it was, where somebody may ask for that; else 0.
  void delivered(base::Sequence sequence, std::uint64_t lease, std::int64_t at_ms);
  // The oldest of kFailuresMax is written over.
  void failed(base::Sequence sequence, const FailedDelivery& failure, store::Batch& batch) const;
  void write(store::Batch& batch);

 private:
  const base::QueueId queue_;
  std::vector<DeliveredUnder> delivered_;
  std::int64_t at_ms_ = 0;
};

// Oldest first.
base::Result<std::vector<FailedDelivery>> read_failures(const store::Store& store, base::QueueId queue,
                                                        base::Sequence sequence);

// When the event was delivered, oldest first; more than once after a crash or a replay. `complete` is false when its
// record may lie behind what was looked at: kDeliveriesLookedAt records of later events.
struct Deliveries {
  std::vector<base::WallTime> at;
  bool complete = true;
};
inline constexpr std::size_t kDeliveriesLookedAt = 100'000;  // about a second
base::Result<Deliveries> read_deliveries(const store::Store& store, base::QueueId queue, base::Sequence sequence);

// Whether the event was delivered under this lease. False, too, when its record lies behind kReceiptsLookedAt records of
// later events.
inline constexpr std::size_t kReceiptsLookedAt = 10'000;  // about 0.1 s
base::Result<bool> read_delivered_under(const store::Store& store, base::QueueId queue, base::Sequence sequence,
                                        std::uint64_t lease);

base::Result<std::optional<Repeats>> read_repeats(const store::Store& store, base::Sequence sequence);

// Removes what is kept of the events in [first, end) in this queue, but for failures of those in `pinned` (ascending).
base::Result<void> forget_history(const store::Store& store, base::QueueId queue, base::Sequence first,
                                  base::Sequence end, const std::vector<base::Sequence>& pinned, store::Batch& batch);

}  // namespace trunkline::queue
