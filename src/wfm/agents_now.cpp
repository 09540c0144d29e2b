#include "wfm/agents_now.hpp"

#include <algorithm>
#include <charconv>

#include "wfm/csv.hpp"

namespace trunkline::wfm {
namespace {

bool read_time(std::string_view text, Time& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void AgentsNow::apply(const StateFact& fact) {
  if (agents_.size() >= kAgentsMax && !agents_.contains(fact.agent)) {
    const auto oldest = std::ranges::min_element(agents_, {}, [](const auto& each) { return each.second.since(); });
    unstored_.insert(oldest->first);
    agents_.erase(oldest);
  }
  agents_[fact.agent].state.apply(fact);
  unstored_.insert(fact.agent);
}

const AgentsNow::Agent* AgentsNow::find(std::string_view id) const {
  const auto found = agents_.find(id);
  return found == agents_.end() ? nullptr : &found->second;
}

void AgentsNow::tell(std::string_view id, std::string code) {
  const auto found = agents_.find(id);
  if (found == agents_.end() || found->second.told == code) return;
  found->second.told = std::move(code);
  unstored_.insert(found->first);
}

void AgentsNow::each(base::WallTime now, const std::function<void(const std::string&, const Agent&)>& visit) const {
  const Time oldest = (now - kAgentIdle).time_since_epoch().count();
  for (const auto& [id, agent] : agents_) {
    if (agent.state.known() && agent.since() >= oldest) visit(id, agent);
  }
}

std::vector<std::pair<std::string, std::optional<std::string>>> AgentsNow::take_unstored() {
  std::vector<std::pair<std::string, std::optional<std::string>>> out;
  for (const std::string& id : unstored_) {
    const Agent* agent = find(id);
    if (agent == nullptr) {
      out.emplace_back(id, std::nullopt);
      continue;
    }
    std::string row;
    const AgentState& state = agent->state;
    append_csv_row(row, {"1", std::to_string(state.presence_at), state.presence, state.reason,
                         std::to_string(state.routing_at), state.routing, agent->told});
    out.emplace_back(id, std::move(row));
  }
  unstored_.clear();
  return out;
}

bool AgentsNow::restore(const std::string& id, std::string_view bytes) {
  const auto row = take_csv_row(bytes);
  if (!row || row->size() != 7 || row->at(0) != "1" || agents_.size() >= kAgentsMax) return false;
  Agent agent;
  if (!read_time(row->at(1), agent.state.presence_at) || !read_time(row->at(4), agent.state.routing_at)) return false;
  agent.state.presence = row->at(2);
  agent.state.reason = row->at(3);
  agent.state.routing = row->at(5);
  agent.told = row->at(6);
  agents_[id] = std::move(agent);
  return true;
}

}  // namespace trunkline::wfm
