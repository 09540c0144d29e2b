#include "queue/listing.hpp"

#include <algorithm>
#include <memory>

#include "queue/codec.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

constexpr std::size_t kPageMax = 1'000;

}  // namespace

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
