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

// The newest part of the log in memory, bounded by bytes; batches are shared by all loops. Loop thread only.
class TailCache {
 public:
  explicit TailCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void push(TailBatchPtr batch) {
    if (!batches_.empty() && batches_.back()->last().value + 1 != batch->first().value) clear();
    bytes_ += batch->bytes;
    batches_.push_back(std::move(batch));
    while (bytes_ > bytes_max_ && batches_.size() > 1) {
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
  std::deque<TailBatchPtr> batches_;
  std::size_t bytes_ = 0;
  const std::size_t bytes_max_;
};

}  // namespace trunkline::queue
