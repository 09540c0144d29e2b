#include "migrate/survey.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/fence.hpp"
#include "engine/sent.hpp"

namespace trunkline::migrate {
namespace {

using base::Result;
using engine::Adopted;

constexpr std::size_t kPage = 100;

bool is_special(const Adopted& at) {
  return at.place != Adopted::Place::waiting || at.attempts > 0 || at.redriven || at.receive_count > 0 ||
         at.edited.has_value();
}

void count(QueueCount& counts, const Adopted& at) {
  switch (at.place) {
    case Adopted::Place::waiting:
      ++counts.waiting;
      if (at.attempts > 0 || at.redriven) ++counts.attempted;
      break;
    case Adopted::Place::parked:
      ++counts.parked;
      break;
    case Adopted::Place::dead_letter:
      ++counts.dead_letters;
      break;
  }
  if (at.edited) ++counts.edited;
  counts.bytes += at.record->event.raw.size();
}

Result<std::uint64_t> count_quarantined(Origin& origin) {
  std::uint64_t found = 0;
  for (std::uint64_t after = 0;;) {
    TRUNKLINE_TRY(const auto inputs, origin.quarantine({after, kPage}));
    if (inputs.empty()) return found;
    found += inputs.size();
    after = inputs.back().id;
  }
}

}  // namespace

bool is_carried(const std::string& owner) {
  return owner != engine::kFenceOwner && owner != "operations" && !owner.starts_with("sqs/") &&
         !owner.starts_with("sns/");
}

Result<Survey> survey(Origin& origin, const Wanted& wanted, const std::vector<std::string>& only,
                      const Limits& limits) {
  Survey found;
  for (const std::string& name : only) found.queues[name] = {};
  TRUNKLINE_TRY_VOID(origin.read(wanted, [&](const OriginEvent& event) -> Result<void> {
    const event::Event& its = event.record->event;
    found.largest = std::max<std::uint64_t>(found.largest, its.raw.size());
    if (its.raw.size() > limits.body_max) {
      ++found.too_large;
      return {};
    }
    bool open = false;
    for (const OpenRoute& route : event.open) {
      const auto queue = found.queues.find(route.queue);
      if (queue == found.queues.end()) continue;
      open = true;
      count(queue->second, route.at);
      if (is_special(route.at)) found.last_special[route.queue] = event.record->sequence;
    }
    const bool has_identity = its.envelope_identity || its.content_identity;
    if (!open && (!has_identity || event.record->accepted_at < wanted.settled_from)) return {};
    ++(open ? found.events : found.known);
    if (open && !has_identity) ++found.without_identity;
    found.bytes += its.raw.size();
    return {};
  }));
  TRUNKLINE_TRY_VOID(
      origin.states([&](const std::string& owner, const std::string&, const std::string&) -> Result<void> {
        if (is_carried(owner)) ++found.state_keys[owner];
        return {};
      }));
  TRUNKLINE_TRY(found.quarantined, count_quarantined(origin));
  return found;
}

std::vector<Obstacle> obstacles(const std::vector<OriginQueue>& queues, const Survey& survey,
                                const std::vector<engine::QueueSpec>& wanted, const Limits& limits, bool to_aws) {
  std::vector<Obstacle> all;
  for (const OriginQueue& queue : queues) {
    const auto counted = survey.queues.find(queue.name);
    const QueueCount counts = counted == survey.queues.end() ? QueueCount() : counted->second;
    const auto spec = std::ranges::find(wanted, queue.name, &engine::QueueSpec::name);
    if (queue.in_flight > 0) {
      all.push_back({queue.name, "messages are in flight: stop every worker, and wait until their visibility ends",
                     queue.in_flight, false, true});
    }
    if (counts.open() == 0 && queue.operations == 0) continue;
    if (queue.operations > 0)
      all.push_back({queue.name, "a redrive or a replay is under way and ends here", queue.operations, false});
    if (counts.open() == 0) continue;
    if (queue.name.starts_with(engine::kSentPrefix)) {
      all.push_back({queue.name, "clients have made it through the SQS API", counts.open()});
    } else if (spec == wanted.end()) {
      all.push_back({queue.name, "the configuration has no consumer of that name", counts.open()});
    } else if (spec->order != queue.order) {
      all.push_back({queue.name,
                     fmt::format("it holds events in the order '{}', and the configuration says '{}'",
                                 event::name(queue.order), event::name(spec->order)),
                     counts.open()});
    } else if (queue.ordered || spec->event_time_window.count() > 0) {
      all.push_back({queue.name, "its event-time window has an order of its own: let it drain", counts.open()});
    }
    if (counts.edited > 0 && !limits.edited)
      all.push_back({queue.name, "bodies that were edited: they go as they came", counts.edited, false});
  }
  for (const engine::QueueSpec& spec : wanted) {
    if (to_aws && spec.event_time_window.count() > 0)
      all.push_back(
          {spec.name, "the engine on AWS has no event_time_window: take it out of the configuration", 0, true, true});
  }
  if (survey.too_large > 0) {
    all.push_back(
        {"", fmt::format("events are larger than {} bytes, which is what an engine on AWS holds", limits.body_max),
         survey.too_large, false});
  }
  return all;
}

std::vector<std::string> differences(const Survey& origin, const Survey& destination,
                                     const std::vector<std::string>& queues) {
  std::vector<std::string> all;
  const auto compare = [&](const std::string& what, std::uint64_t here, std::uint64_t there) {
    if (here != there) all.push_back(fmt::format("{}: {} here, {} there", what, here, there));
  };
  for (const std::string& name : queues) {
    const auto at = [&](const Survey& survey) {
      const auto found = survey.queues.find(name);
      return found == survey.queues.end() ? QueueCount() : found->second;
    };
    const QueueCount here = at(origin);
    const QueueCount there = at(destination);
    compare(name + ", waiting", here.waiting, there.waiting);
    compare(name + ", parked", here.parked, there.parked);
    compare(name + ", dead letters", here.dead_letters, there.dead_letters);
  }
  compare("quarantined inputs", origin.quarantined, destination.quarantined);
  for (const auto& [owner, keys] : origin.state_keys) {
    const auto there = destination.state_keys.find(owner);
    compare("state of " + owner, keys, there == destination.state_keys.end() ? 0 : there->second);
  }
  return all;
}

}  // namespace trunkline::migrate
