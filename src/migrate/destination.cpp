#include "migrate/destination.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/failpoint.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::migrate {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using base::Sequence;
using engine::PublishVerdict;

constexpr base::Millis kBusyPause = std::chrono::milliseconds(200);
constexpr int kBusyTries = 1'500;  // five minutes: the outbox of an engine on AWS empties meanwhile

bool is_busy(const engine::PublishResult& result) {
  return result.verdict == PublishVerdict::failed && result.error && result.error->code == Errc::overloaded;
}

}  // namespace

bool Destination::has_specials_from(const std::string& queue, Sequence sequence) const {
  const auto found = last_special_.find(queue);
  return found != last_special_.end() && found->second >= sequence;
}

engine::PublishEntry Destination::entry_of(const OriginEvent& event) const {
  const engine::Record& record = *event.record;
  engine::PublishEntry entry{record.event, record.source_name, {}, record.policy_version};
  for (const OpenRoute& route : event.open) entry.routes.push_back(ids_.at(route.queue));
  std::ranges::sort(entry.routes);
  return entry;
}

// As many at a time as the engine takes well; what it refuses since too much is on its way is offered again.
Result<std::vector<engine::PublishResult>> Destination::publish(const std::vector<engine::PublishItem>& items,
                                                                const std::vector<base::WallTime>& accepted_at) {
  std::vector<engine::PublishResult> all;
  for (std::size_t begin = 0; begin < items.size();) {
    const std::size_t end = begin + std::min(at_once(), items.size() - begin);
    const auto from = static_cast<std::ptrdiff_t>(begin);
    const auto to = static_cast<std::ptrdiff_t>(end);
    const std::vector<engine::PublishItem> some(items.begin() + from, items.begin() + to);
    const std::vector<base::WallTime> times(accepted_at.begin() + from, accepted_at.begin() + to);
    auto results = publish_accepted(some, times);
    for (int tries = 0; tries < kBusyTries && std::ranges::all_of(results, is_busy); ++tries) {
      std::this_thread::sleep_for(kBusyPause);
      results = publish_accepted(some, times);
    }
    for (engine::PublishResult& result : results) {
      if (result.verdict == PublishVerdict::failed)
        return result.error.value_or(Error{Errc::unavailable, "an event was not stored"});
      all.push_back(std::move(result));
    }
    begin = end;
  }
  return all;
}

// The number that the event has here. A twin that is found is the event itself, from a run that was cut off; every other
// twin is another event of the origin with the same identity, accepted so much later that it was stored there, too.
Result<Sequence> Destination::stored(const OriginEvent& event, const engine::PublishResult& result,
                                     const Progress& before, std::set<Sequence>& taken) {
  Sequence sequence{result.sequence};
  if (result.verdict == PublishVerdict::duplicate) {
    const bool itself =
        sequence > before.last && (first_here_.value == 0 || sequence < first_here_) && !taken.contains(sequence);
    if (!itself) {
      engine::PublishEntry entry = entry_of(event);
      entry.event.envelope_identity.reset();
      entry.event.content_identity.reset();
      std::vector<engine::PublishItem> items;
      items.emplace_back(std::move(entry));
      TRUNKLINE_TRY(const auto again, publish(items, {event.record->accepted_at}));
      sequence = {again.at(0).sequence};
    }
  } else if (first_here_.value == 0) {
    first_here_ = sequence;
  }
  taken.insert(sequence);
  return sequence;
}

Result<void> Destination::take(const std::vector<OriginEvent>& events, Progress& progress) {
  if (events.empty()) return {};
  std::vector<engine::PublishItem> items;
  std::vector<base::WallTime> accepted_at;
  for (const OriginEvent& event : events) {
    items.emplace_back(entry_of(event));
    accepted_at.push_back(event.record->accepted_at);
  }
  TRUNKLINE_TRY(const auto results, publish(items, accepted_at));
  base::failpoint::pass("migrate.taken");
  std::set<Sequence> taken;
  std::map<std::string, std::vector<engine::Adopted>> places;
  for (std::size_t i = 0; i < events.size(); ++i) {
    TRUNKLINE_TRY(const Sequence sequence, stored(events[i], results.at(i), progress, taken));
    auto record = std::make_shared<engine::Record>(*events[i].record);
    record->sequence = sequence;
    for (const OpenRoute& route : events[i].open) {
      engine::Adopted at = route.at;
      at.queue = ids_.at(route.queue);
      at.record = record;
      places[route.queue].push_back(std::move(at));
    }
  }
  const Sequence through = std::max(progress.last, *taken.rbegin());
  const Sequence first = events.front().record->sequence;
  for (const auto& [queue, id] : ids_) {
    if (!has_specials_from(queue, first)) continue;
    std::vector<engine::Adopted>& of_it = places[queue];
    std::ranges::sort(of_it, {}, [](const engine::Adopted& each) { return each.record->sequence; });
    TRUNKLINE_TRY_VOID(adopt(queue, of_it, through));
  }
  progress.last = through;
  progress.after = events.back().record->sequence;
  progress.events += events.size();
  return {};
}

Result<void> Destination::take_quarantined(std::vector<engine::Quarantined> inputs) {
  std::vector<engine::PublishItem> items;
  for (engine::Quarantined& input : inputs) items.emplace_back(std::move(input));
  if (items.empty()) return {};
  const std::vector<base::WallTime> unused(items.size());  // an input has its own
  TRUNKLINE_TRY_VOID(publish(items, unused));
  return {};
}

Result<void> Destination::put_states(const std::string& owner, std::vector<engine::Engine::StateWrite> writes) {
  return base::answer_of<Result<void>>(
      [&](engine::DoneCallback done) { engine_.update_state(owner, std::move(writes), loop_, std::move(done)); });
}

}  // namespace trunkline::migrate
