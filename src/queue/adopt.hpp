#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "engine/adopted.hpp"
#include "queue/codec.hpp"
#include "store/store.hpp"

// A migration's look at queues that nobody serves, and its way to fill them: past the lanes in memory, on disk alone.
namespace trunkline::queue {

// What of one queue is not settled, asked for in ascending order of the log. Reads its lists beside the log instead of
// looking up each event. The store must not change meanwhile.
class Backlog {
 public:
  static base::Result<Backlog> open(const store::Store& store, StoredQueue queue);

  const StoredQueue& queue() const { return queue_; }
  // Events have an order of their own in it, which an event-time window has given them.
  bool ordered() const { return cursor_.ordered.has_value(); }
  // Redrives and replays that are under way.
  std::size_t operations() const { return operations_; }
  // Nothing: it is settled. The record must be routed to the queue.
  base::Result<std::optional<engine::Adopted>> at(const engine::RecordPtr& record);

 private:
  Backlog(const store::Store& store, StoredQueue queue) : store_(&store), queue_(std::move(queue)) {}
  base::Result<void> read_lane(base::GroupKey group, base::Sequence sequence, engine::Adopted& adopted) const;
  base::Result<void> read_row(base::GroupKey group, base::Sequence sequence, engine::Adopted& adopted) const;
  base::Result<void> read_letter(std::string_view value, engine::Adopted& adopted) const;

  const store::Store* store_;
  StoredQueue queue_;
  CursorRecord cursor_;
  std::vector<base::Sequence> received_;  // once, and in flight without a row; ascending
  std::size_t operations_ = 0;
  std::unique_ptr<store::Cursor> places_;   // list S
  std::unique_ptr<store::Cursor> letters_;  // list D
};

// Gives events that have just been published their places in one queue, and moves its cursor up to and with `through`:
// what is routed to it up to there and not among `events` counts as settled. `events` ascend; what is up to the cursor
// already is left out, so that this may be repeated. Every event of them that waits becomes a row.
base::Result<void> stage_adopted(const store::Store& store, const StoredQueue& queue,
                                 const std::vector<engine::Adopted>& events, base::Sequence through,
                                 store::Batch& batch);

}  // namespace trunkline::queue
