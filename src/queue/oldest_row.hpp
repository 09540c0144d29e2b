#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "base/strong.hpp"

namespace trunkline::queue {

// Where the search for a queue's oldest row may begin, so that it need not pass all that was removed before it and that
// the store has not merged away yet: no row, on disk or to be written, is older than that. Pure, not thread-safe.
class OldestRow {
 public:
  void put(base::Sequence row) {
    collected_ = std::min(collected_, row);
    looked_ = std::min(looked_, row);
    from_ = std::min(from_, row);
  }
  // What was put until now is being written; is on disk.
  void taken() { writing_ = std::min(writing_, std::exchange(collected_, kNone)); }
  void committed() { writing_ = kNone; }

  base::Sequence from() const { return from_; }
  // A search begins here. What is not on disk yet it may not see.
  base::Sequence look() {
    looked_ = std::min(writing_, collected_);
    return from_;
  }
  // What the search begun last has found.
  void found(std::optional<base::Sequence> row) { from_ = std::min(row.value_or(kNone), looked_); }

 private:
  static constexpr base::Sequence kNone{UINT64_MAX};
  base::Sequence from_{0};
  base::Sequence collected_ = kNone;
  base::Sequence writing_ = kNone;
  base::Sequence looked_ = kNone;  // the oldest that the search under way may not see
};

}  // namespace trunkline::queue
