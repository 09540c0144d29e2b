#include "queue/listing.hpp"

#include <algorithm>
#include <memory>

#include "queue/codec.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

constexpr std::size_t kPageMax = 1'000;

bool wants_event(const engine::RedriveFilter& filter) {
  return !filter.event_type.empty() || !filter.group.empty();
}

bool entry_matches(const engine::RedriveFilter& filter, base::Sequence sequence, const DeadLetterEntry& entry) {
  if (filter.sequence && sequence != *filter.sequence) return false;
  if (!filter.error_class.empty() && entry.error_class != filter.error_class) return false;
  if (filter.since_from && entry.since_ms < millis(*filter.since_from)) return false;
  return !filter.since_before || entry.since_ms < millis(*filter.since_before);
}

bool event_matches(const engine::RedriveFilter& filter, const event::Event& event, event::Order order) {
  if (!filter.event_type.empty() && event.event_type != filter.event_type) return false;
  return filter.group.empty() || event.conversation_id == filter.group ||
         event::group_text(event, order) == filter.group;
}

base::Result<std::optional<engine::Record>> record_at(const store::Store& store, base::Sequence sequence) {
  TRUNKLINE_TRY(const auto value, store.get(handle(Table::log), sequence_key(sequence)));
  if (!value) return std::optional<engine::Record>();
  TRUNKLINE_TRY(engine::Record record, decode_record(sequence, *value));
  return std::optional<engine::Record>(std::move(record));
}

void count_word(std::map<std::string, std::uint64_t>& words, const std::string& word) {
  const bool room = words.contains(word) || words.size() < engine::DeadLetterSummary::words_max;
  ++words[room ? word : "other"];
}

const char* age_word(base::Millis age) {
  if (age <= std::chrono::hours(1)) return "1h";
  if (age <= std::chrono::hours(24)) return "24h";
  return age <= std::chrono::hours(24 * 7) ? "7d" : "older";
}

}  // namespace

DeadLetterChunk read_dead_letter_chunk(const store::Store& store, const DeadLetterRange& range,
                                       const engine::RedriveFilter& filter) {
  DeadLetterChunk chunk;
  const std::string first = by_sequence_key(range.queue, 'D', {range.after.value + 1});
  const std::string end = by_sequence_key(range.queue, 'D', {range.end.value + 1});
  auto at = store.seek(handle(Table::queue), first, end);
  for (std::size_t seen = 0; at->valid() && seen < range.look_at && chunk.entries.size() < range.matches;
       at->next(), ++seen) {
    const base::Sequence sequence = sequence_of(at->key());
    chunk.reached = sequence;
    auto entry = decode_dead_letter(at->value());
    if (!entry.ok()) {
      chunk.status = entry.error();
      return chunk;
    }
    if (range.not_given_by.value != 0 && entry->row.operation == range.not_given_by) continue;
    if (!entry_matches(filter, sequence, *entry)) continue;
    if (wants_event(filter)) {
      const auto record = record_at(store, sequence);
      if (!record.ok()) {
        chunk.status = record.error();
        return chunk;
      }
      if (!*record || !event_matches(filter, (*record)->event, range.order)) continue;
    }
    chunk.entries.emplace_back(sequence, std::move(*entry));
  }
  chunk.status = at->status();
  chunk.ended = !at->valid();
  return chunk;
}

base::Result<engine::DeadLetterSummary> summarize_dead_letters(const store::Store& store, base::QueueId queue,
                                                               event::Order order, const engine::RedriveFilter& filter,
                                                               base::WallTime now) {
  engine::DeadLetterSummary summary;
  const std::string prefix = queue_prefix(queue, 'D');
  auto at = store.seek(handle(Table::queue), prefix, prefix_end(prefix));
  for (; at->valid(); at->next()) {
    const base::Sequence sequence = sequence_of(at->key());
    TRUNKLINE_TRY(const DeadLetterEntry entry, decode_dead_letter(at->value()));
    if (!entry_matches(filter, sequence, entry)) continue;
    TRUNKLINE_TRY(const auto record, record_at(store, sequence));
    if (wants_event(filter) && (!record || !event_matches(filter, record->event, order))) continue;
    const base::WallTime since{base::Millis(entry.since_ms)};
    ++summary.total;
    if (entry.parked) ++summary.parked;
    count_word(summary.by_error_class, entry.error_class);
    count_word(summary.by_event_type, record ? record->event.event_type : std::string("unknown"));
    ++summary.by_age[age_word(now - since)];
    summary.oldest = std::min(summary.oldest.value_or(since), since);
    summary.newest = std::max(summary.newest.value_or(since), since);
  }
  TRUNKLINE_TRY_VOID(at->status());
  return summary;
}

base::Result<std::vector<engine::DeadLetter>> read_dead_letters(const store::Store& store, base::QueueId queue,
                                                                event::Order order, engine::Page page) {
  std::vector<engine::DeadLetter> letters;
  const std::size_t limit = std::min(page.limit, kPageMax);
  const std::string first = by_sequence_key(queue, 'D', {page.after + 1});
  auto at = store.seek(handle(Table::queue), first, prefix_end(queue_prefix(queue, 'D')));
  for (; at->valid() && letters.size() < limit; at->next()) {
    TRUNKLINE_TRY(const DeadLetterEntry entry, decode_dead_letter(at->value()));
    engine::DeadLetter& letter = letters.emplace_back();
    letter.sequence = sequence_of(at->key());
    letter.parked = entry.parked;
    letter.group = entry.group;
    letter.attempts = entry.attempts;
    letter.error_class = entry.error_class;
    letter.error_detail = entry.error_detail;
    letter.since = base::WallTime(base::Millis(entry.since_ms));
    TRUNKLINE_TRY(const auto value, store.get(handle(Table::log), sequence_key(letter.sequence)));
    if (!value) continue;
    TRUNKLINE_TRY(engine::Record record, decode_record(letter.sequence, *value));
    letter.group_text = event::group_text(record.event, order);
    letter.record = std::make_shared<engine::Record>(std::move(record));
    if (!entry.row.edited) continue;
    TRUNKLINE_TRY(letter.edited, store.get(handle(Table::queue), by_sequence_key(queue, 'E', letter.sequence)));
  }
  TRUNKLINE_TRY_VOID(at->status());
  return letters;
}

base::Result<std::vector<engine::Quarantined>> read_quarantine(const store::Store& store, engine::Page page) {
  std::vector<engine::Quarantined> inputs;
  const std::size_t limit = std::min(page.limit, kPageMax);
  auto at = store.seek(handle(Table::quarantine), sequence_key({page.after + 1}), {});
  for (; at->valid() && inputs.size() < limit; at->next()) {
    TRUNKLINE_TRY(engine::Quarantined input, decode_quarantined(sequence_of(at->key()).value, at->value()));
    inputs.push_back(std::move(input));
  }
  TRUNKLINE_TRY_VOID(at->status());
  return inputs;
}

}  // namespace trunkline::queue
