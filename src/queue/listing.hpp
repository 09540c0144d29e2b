#pragma once

#include <utility>
#include <vector>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "queue/codec.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

// Pages of what is on disk, for people and tools; on a read thread.
base::Result<std::vector<engine::DeadLetter>> read_dead_letters(const store::Store& store, base::QueueId queue,
                                                                event::Order order, engine::Page page);

struct DeadLetterRange {
  base::QueueId queue;
  event::Order order{};
  base::Sequence after;
  base::Sequence end;
  std::size_t look_at = 0;         // at most so many are looked at,
  std::size_t matches = 0;         // and so many found
  base::OperationId not_given_by;  // what this operation has redriven before is left out
};
struct DeadLetterChunk {
  std::vector<std::pair<base::Sequence, DeadLetterEntry>> entries;
  base::Sequence reached;  // the last that was looked at; 0: none
  bool ended = false;      // nothing lies behind it
  base::Result<void> status;
};
// Those that match, in order. Their events are read only where the filter asks for something of them.
DeadLetterChunk read_dead_letter_chunk(const store::Store& store, const DeadLetterRange& range,
                                       const engine::RedriveFilter& filter);
// Of all that match. Reads every one of their events: some 10 microseconds each.
base::Result<engine::DeadLetterSummary> summarize_dead_letters(const store::Store& store, base::QueueId queue,
                                                               event::Order order, const engine::RedriveFilter& filter,
                                                               base::WallTime now);

base::Result<std::vector<engine::Quarantined>> read_quarantine(const store::Store& store, engine::Page page);

}  // namespace trunkline::queue
