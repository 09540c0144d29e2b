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
  base::Sequence from;  // first sequence looked at
  base::Sequence to;    // last one; value 0: nothing to do
  std::uint64_t removed = 0;
  bool more = false;  // another step would find more
};
struct SweepOptions {
  std::int64_t before_ms = 0;     // accepted earlier than this; INT64_MAX: whatever is settled
  std::size_t step_max = 20'000;  // records looked at
};
base::Result<Sweep> sweep(const store::Store& store, const std::vector<base::QueueId>& queues, base::Sequence end,
                          const SweepOptions& options);

}  // namespace trunkline::queue
