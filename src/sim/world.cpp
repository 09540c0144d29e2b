#include "sim/world.hpp"

#include <algorithm>

namespace trunkline::sim {
namespace {

constexpr SimTime kHour = 3'600'000;

std::vector<Id> some_ids(Random& random, std::size_t count) {
  std::vector<Id> ids(count);
  for (Id& id : ids) id = random.uuid();
  return ids;
}

struct ShiftStart {
  double share;
  SimTime hour;
};
// Follows the day's curve; 3 in 100 work at night.
constexpr ShiftStart kShiftStarts[] = {{0.03, 22}, {0.04, 5},  {0.10, 6},  {0.22, 7},  {0.26, 8},
                                       {0.14, 9},  {0.08, 10}, {0.06, 12}, {0.04, 14}, {0.03, 15}};

SimTime shift_start(Random& random) {
  double pick = random.unit();
  for (const ShiftStart& start : kShiftStarts) {
    if (pick < start.share) return start.hour * kHour + random.between(0, 1'799'999);
    pick -= start.share;
  }
  return 8 * kHour;
}

Agent make_agent(Random& random, std::uint32_t index, std::uint32_t queue_count) {
  Agent agent;
  agent.user = random.uuid();
  agent.team = index % 8;
  agent.detailed = index % 10 == 0;
  agent.queue_count = static_cast<std::uint32_t>(random.between(1, std::min<std::int64_t>(3, queue_count)));
  for (std::uint32_t i = 0; i < agent.queue_count; ++i) agent.queues[i] = (index + i * 7) % queue_count;
  // With few queues two of the three may be the same one.
  std::sort(agent.queues.begin(), agent.queues.begin() + agent.queue_count);
  const auto end = std::unique(agent.queues.begin(), agent.queues.begin() + agent.queue_count);
  agent.queue_count = static_cast<std::uint32_t>(end - agent.queues.begin());
  agent.shift_from = shift_start(random);
  agent.shift_for = 8 * kHour + 45 * 60'000;
  return agent;
}

}  // namespace

World::World(const WorldOptions& options, Random& random) {
  integration.org = random.uuid();
  integration.suffix = options.source_suffix;
  const double volume = options.day.interactions_per_day;
  // An agent takes about 90 interactions a shift when the queues are short; see contact_centre.cpp for the handling
  // times.
  const auto agents_needed = static_cast<std::uint32_t>(std::clamp(volume / 62, 12.0, 1e6));
  const auto queues_needed = static_cast<std::uint32_t>(std::clamp(volume / 2500, 4.0, 200.0));
  const std::uint32_t agent_count = options.agents != 0 ? options.agents : agents_needed;
  queues.resize(options.queues != 0 ? options.queues : queues_needed);
  for (Queue& queue : queues) queue.id = random.uuid();
  for (std::uint32_t index = 0; index < agent_count; ++index) {
    agents.push_back(make_agent(random, index, static_cast<std::uint32_t>(queues.size())));
    const Agent& agent = agents.back();
    for (std::uint32_t i = 0; i < agent.queue_count; ++i) queues[agent.queues[i]].members.push_back(index);
  }
  flows.resize(8);
  for (Flow& flow : flows) {
    flow = {random.uuid(), random.uuid(), random.uuid(), static_cast<std::uint32_t>(random.between(1, 40))};
  }
  teams = some_ids(random, 8);
  skills = some_ids(random, 12);
  wrapup_codes = some_ids(random, 16);
  evaluators = some_ids(random, 6);
  administrators = some_ids(random, 4);
  campaigns = some_ids(random, 2);
  for (Id& id : presence_definitions) id = random.uuid();
  division = random.uuid();
  business_unit = random.uuid();
  management_unit = random.uuid();
  evaluation_form = random.uuid();
  evaluation_context = random.uuid();
  contact_list = random.uuid();
}

}  // namespace trunkline::sim
