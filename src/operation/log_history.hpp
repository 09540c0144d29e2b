#pragma once

#include <functional>
#include <utility>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/record.hpp"
#include "operation/operations.hpp"

namespace trunkline::operation {

// The log of an engine as a replay reads it, on a loop of its own that may wait for the store. Lives as long as that
// loop runs its tasks.
class LogHistory final : public History {
 public:
  using Wanted = std::function<bool(const engine::Record&)>;
  // All are called on the reader's loop.
  struct Log {
    // The first event accepted at this time or later, as far as the clock did not jump.
    std::function<base::Result<base::Sequence>(base::WallTime)> first_accepted;
    // The stored events from the first one on, in order, until the function returns false.
    std::function<base::Result<void>(base::Sequence, const Wanted&)> read;
    // What the filter of now of the request's consumer matches. Asked only where the request does not say all_routed.
    std::function<base::Result<Wanted>(const Request&)> filter;
  };
  LogHistory(Log log, base::Loop& reader) : log_(std::move(log)), reader_(reader) {}

  void range(base::WallTime from, base::WallTime to, base::Loop& reply_on, RangeCallback done) override;
  void find(const Request& request, base::Sequence after, Bounds bounds, base::Loop& reply_on,
            FoundCallback done) override;

 private:
  base::Result<std::pair<base::Sequence, base::Sequence>> find_range(base::WallTime from, base::WallTime to) const;
  base::Result<Found> read(const Request& request, base::Sequence after, Bounds bounds) const;

  const Log log_;
  base::Loop& reader_;
};

}  // namespace trunkline::operation
