#include "operation/log_history.hpp"

#include <algorithm>

namespace trunkline::operation {
namespace {

using base::Result;

// The log is in order of acceptance but for a clock that was set back; so much of a jump is looked beyond.
constexpr base::Millis kClockSlack = std::chrono::minutes(1);

bool in_range(const Request& request, const engine::Record& record) {
  const ReplayRange& range = request.range;
  if (record.accepted_at < range.from || record.accepted_at >= range.to) return false;
  if (!range.event_type.empty() && record.event.event_type != range.event_type) return false;
  if (!range.conversation.empty() && record.event.conversation_id != range.conversation) return false;
  return !range.all_routed || std::ranges::binary_search(record.routes, request.queue);
}

}  // namespace

void LogHistory::range(base::WallTime from, base::WallTime to, base::Loop& reply_on, RangeCallback done) {
  reader_.post([this, from, to, &reply_on, done = std::move(done)]() mutable {
    reply_on.post([done = std::move(done), found = find_range(from, to)]() mutable { done(std::move(found)); });
  });
}

void LogHistory::find(const Request& request, base::Sequence after, Bounds bounds, base::Loop& reply_on,
                      FoundCallback done) {
  reader_.post([this, request, after, bounds, &reply_on, done = std::move(done)]() mutable {
    reply_on.post([done = std::move(done), found = read(request, after, bounds)]() mutable { done(std::move(found)); });
  });
}

Result<std::pair<base::Sequence, base::Sequence>> LogHistory::find_range(base::WallTime from, base::WallTime to) const {
  TRUNKLINE_TRY(const base::Sequence first, log_.first_accepted(from - kClockSlack));
  TRUNKLINE_TRY(const base::Sequence behind, log_.first_accepted(to + kClockSlack));
  return std::pair{first, base::Sequence{behind.value - 1}};
}

Result<History::Found> LogHistory::read(const Request& request, base::Sequence after, Bounds bounds) const {
  Wanted matches = [](const engine::Record&) { return true; };
  if (!request.range.all_routed) {
    TRUNKLINE_TRY(matches, log_.filter(request));
  }
  Found found;
  bool ended = true;
  std::size_t looked_at = 0;
  found.reached = after;
  TRUNKLINE_TRY_VOID(log_.read({after.value + 1}, [&](const engine::Record& record) {
    if (record.sequence > request.range.last) return false;
    if (looked_at == bounds.look_at || found.sequences.size() == bounds.matches) {
      ended = false;
      return false;
    }
    ++looked_at;
    found.reached = record.sequence;
    if (!in_range(request, record) || !matches(record)) return true;
    found.sequences.push_back(record.sequence);
    ++found.types[record.event.event_type];
    return true;
  }));
  if (ended) found.reached = std::max(found.reached, request.range.last);
  return found;
}

}  // namespace trunkline::operation
