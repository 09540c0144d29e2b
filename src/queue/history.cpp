#include "queue/history.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::ByteReader;
using base::Errc;
using base::QueueId;
using base::Result;
using base::Sequence;

constexpr store::FamilyHandle kQueue = handle(Table::queue);
constexpr std::size_t kDeliveredMax = 4'096;     // in one record
constexpr std::size_t kLookBehindMatch = 1'000;  // records read on behind a delivery, for another of the same event

std::string failure_key(QueueId queue, Sequence sequence, std::uint32_t number) {
  std::string key = by_sequence_key(queue, 'A', sequence);
  key.push_back(static_cast<char>(number % kFailuresMax));
  return key;
}

std::string deliveries_key(QueueId queue, Sequence highest, std::int64_t at_ms) {
  std::string key = by_sequence_key(queue, 'T', highest);
  base::put_u64(key, static_cast<std::uint64_t>(at_ms));
  return key;
}

// The record's value: its lowest sequence, then the steps from one to the next. Where marks are kept it begins with a 0,
// which is no sequence, and each is followed by its mark.
std::string encode_delivered(const DeliveredUnder* first, std::size_t count) {
  std::string out;
  const bool marked = first->mark != 0;
  if (marked) out.push_back('\0');
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    base::put_varint(out, first[i].sequence.value - before);
    if (marked) base::put_u32(out, first[i].mark);
    before = first[i].sequence.value;
  }
  return out;
}

// Whether it names the event, under the lease of that mark; 0: any.
Result<bool> holds(std::string_view bytes, Sequence sequence, std::uint32_t mark) {
  const bool marked = bytes.starts_with('\0');
  ByteReader in(bytes.substr(marked ? 1 : 0));
  std::uint64_t at = 0;
  bool found = false;
  while (in.ok() && !in.at_end() && at <= sequence.value && !found) {
    at += in.varint();
    const std::uint32_t of = marked ? in.u32() : 0;
    found = at == sequence.value && (mark == 0 || of == mark);
  }
  if (!in.ok()) return {Errc::corrupt, "a stored record of deliveries does not decode"};
  return found;
}

}  // namespace

// ---- values

std::string encode_failure(const FailedDelivery& failure) {
  std::string out;
  base::put_u64(out, static_cast<std::uint64_t>(failure.at_ms));
  base::put_varint(out, failure.number);
  out.push_back(static_cast<char>(failure.fate));
  base::put_varint(out, failure.attempts);
  base::put_string(out, failure.error_class);
  base::put_string(out, failure.error_detail);
  return out;
}

Result<FailedDelivery> decode_failure(std::string_view bytes) {
  ByteReader in(bytes);
  FailedDelivery failure;
  failure.at_ms = static_cast<std::int64_t>(in.u64());
  failure.number = static_cast<std::uint32_t>(in.varint());
  const auto fate = in.u8();
  failure.fate = static_cast<engine::Fate>(fate);
  failure.attempts = static_cast<std::uint32_t>(in.varint());
  failure.error_class = in.string();
  failure.error_detail = in.string();
  const bool known = fate > static_cast<std::uint8_t>(engine::Fate::delivered) &&
                     fate < static_cast<std::uint8_t>(engine::Fate::release);
  if (!in.ok() || !in.at_end() || !known) return {Errc::corrupt, "a stored failure does not decode"};
  return failure;
}

std::string encode_repeats(const Repeats& repeats) {
  std::string out;
  base::put_varint(out, repeats.count);
  base::put_u64(out, static_cast<std::uint64_t>(repeats.first_ms));
  base::put_u64(out, static_cast<std::uint64_t>(repeats.last_ms));
  base::put_string(out, repeats.last_envelope_id);
  return out;
}

Result<Repeats> decode_repeats(std::string_view bytes) {
  ByteReader in(bytes);
  Repeats repeats;
  repeats.count = in.varint();
  repeats.first_ms = static_cast<std::int64_t>(in.u64());
  repeats.last_ms = static_cast<std::int64_t>(in.u64());
  repeats.last_envelope_id = in.string();
  if (!in.ok() || !in.at_end()) return {Errc::corrupt, "a stored count of repeats does not decode"};
  return repeats;
}

// ---- Journal

void Journal::delivered(Sequence sequence, std::uint64_t lease, std::int64_t at_ms) {
  delivered_.push_back({sequence, lease != 0 ? mark_of(lease) : 0});
  at_ms_ = at_ms;
}

