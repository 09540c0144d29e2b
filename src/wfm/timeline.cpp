#include "wfm/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "wfm/csv.hpp"

namespace trunkline::wfm {
namespace {

using base::Errc;
using base::Result;

Time floor_to(Time at, Time step) {
  return at - ((at % step) + step) % step;
}

bool contains(const std::vector<StateFact>& facts, const StateFact& fact) {
  return std::ranges::find(facts, fact) != facts.end();
}

bool by_time(const StateFact& a, const StateFact& b) {
  return std::tie(a.at, a.kind, a.value, a.reason) < std::tie(b.at, b.kind, b.value, b.reason);
}

std::optional<Time> number(std::string_view text) {
  Time value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "fact", "late" and "done" rows: word, agent, time, kind, value, reason.
std::optional<StateFact> fact_of(const std::vector<std::string>& fields) {
  if (fields.size() != 6 || (fields[3] != "presence" && fields[3] != "routing")) return std::nullopt;
  const auto at = number(fields[2]);
  if (!at) return std::nullopt;
  const auto kind = fields[3] == "routing" ? StateFact::Kind::routing : StateFact::Kind::presence;
  return StateFact{fields[1], *at, kind, fields[4], fields[5]};
}

void append_fact(std::string& out, std::string_view word, const StateFact& fact) {
  append_csv_row(out, {word, fact.agent, std::to_string(fact.at),
                       fact.kind == StateFact::Kind::routing ? "routing" : "presence", fact.value, fact.reason});
}

}  // namespace

Timeline::Timeline(TimelineOptions options, Time began) : options_(options) {
  closed_ = began_ = floor_to(began, options_.interval.count());
  kept_ = closed_ - options_.interval.count();
}

Time Timeline::open_end() const {
  return floor_to(closed_, options_.interval.count()) + options_.interval.count();
}

Timeline::Taken Timeline::apply(const StateFact& fact) {
  if (agents_.size() >= options_.agents_max && !agents_.contains(fact.agent)) make_room();
  Agent& agent = agents_[fact.agent];
  if (agent.base.has(fact) || contains(agent.facts, fact)) return Taken::known;
  if (late_.contains(fact) || late_done_.contains(fact)) return Taken::known;
  if (fact.at >= kept_ && agent.facts.size() >= options_.facts_max) return Taken::agent_full;
  const bool late = fact.at < closed_ && fact.at >= began_;
  if (late && late_.size() >= options_.late_max) return Taken::late_full;
  agent.heard = std::max(agent.heard, fact.at);
  if (late) late_.insert(fact);
  if (fact.at < kept_) {
    const bool changed = agent.base.apply(fact);
    return changed || late ? Taken::news : Taken::known;
  }
  agent.facts.insert(std::ranges::upper_bound(agent.facts, fact, by_time), fact);
  return Taken::news;
}

// Who was heard of longest ago is let go.
void Timeline::make_room() {
  const auto oldest = std::ranges::min_element(agents_, {}, [](const auto& each) { return each.second.heard; });
  if (oldest != agents_.end()) agents_.erase(oldest);
}

AgentState Timeline::state_at(const Agent& agent, Time at, bool inclusive) const {
  AgentState state = agent.base;
  for (const StateFact& fact : agent.facts) {
    if (fact.at > at || (fact.at == at && !inclusive)) break;
    state.apply(fact);
  }
  return state;
}

void Timeline::rows_of(const std::string& id, const Agent& agent, const CodeTable& codes, IntervalRows& rows) const {
  const auto code_of = [&](const AgentState& state) {
    return state.known() ? codes.code(state.presence, state.routing, state.reason) : std::string();
  };
  AgentState state = state_at(agent, rows.begin, false);
  std::string code = code_of(state);
  std::map<std::string, Time> spent;
  Time since = rows.begin;
  for (auto fact = agent.facts.begin(); fact != agent.facts.end() && fact->at < rows.end;) {
    const Time at = fact->at;
    if (at < rows.begin) {
      ++fact;
      continue;
    }
    for (; fact != agent.facts.end() && fact->at == at; ++fact) state.apply(*fact);
    std::string next = code_of(state);
    if (next == code) continue;
    if (!code.empty() && at > since) spent[code] += at - since;
    rows.changes.push_back({at, id, next, code, state.presence, state.routing, state.reason});
    code = std::move(next);
    since = at;
  }
  if (!code.empty()) spent[code] += rows.end - since;
  for (auto& [each, milliseconds] : spent) rows.times.push_back({id, each, milliseconds});
}

IntervalRows Timeline::rows(const CodeTable& codes) const {
  IntervalRows rows;
  rows.begin = closed_;
  rows.end = open_end();
  for (const auto& [id, agent] : agents_) rows_of(id, agent, codes, rows);
  for (const StateFact& fact : late_) {
    const auto agent = agents_.find(fact.agent);
    AgentState state = agent != agents_.end() ? state_at(agent->second, fact.at, true) : AgentState();
    // What came before the kept facts has no history of its own any more.
    if (!state.has(fact)) {
      if (fact.kind == StateFact::Kind::routing) {
        state.routing = fact.value;
      } else {
        state.presence = fact.value;
        state.reason = fact.reason;
      }
    }
    rows.late.push_back({fact.at, floor_to(fact.at, options_.interval.count()), fact.agent,
                         codes.code(state.presence, state.routing, state.reason), state.presence, state.routing,
                         state.reason});
  }
  std::ranges::sort(rows.late, [](const LateRow& a, const LateRow& b) {
    return std::tie(a.agent, a.at, a.code) < std::tie(b.agent, b.at, b.code);
  });
  return rows;
}

void Timeline::close() {
  const Time end = open_end();
  kept_ = closed_;
  closed_ = end;
  late_done_ = std::move(late_);
  late_.clear();
  for (auto at = agents_.begin(); at != agents_.end();) {
    Agent& agent = at->second;
    auto fact = agent.facts.begin();
    for (; fact != agent.facts.end() && fact->at < kept_; ++fact) agent.base.apply(*fact);
    agent.facts.erase(agent.facts.begin(), fact);
    at = agent.heard < end - options_.agent_idle.count() ? agents_.erase(at) : std::next(at);
  }
}

std::string Timeline::line_of(const StateFact& fact) {
  std::string line;
  append_fact(line, "fact", fact);
  return line;
}

std::string Timeline::lines() const {
  std::string out;
  append_csv_row(out, {"timeline", "1", std::to_string(began_), std::to_string(kept_), std::to_string(closed_)});
  for (const auto& [id, agent] : agents_) {
    append_csv_row(
        out, {"agent", id, std::to_string(agent.heard), std::to_string(agent.base.presence_at), agent.base.presence,
              agent.base.reason, std::to_string(agent.base.routing_at), agent.base.routing});
    for (const StateFact& fact : agent.facts) append_fact(out, "kept", fact);
  }
  for (const StateFact& fact : late_) append_fact(out, "late", fact);
  for (const StateFact& fact : late_done_) append_fact(out, "done", fact);
  return out;
}

bool Timeline::restore_line(const std::vector<std::string>& fields) {
  const std::string& word = fields.front();
  if (word == "agent") {
    if (fields.size() != 8 || agents_.size() >= options_.agents_max) return false;
    const auto heard = number(fields[2]);
    const auto presence_at = number(fields[3]);
    const auto routing_at = number(fields[6]);
    if (!heard || !presence_at || !routing_at) return false;
    agents_[fields[1]] = {{fields[4], fields[5], fields[7], *presence_at, *routing_at}, {}, *heard};
    return true;
  }
  const auto fact = fact_of(fields);
  if (!fact) return false;
  if (word == "fact") {
    apply(*fact);
  } else if (word == "kept") {
    Agent& agent = agents_[fact->agent];
    agent.facts.insert(std::ranges::upper_bound(agent.facts, *fact, by_time), *fact);
  } else if (word == "late") {
    late_.insert(*fact);
  } else if (word == "done") {
    late_done_.insert(*fact);
  } else {
    return false;
  }
  return true;
}

Result<Timeline> Timeline::restore(TimelineOptions options, std::string_view lines) {
  Timeline made(options);
  const auto wrong = [](std::size_t line) {
    return base::Error{Errc::corrupt, fmt::format("line {} is not what this version writes", line)};
  };
  const auto head = take_csv_row(lines);
  const bool ours = head && head->size() == 5 && head->at(0) == "timeline" && head->at(1) == "1";
  const auto began = ours ? number(head->at(2)) : std::nullopt;
  const auto kept = ours ? number(head->at(3)) : std::nullopt;
  const auto closed = ours ? number(head->at(4)) : std::nullopt;
  if (!began || !kept || !closed || *kept > *closed) return wrong(1);
  made.began_ = *began;
  made.kept_ = *kept;
  made.closed_ = *closed;
  for (std::size_t line = 2; !lines.empty(); ++line) {
    const auto fields = take_csv_row(lines);
    if (!fields || !made.restore_line(*fields)) return wrong(line);
  }
  return made;
}

}  // namespace trunkline::wfm
