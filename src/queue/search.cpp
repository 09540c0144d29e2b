#include "queue/search.hpp"

#include <deque>
#include <memory>

#include "base/check.hpp"
#include "queue/codec.hpp"
#include "queue/history.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {

using base::Result;
using base::Sequence;

namespace {

constexpr std::size_t kRepeatsFoundMax = 100;

}  // namespace

Result<std::vector<Sequence>> find_identity(const store::Store& store, const base::Hash128& identity) {
  std::vector<Sequence> found;
  TRUNKLINE_TRY(const auto value, store.get(handle(Table::identity), base::view(identity)));
  if (!value) return found;
  TRUNKLINE_TRY(const std::vector<Twin> twins, decode_twins(*value));
  for (const Twin& twin : twins) found.push_back(twin.sequence);
  return found;
}

Result<FoundEvents> find_group(const store::Store& store, event::Order order, const std::string& group_text,
                               std::size_t limit, const std::function<bool()>& stopping) {
  TRUNKLINE_CHECK(order != event::Order::none, "a standard queue has no message groups");
  const base::GroupKey wanted{base::hash64(group_text)};
  FoundEvents found;
  std::deque<Sequence> newest;
  auto at = store.seek(handle(Table::scan), {}, {});
  for (; at->valid(); at->next()) {
    if (stopping()) {
      found.complete = false;
      break;
    }
    TRUNKLINE_TRY(const ScanEntry entry, decode_scan(at->value()));
    if (group_in(entry.groups, order, {}) != wanted) continue;
    newest.push_back(sequence_of(at->key()));
    if (newest.size() <= limit) continue;
    newest.pop_front();
    found.complete = false;
  }
  TRUNKLINE_TRY_VOID(at->status());
  found.sequences.assign(newest.begin(), newest.end());
  return found;
}

Result<std::vector<Sequence>> find_repeat(const store::Store& store, const std::string& envelope_id) {
  std::vector<Sequence> found;
  auto at = store.seek(handle(Table::meta), "d", "e");
  for (; at->valid() && found.size() < kRepeatsFoundMax; at->next()) {
    TRUNKLINE_TRY(const Repeats repeats, decode_repeats(at->value()));
    if (repeats.last_envelope_id == envelope_id) found.push_back(sequence_of(at->key()));
  }
  TRUNKLINE_TRY_VOID(at->status());
  return found;
}

}  // namespace trunkline::queue
