#include "queue/standing.hpp"

#include <algorithm>
#include <memory>

#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::Errc;
using base::GroupKey;
using base::QueueId;
using base::Result;
using base::Sequence;

constexpr store::FamilyHandle kQueue = handle(Table::queue);
constexpr std::uint64_t kBeforeMax = 10'000;  // events counted in front of one in its lane

Result<void> read_lane(const store::Store& store, QueueId queue, Position at, Standing& standing) {
  TRUNKLINE_TRY(const auto header, store.get(kQueue, lane_key(queue, standing.group)));
  if (header) {
    TRUNKLINE_TRY(standing.lane, decode_lane(*header));
  }
  auto first = store.seek(kQueue, row_key(queue, standing.group, {}), row_key(queue, standing.group, at));
  for (; first->valid() && standing.before < kBeforeMax; first->next()) ++standing.before;
  TRUNKLINE_TRY_VOID(first->status());
  standing.before_complete = !first->valid();
  TRUNKLINE_TRY(const auto row, store.get(kQueue, row_key(queue, standing.group, at)));
  if (row) {
    TRUNKLINE_TRY(const Row decoded, decode_row(*row));
    standing.redriven = decoded.redriven;
    standing.late = decoded.late;
  }
  return {};
}

// An outcome other than delivered; false when there is none.
Result<bool> read_outcome(const store::Store& store, QueueId queue, Sequence sequence, Standing& standing) {
  TRUNKLINE_TRY(const auto outcome, store.get(kQueue, by_sequence_key(queue, 'O', sequence)));
  if (!outcome) return false;
  if (outcome->size() != 1) return {Errc::corrupt, "a stored outcome does not decode"};
  switch (static_cast<Outcome>(outcome->front())) {
    case Outcome::dropped:
      standing.kind = Standing::Kind::dropped;
      return true;
    case Outcome::expired:
      standing.kind = Standing::Kind::expired;
      return true;
    case Outcome::purged:
      standing.kind = Standing::Kind::purged;
      return true;
  }
  return {Errc::corrupt, "a stored outcome is none that is known"};
}

Result<void> read_cursor(const store::Store& store, QueueId queue, Sequence sequence, Standing& standing) {
  TRUNKLINE_TRY(const auto value, store.get(kQueue, cursor_key(queue)));
  if (!value) return {Errc::not_found, "the queue is gone"};
  TRUNKLINE_TRY(const CursorRecord cursor, decode_cursor(*value));
  if (sequence > cursor.scanned) {
    standing.kind = Standing::Kind::unscanned;
    standing.unscanned = sequence.value - cursor.scanned.value - 1;
  } else if (std::ranges::binary_search(cursor.outstanding, sequence)) {
    standing.kind = Standing::Kind::in_memory;
  } else {
    standing.kind = Standing::Kind::delivered;
  }
  return {};
}

}  // namespace

Result<Standing> read_standing(const store::Store& store, QueueId queue, GroupKey group, Sequence sequence) {
  Standing standing;
  standing.group = group;
  // The cursor first: what leaves its list meanwhile is met in the others, which are read after it.
  TRUNKLINE_TRY_VOID(read_cursor(store, queue, sequence, standing));
  TRUNKLINE_TRY(const auto place, store.get(kQueue, by_sequence_key(queue, 'S', sequence)));
  TRUNKLINE_TRY(const auto letter, store.get(kQueue, by_sequence_key(queue, 'D', sequence)));
  Position at = position_of(sequence, 0);
  if (place) {
    TRUNKLINE_TRY(const RowPlace decoded, decode_place(*place));
    at = position_of(sequence, decoded.order);
    standing.kind = Standing::Kind::listed;
  }
  if (letter) {
    TRUNKLINE_TRY(standing.entry, decode_dead_letter(*letter));
    standing.late = standing.entry->row.late;
    standing.kind = standing.entry->parked ? Standing::Kind::parked : Standing::Kind::dead_letter;
  }
  if (!place && !letter) {
    TRUNKLINE_TRY_VOID(read_outcome(store, queue, sequence, standing));
  }
  if (standing.kind == Standing::Kind::listed || standing.kind == Standing::Kind::parked) {
    TRUNKLINE_TRY_VOID(read_lane(store, queue, at, standing));
  }
  TRUNKLINE_TRY(standing.failures, read_failures(store, queue, sequence));
  if (standing.kind == Standing::Kind::delivered) {
    TRUNKLINE_TRY(standing.deliveries, read_deliveries(store, queue, sequence));
  }
  return standing;
}

void take_place(Standing& standing, const QueueCore::Place& place) {
  using Kind = Standing::Kind;
  if (standing.kind == Kind::unscanned) standing.kind = Kind::in_memory;
  if (standing.kind != Kind::in_memory && standing.kind != Kind::listed && standing.kind != Kind::parked) return;
  standing.lane = place.lane;
  standing.leased = place.leased;
  if (standing.kind != Kind::in_memory) return;
  standing.before = place.before;
  standing.window_ends_ms = place.window_ends_ms;
}

}  // namespace trunkline::queue
