#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/strong.hpp"
#include "engine/record.hpp"
#include "queue/codec.hpp"

namespace trunkline::queue {

struct TailEntry {
  engine::RecordPtr record;
  std::array<base::GroupKey, kOrders> groups{};
};

// What one commit added to the log, in order and without holes.
struct TailBatch {
  std::vector<TailEntry> entries;  // never empty
  std::size_t bytes = 0;           // of raw bodies and some for each record's texts
  base::Sequence first() const { return entries.front().record->sequence; }
  base::Sequence last() const { return entries.back().record->sequence; }
};
using TailBatchPtr = std::shared_ptr<const TailBatch>;

// The newest part of the log in memory, bounded by bytes and by age, so that memory follows the traffic: a queue that
// keeps up takes an event within milliseconds, and one that does not reads the store. Batches are shared by all loops.
// Loop thread only.
class TailCache {
 public:
  static constexpr std::int64_t kAgeMaxMs = 10'000;  // of acceptance, held against the newest batch's

  explicit TailCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void push(TailBatchPtr batch) {
    if (!batches_.empty() && batches_.back()->last().value + 1 != batch->first().value) clear();
    bytes_ += batch->bytes;
    batches_.push_back(std::move(batch));
    while (batches_.size() > 1 && (bytes_ > bytes_max_ || is_old(*batches_.front()))) {
      bytes_ -= batches_.front()->bytes;
      batches_.pop_front();
    }
  }
  void clear() {
    batches_.clear();
    bytes_ = 0;
  }

  // Null when the event is not in memory.
  const TailEntry* find(base::Sequence sequence) const {
    const auto found =
        std::lower_bound(batches_.begin(), batches_.end(), sequence,
                         [](const TailBatchPtr& batch, base::Sequence wanted) { return batch->last() < wanted; });
    if (found == batches_.end() || sequence < (*found)->first()) return nullptr;
    return &(*found)->entries[sequence.value - (*found)->first().value];
  }

 private:
  bool is_old(const TailBatch& batch) const { return accepted(*batches_.back()) - accepted(batch) > kAgeMaxMs; }
  static std::int64_t accepted(const TailBatch& batch) {
    return batch.entries.back().record->accepted_at.time_since_epoch().count();
  }

  std::deque<TailBatchPtr> batches_;
  std::size_t bytes_ = 0;
  const std::size_t bytes_max_;
};

}  // namespace trunkline::queue
