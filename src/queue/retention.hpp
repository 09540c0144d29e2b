#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

// One step of deleting settled history: what lies below every queue's needs and is older than `retain`. Reads committed
// state only, so it never deletes what a queue's memory has let go but not yet written. Returns the changes; the caller
// commits them.
struct Sweep {
  store::Batch batch;
  base::Sequence to;  // last sequence looked at; value 0: nothing to do
  std::uint64_t removed = 0;
  bool more = false;  // another step would find more
};
struct SweepOptions {
  std::int64_t before_ms = 0;     // accepted earlier than this; INT64_MAX: whatever is settled
  std::size_t step_max = 20'000;  // records looked at
};
base::Result<Sweep> sweep(const store::Store& store, const std::vector<base::QueueId>& queues, base::Sequence end,
                          const SweepOptions& options);

// Sequences from `first` up to `end` of which no record is left.
struct SweptRange {
  base::Sequence first;
  base::Sequence end;
};
// What committed sweeps have emptied: all up to the last swept sequence but what some queue still holds (its parked,
// blocked and skipped events). Ascending; only the widest `ranges_max`, since narrow ones hold no whole file.
base::Result<std::vector<SweptRange>> swept_ranges(const store::Store& store, std::size_t ranges_max = 1'000);

}  // namespace trunkline::queue