void Journal::failed(Sequence sequence, const FailedDelivery& failure, store::Batch& batch) const {
  batch.put(kQueue, failure_key(queue_, sequence, failure.number), encode_failure(failure));
}

void Journal::write(store::Batch& batch) {
  std::sort(delivered_.begin(), delivered_.end());
  for (std::size_t at = 0; at < delivered_.size(); at += kDeliveredMax) {
    const std::size_t count = std::min(kDeliveredMax, delivered_.size() - at);
    batch.put(kQueue, deliveries_key(queue_, delivered_[at + count - 1].sequence, at_ms_),
              encode_delivered(&delivered_[at], count));
  }
  delivered_.clear();
}

// ---- reading

Result<std::vector<FailedDelivery>> read_failures(const store::Store& store, QueueId queue, Sequence sequence) {
  std::vector<FailedDelivery> failures;
  const std::string first = by_sequence_key(queue, 'A', sequence);
  auto at = store.seek(kQueue, first, by_sequence_key(queue, 'A', {sequence.value + 1}));
  for (; at->valid(); at->next()) {
    TRUNKLINE_TRY(FailedDelivery failure, decode_failure(at->value()));
    failures.push_back(std::move(failure));
  }
  TRUNKLINE_TRY_VOID(at->status());
  std::ranges::sort(failures, {}, [](const FailedDelivery& each) { return std::pair(each.at_ms, each.number); });
  return failures;
}

Result<Deliveries> read_deliveries(const store::Store& store, QueueId queue, Sequence sequence) {
  Deliveries found;
  std::size_t left = kDeliveriesLookedAt;
  auto at = store.seek(kQueue, by_sequence_key(queue, 'T', sequence), prefix_end(queue_prefix(queue, 'T')));
  for (; at->valid() && left > 0; at->next(), --left) {
    TRUNKLINE_TRY(const bool matches, holds(at->value(), sequence, 0));
    if (!matches) continue;
    const auto at_ms = static_cast<std::int64_t>(ByteReader(at->key().substr(at->key().size() - 8)).u64());
    found.at.emplace_back(base::Millis(at_ms));
    left = std::min(left, kLookBehindMatch);
  }
  TRUNKLINE_TRY_VOID(at->status());
  found.complete = left > 0 || !found.at.empty();
  std::ranges::sort(found.at);
  return found;
}

Result<bool> read_delivered_under(const store::Store& store, QueueId queue, Sequence sequence, std::uint64_t lease) {
  // What waits, or has ended otherwise, was not; then there is nothing to look for.
  for (const char list : {'S', 'D', 'O'}) {
    TRUNKLINE_TRY(const auto elsewhere, store.get(kQueue, by_sequence_key(queue, list, sequence)));
    if (elsewhere) return false;
  }
  std::size_t left = kReceiptsLookedAt;
  auto at = store.seek(kQueue, by_sequence_key(queue, 'T', sequence), prefix_end(queue_prefix(queue, 'T')));
  for (; at->valid() && left > 0; at->next(), --left) {
    TRUNKLINE_TRY(const bool matches, holds(at->value(), sequence, mark_of(lease)));
    if (matches) return true;
  }
  TRUNKLINE_TRY_VOID(at->status());
  return false;
}

Result<std::optional<Repeats>> read_repeats(const store::Store& store, Sequence sequence) {
  TRUNKLINE_TRY(const auto value, store.get(handle(Table::meta), repeats_key(sequence)));
  if (!value) return std::optional<Repeats>();
  TRUNKLINE_TRY(Repeats repeats, decode_repeats(*value));
  return std::optional<Repeats>(std::move(repeats));
}

// Failures are few and go one by one: a pinned event between them would make a range for each.
Result<void> forget_history(const store::Store& store, QueueId queue, Sequence first, Sequence end,
                            const std::vector<Sequence>& pinned, store::Batch& batch) {
  auto at = store.seek(kQueue, by_sequence_key(queue, 'A', first), by_sequence_key(queue, 'A', end));
  for (; at->valid(); at->next()) {
    const Sequence sequence = sequence_of(at->key().substr(0, at->key().size() - 1));
    if (!std::ranges::binary_search(pinned, sequence)) batch.remove(kQueue, at->key());
  }
  TRUNKLINE_TRY_VOID(at->status());
  batch.remove_range(kQueue, by_sequence_key(queue, 'T', first), by_sequence_key(queue, 'T', end));
  return {};
}

}  // namespace trunkline::queue
