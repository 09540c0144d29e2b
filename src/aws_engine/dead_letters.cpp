#include "aws_engine/dead_letters.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "aws_engine/codec.hpp"
#include "aws_engine/records.hpp"
#include "base/hash.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Result;
using engine::RedriveFilter;

constexpr std::size_t kPageMax = 1'000;
constexpr std::size_t kQueryPage = 100;
// SQS forgets a message after 14 days; a parked one that is older is sent anew.
constexpr std::uint64_t kInSqsMs = (14 * 24 - 1) * std::uint64_t{3'600'000};

base::Sequence sequence_of(const Item& letter) {
  return {unhex(letter.text("sk"))};
}

// Whether the event itself is needed to say if it matches.
bool needs_record(const RedriveFilter& filter) {
  return !filter.event_type.empty() || !filter.group.empty();
}

bool matches(const RedriveFilter& filter, const Item& letter, const engine::Record* record) {
  const base::WallTime since = wall(letter.number("e_since"));
  if (filter.sequence && *filter.sequence != sequence_of(letter)) return false;
  if (!filter.error_class.empty() && filter.error_class != letter.text("e_class")) return false;
  if (filter.since_from && since < *filter.since_from) return false;
  if (filter.since_before && since >= *filter.since_before) return false;
  if (!filter.event_type.empty() && (record == nullptr || record->event.event_type != filter.event_type)) return false;
  return filter.group.empty() || letter.text("e_group") == filter.group ||
         (record != nullptr && record->event.conversation_id == filter.group);
}

// Ends one dead letter in one transaction with what has to be said for it. False: it has changed meanwhile.
Result<bool> end_letter(Cloud& cloud, Outbox& outbox, const QueueInfo& queue, const Item& letter, LetterAction action) {
  const base::Sequence sequence = sequence_of(letter);
  const std::uint64_t now = millis(cloud.loop().clock().wall());
  const bool parked = letter.number("e_parked") != 0;
  const bool redriven = action == LetterAction::redrive;
  const bool in_sqs = parked && now < (sequence.value >> 12) + kInSqsMs;
  engine::RecordPtr record;
  if (redriven && !in_sqs) {
    TRUNKLINE_TRY(record, load_record_wait(cloud, sequence));
    if (!record) return false;  // nothing is left to be sent
  }
  Write forget{WriteKind::remove, Item(letter.text("pk"), letter.text("sk")), {}, "e_handle = :handle", {}};
  forget.values.text(":handle", letter.text("e_handle"));
  Write state{WriteKind::update,
              message_key(sequence, queue.id),
              redriven ? "SET e_fate = :fate, e_ends = :ends, e_attempts = :none, e_redriven = :one"
                       : "SET e_fate = :fate, e_ends = :ends",
              {},
              {}};
  state.values.text(":fate", redriven ? fate::kRedriven : fate::kPurged)
      .number(":ends", now / 1'000 + kFateKeepSeconds);
  if (redriven) state.values.number(":none", 0).number(":one", 1);
  std::vector<Write> writes = {std::move(forget), std::move(state)};
  const Outbox::Queue target{queue.id, queue.spec.order, queue.url};
  std::optional<Item> entry;
  if (in_sqs) {
    entry = Outbox::visible_entry(sequence, target, letter.text("e_handle"));
  } else if (redriven) {
    entry = Outbox::queue_entry(sequence, target);
  }
  if (entry) writes.push_back({WriteKind::put, *entry, {}, {}, {}});
  const auto stored = cloud.transact_wait(writes);
  if (!stored.ok() && stored.error().code == Errc::conflict) return false;
  if (!stored.ok()) return stored.error();
  if (entry) {
    cloud.loop().post([&outbox, entry = std::move(*entry), record = std::move(record)]() mutable {
      outbox.take(std::move(entry), std::move(record));
    });
  }
  return true;
}

}  // namespace

Result<std::vector<engine::DeadLetter>> list_dead_letters(Cloud& cloud, const QueueInfo& queue, engine::Page page) {
  const std::size_t limit = std::min(page.limit, kPageMax);
  QueryRequest query{dead_letter_pk(queue.id), hex(page.after + 1), {}, limit, false, {}, {}, {}};
  std::vector<engine::DeadLetter> letters;
  while (letters.size() < limit) {
    TRUNKLINE_TRY(const QueryPage found, cloud.query_wait(query));
    for (const Item& item : found.items) {
      if (letters.size() == limit) break;
      engine::DeadLetter letter;
      letter.sequence = sequence_of(item);
      letter.parked = item.number("e_parked") != 0;
      letter.group_text = item.text("e_group");
      letter.group = {queue.spec.order == event::Order::none ? letter.sequence.value : base::hash64(letter.group_text)};
      letter.attempts = static_cast<std::uint32_t>(item.number("e_attempts"));
      letter.error_class = item.text("e_class");
      letter.error_detail = item.text("e_detail");
      letter.since = wall(item.number("e_since"));
      TRUNKLINE_TRY(letter.record, load_record_wait(cloud, letter.sequence));
      letters.push_back(std::move(letter));
    }
    if (!found.next) break;
    query.start = found.next;
  }
  return letters;
}

Result<std::uint64_t> end_dead_letters(Cloud& cloud, Outbox& outbox, const QueueInfo& queue,
                                       const RedriveFilter& filter, LetterAction action) {
  QueryRequest query{dead_letter_pk(queue.id), {}, {}, kQueryPage, false, {}, {}, {}};
  if (filter.sequence) query.from = query.to = hex(filter.sequence->value);
  std::uint64_t count = 0;
  for (;;) {
    TRUNKLINE_TRY(const QueryPage page, cloud.query_wait(query));
    for (const Item& letter : page.items) {
      engine::RecordPtr record;
      if (needs_record(filter)) {
        TRUNKLINE_TRY(record, load_record_wait(cloud, sequence_of(letter)));
      }
      if (!matches(filter, letter, record.get())) continue;
      TRUNKLINE_TRY(const bool ended, end_letter(cloud, outbox, queue, letter, action));
      if (ended) ++count;
    }
    if (!page.next) return count;
    query.start = page.next;
  }
}

}  // namespace trunkline::aws_engine
