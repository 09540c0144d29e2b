#include "queue/retention.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "queue/codec.hpp"
#include "queue/history.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::Result;
using base::Sequence;

constexpr std::size_t kSurvivorsMax = 2'000;  // looked at in one step

// What replays need: the events they have out, and where the history begins that they have yet to read.
struct Replayed {
  std::vector<Sequence> outstanding;  // ascending
  std::optional<Sequence> unread;     // all behind it
};
Result<Replayed> replayed_by(const store::Store& store, const std::vector<base::QueueId>& queues) {
  Replayed replayed;
  for (const base::QueueId queue : queues) {
    const std::string prefix = queue_prefix(queue, 'P');
    auto at = store.seek(handle(Table::queue), prefix, prefix_end(prefix));
    for (; at->valid(); at->next()) {
      TRUNKLINE_TRY(const StoredOperation operation, decode_operation(at->value()));
      replayed.outstanding.insert(replayed.outstanding.end(), operation.outstanding.begin(),
                                  operation.outstanding.end());
      if (operation.closed || operation.tally.reached >= operation.keep_to) continue;
      replayed.unread = std::min(replayed.unread.value_or(operation.tally.reached), operation.tally.reached);
    }
    TRUNKLINE_TRY_VOID(at->status());
  }
  std::ranges::sort(replayed.outstanding);
  return replayed;
}

// The last sequence that no queue's scan or memory needs.
Result<Sequence> settled_end(const store::Store& store, const std::vector<base::QueueId>& queues, Sequence end) {
  Sequence lowest = end;
  for (const base::QueueId queue : queues) {
    TRUNKLINE_TRY(const auto value, store.get(handle(Table::queue), cursor_key(queue)));
    if (!value) return Sequence{};  // made a moment ago, nothing is known of it
    TRUNKLINE_TRY(const CursorRecord cursor, decode_cursor(*value));
    const Sequence needs = cursor.outstanding.empty() ? cursor.scanned : Sequence{cursor.outstanding.front().value - 1};
    lowest = std::min(lowest, needs);
  }
  return lowest;
}

// Sequences in (from, to] that some queue's rows, dead letters or replays hold, ascending.
Result<std::vector<Sequence>> pinned_between(const store::Store& store, const std::vector<base::QueueId>& queues,
                                             const Replayed& replayed, Sequence from, Sequence to) {
  const std::vector<Sequence>& out = replayed.outstanding;
  std::vector<Sequence> pinned(std::ranges::upper_bound(out, from), std::ranges::upper_bound(out, to));
  for (const base::QueueId queue : queues) {
    for (const char list : {'S', 'D'}) {
      const std::string first = by_sequence_key(queue, list, {from.value + 1});
      const std::string end = by_sequence_key(queue, list, {to.value + 1});
      auto at = store.seek(handle(Table::queue), first, end);
      for (; at->valid(); at->next()) pinned.push_back(sequence_of(at->key()));
      TRUNKLINE_TRY_VOID(at->status());
    }
  }
  std::sort(pinned.begin(), pinned.end());
  pinned.erase(std::unique(pinned.begin(), pinned.end()), pinned.end());
  return pinned;
}

void remove_records(store::Batch& batch, Sequence first, Sequence end) {
  if (first >= end) return;
  for (const Table table : {Table::log, Table::scan}) {
    batch.remove_range(handle(table), sequence_key(first), sequence_key(end));
  }
  batch.remove_range(handle(Table::meta), repeats_key(first), repeats_key(end));
}

// Records that outlived their sweep and are needed no more.
Result<void> sweep_survivors(const store::Store& store, const std::vector<base::QueueId>& queues,
                             const Replayed& replayed, Sweep& sweep) {
  std::size_t seen = 0;
  for (auto at = store.seek(handle(Table::meta), "v", "w"); at->valid() && seen < kSurvivorsMax; at->next(), ++seen) {
    const Sequence sequence = sequence_of(at->key());
    TRUNKLINE_TRY(const auto pinned, pinned_between(store, queues, replayed, {sequence.value - 1}, sequence));
    if (!pinned.empty()) continue;
    for (const Table table : {Table::log, Table::scan}) sweep.batch.remove(handle(table), sequence_key(sequence));
    sweep.batch.remove(handle(Table::meta), at->key());
    sweep.batch.remove(handle(Table::meta), repeats_key(sequence));
    for (const base::QueueId queue : queues) {
      TRUNKLINE_TRY_VOID(forget_history(store, queue, sequence, {sequence.value + 1}, {}, sweep.batch));
    }
    ++sweep.removed;
  }
  return {};
}

}  // namespace

