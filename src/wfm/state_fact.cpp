#include "wfm/state_fact.hpp"

#include <tuple>

namespace trunkline::wfm {
namespace {

std::string text_of(std::string_view text) {
  std::string out(text.substr(0, StateFact::kTextBytesMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace

bool AgentState::has(const StateFact& fact) const {
  if (fact.kind == StateFact::Kind::routing) return routing_at == fact.at && routing == fact.value;
  return presence_at == fact.at && presence == fact.value && reason == fact.reason;
}

bool AgentState::apply(const StateFact& fact) {
  if (fact.kind == StateFact::Kind::routing) {
    if (std::tie(fact.at, fact.value) <= std::tie(routing_at, routing)) return false;
    routing_at = fact.at;
    routing = fact.value;
    return true;
  }
  if (std::tie(fact.at, fact.value, fact.reason) <= std::tie(presence_at, presence, reason)) return false;
  presence_at = fact.at;
  presence = fact.value;
  reason = fact.reason;
  return true;
}

const std::vector<StateFact>& FactReader::read(const engine::Record& record) {
  facts_.clear();
  found_.clear();
  board::read_facts(record, document_, facts_);
  const Time accepted = record.accepted_at.time_since_epoch().count();
  const auto time_of = [&](Time at) { return at > accepted + engine::kEventTimeAhead.count() ? accepted : at; };
  for (const board::AgentFact& fact : facts_.agents) {
    if (fact.user.empty() || fact.user.size() > StateFact::kTextBytesMax) continue;
    if (!fact.presence.empty() && fact.presence_at > 0) {
      found_.push_back({text_of(fact.user), time_of(fact.presence_at), StateFact::Kind::presence,
                        text_of(fact.presence), text_of(fact.reason)});
    }
    if (!fact.routing.empty() && fact.routing_at > 0) {
      found_.push_back({text_of(fact.user), time_of(fact.routing_at), StateFact::Kind::routing, text_of(fact.routing)});
    }
  }
  return found_;
}

}  // namespace trunkline::wfm
