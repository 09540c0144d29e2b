#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "wfm/code_table.hpp"
#include "wfm/state_fact.hpp"

namespace trunkline::wfm {

// The state that each agent is in now, and the code that a workforce management system was told last. Pure; not thread-safe.
class AgentsNow {
 public:
  static constexpr std::size_t kAgentsMax = 50'000;                        // as of TimelineOptions
  static constexpr base::Millis kAgentIdle = std::chrono::hours(24 * 30);  // likewise; then an agent is in no snapshot

  struct Agent {
    AgentState state;
    std::string told;  // the code; empty: none
    Time since() const { return std::max(state.presence_at, state.routing_at); }
  };

  // Of more than kAgentsMax the one who was heard of longest ago is let go.
  void apply(const StateFact& fact);
  const Agent* find(std::string_view id) const;
  void tell(std::string_view id, std::string code);
  // In order of the ids, but for those who were not heard of for kAgentIdle.
  void each(base::WallTime now, const std::function<void(const std::string&, const Agent&)>& visit) const;
  std::size_t size() const { return agents_.size(); }

  // For keeping it over a restart: who was applied to, told of or let go since the last call. Nothing: he was let go. Also who
  // is the same as before: an event that comes again has its state written again.
  std::vector<std::pair<std::string, std::optional<std::string>>> take_unstored();
  // False where the bytes are not what take_unstored() gives.
  bool restore(const std::string& id, std::string_view bytes);

 private:
  std::map<std::string, Agent, std::less<>> agents_;
  std::set<std::string, std::less<>> unstored_;
};

}  // namespace trunkline::wfm