Result<Sweep> sweep(const store::Store& store, const std::vector<base::QueueId>& queues, Sequence end,
                    const SweepOptions& options) {
  Sweep result;
  TRUNKLINE_TRY(const Replayed replayed, replayed_by(store, queues));
  TRUNKLINE_TRY_VOID(sweep_survivors(store, queues, replayed, result));
  TRUNKLINE_TRY(const auto stored, store.get(handle(Table::meta), kSweptKey));
  const Sequence swept{stored ? base::ByteReader(*stored).u64() : 0};
  TRUNKLINE_TRY(Sequence settled, settled_end(store, queues, end));
  // A replay does not hold history against the disk's budget.
  const bool hard = options.before_ms == std::numeric_limits<std::int64_t>::max();
  if (replayed.unread && !hard) settled = std::min(settled, *replayed.unread);
  Sequence to = swept;
  std::size_t seen = 0;
  auto at = store.seek(handle(Table::scan), sequence_key({swept.value + 1}), sequence_key({settled.value + 1}));
  for (; at->valid() && seen < options.step_max; at->next(), ++seen) {
    TRUNKLINE_TRY(const ScanEntry entry, decode_scan(at->value()));
    if (entry.accepted_ms >= options.before_ms) break;
    to = sequence_of(at->key());
  }
  TRUNKLINE_TRY_VOID(at->status());
  result.more = seen == options.step_max;
  if (to == swept) return result;

  TRUNKLINE_TRY(const std::vector<Sequence> pinned, pinned_between(store, queues, replayed, swept, to));
  Sequence first{swept.value + 1};
  for (const Sequence keep : pinned) {
    remove_records(result.batch, first, keep);
    std::string key = "v";
    base::put_u64(key, keep.value);
    result.batch.put(handle(Table::meta), key, {});
    first = {keep.value + 1};
  }
  remove_records(result.batch, first, {to.value + 1});
  for (const base::QueueId queue : queues) {
    result.batch.remove_range(handle(Table::queue), by_sequence_key(queue, 'O', {}),
                              by_sequence_key(queue, 'O', {to.value + 1}));
    TRUNKLINE_TRY_VOID(forget_history(store, queue, {swept.value + 1}, {to.value + 1}, pinned, result.batch));
  }
  result.batch.put(handle(Table::meta), kSweptKey, sequence_key(to));
  result.to = to;
  result.removed += to.value - swept.value - pinned.size();
  return result;
}

Result<std::vector<SweptRange>> swept_ranges(const store::Store& store, std::size_t ranges_max) {
  const auto width = [](const SweptRange& range) { return range.end.value - range.first.value; };
  std::vector<SweptRange> ranges;
  const auto add = [&](Sequence first, Sequence end) {
    if (first < end) ranges.push_back({first, end});
    if (ranges.size() < 2 * ranges_max) return;
    std::nth_element(ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(ranges_max), ranges.end(),
                     [&](const SweptRange& a, const SweptRange& b) { return width(a) > width(b); });
    ranges.resize(ranges_max);
  };
  TRUNKLINE_TRY(const auto stored, store.get(handle(Table::meta), kSweptKey));
  if (!stored) return ranges;
  const Sequence end{base::ByteReader(*stored).u64() + 1};
  Sequence first{1};
  auto at = store.seek(handle(Table::meta), "v", "w");
  for (; at->valid(); at->next()) {
    const Sequence kept = sequence_of(at->key());
    add(first, std::min(kept, end));
    first = std::max(first, Sequence{kept.value + 1});
  }
  TRUNKLINE_TRY_VOID(at->status());
  add(first, end);
  std::sort(ranges.begin(), ranges.end(),
            [&](const SweptRange& a, const SweptRange& b) { return width(a) > width(b); });
  ranges.resize(std::min(ranges.size(), ranges_max));
  std::sort(ranges.begin(), ranges.end(), [](const SweptRange& a, const SweptRange& b) { return a.first < b.first; });
  return ranges;
}

}  // namespace trunkline::queue
