#pragma once

#include <vector>

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

// Pages of what is on disk, for people and tools; on a read thread.
base::Result<std::vector<engine::DeadLetter>> read_dead_letters(const store::Store& store, base::QueueId queue,
                                                                event::Order order, engine::Page page);
base::Result<std::vector<engine::Quarantined>> read_quarantine(const store::Store& store, engine::Page page);

}  // namespace trunkline::queue
