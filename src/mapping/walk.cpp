#include "mapping/walk.hpp"

#include <algorithm>

#include "json/scan.hpp"
#include "json/writer.hpp"
#include "mapping/conceal.hpp"

namespace trunkline::mapping {
namespace {

using json::Type;
using json::Value;

std::size_t end_of(Value value) {
  return value.offset() + value.raw().size();
}
std::string_view text_of(Value value) {
  return value.is(Type::string) ? value.string() : value.raw();
}

// What other texts are looked through for: the words true, false and null are nobody's.
bool tells_something(Value value) {
  return value.is(Type::string) || value.is(Type::number);
}

}  // namespace

std::string Walk::run(std::string_view text, Value root, const WalkRules& rules, Hidden* hidden) {
  rules_ = &rules;
  hidden_ = hidden;
  text_ = text;
  states_.clear();
  edits_.clear();
  pool_.clear();
  rules.matcher.begin(states_);
  const std::size_t end = states_.size();
  if (!visit(root, 0, end, hold(0, end, {}))) return "{}";
  return assemble(text);
}

std::optional<std::string> Walk::member(std::string_view name, std::string_view value, const WalkRules& rules) {
  rules_ = &rules;
  states_.clear();
  rules.matcher.begin(states_);
  const std::size_t top = states_.size();
  const Hold above = hold(0, top, {});
  rules.matcher.step(states_, 0, top, name);
  const Hold holds = hold(top, states_.size(), above);
  if (!holds.leaves()) return std::nullopt;
  return holds.action == Action::keep || value.empty() ? std::string(value) : concealed(holds.action, value);
}

// The later rule decides, whether it names the place itself or what it stands in.
Walk::Hold Walk::hold(std::size_t from, std::size_t to, Hold above) const {
  above.renaming = -1;
  for (std::size_t i = from; i < to; ++i) {
    for (const Matcher::End& end : rules_->matcher.ends(states_[i])) {
      if (rules_->active[end.rule] == 0 || (end.flat && !rules_->flat)) continue;
      const auto rule = static_cast<std::int64_t>(end.rule);
      switch (end.what) {
        case Matcher::What::act:
          if (rule < above.rule) break;
          above.rule = rule;
          above.action = static_cast<Action>(end.value);
          break;
        case Matcher::What::region:
          above.in_region = true;
          break;
        case Matcher::What::select:
          above.selected = true;
          break;
        case Matcher::What::rename:
          if (rule < above.renaming) break;
          above.renaming = rule;
          above.name = end.value;
          break;
      }
    }
  }
  return above;
}

bool Walk::visit(Value value, std::size_t from, std::size_t to, const Hold& holds) {
  if (!value.is(Type::object) && !value.is(Type::array)) return visit_scalar(value, holds);
  const bool leaves = holds.leaves();
  if (!leaves && (from == to || (holds.action == Action::drop && holds.rule > rules_->last_sparing))) {
    if (hidden_ != nullptr) hide_all(value);
    return false;
  }
  return visit_all(value, from, to, holds) || leaves;
}

bool Walk::visit_scalar(Value value, const Hold& holds) {
  if (!holds.leaves()) {
    if (hidden_ != nullptr && tells_something(value)) hidden_->add(text_of(value), "");
    return false;
  }
  // Nothing is no value, and an empty text says nothing.
  if (holds.action == Action::keep || value.is(Type::null) || text_of(value).empty()) return true;
  const std::string instead = concealed(holds.action, text_of(value));
  if (hidden_ != nullptr && tells_something(value)) hidden_->add(text_of(value), instead);
  std::string quoted;
  json::append_string(quoted, instead);
  edit(value.offset(), end_of(value), quoted);
  return true;
}

// Whether anything of it leaves.
bool Walk::visit_all(Value value, std::size_t from, std::size_t to, const Hold& holds) {
  const bool object = value.is(Type::object);
  const std::size_t states = states_.size();
  std::size_t begin = value.offset() + 1;
  bool kept = false;
  bool first = true;
  for (auto child = value.first(); child; child = child->next()) {
    const std::size_t edits = edits_.size();
    const std::size_t pool = pool_.size();
    const std::size_t end = end_of(*child);
    // The first that is kept loses the comma that stood behind those that were not.
    if (!kept && !first) {
      std::size_t comma = begin;
      while (json::is_space(text_[comma])) ++comma;
      edit(comma, comma + 1, "");
    }
    std::size_t child_from = from;
    std::size_t child_to = to;
    Hold child_holds = holds;
    if (object) {
      rules_->matcher.step(states_, from, to, child->name());
      child_from = states;
      child_to = states_.size();
      child_holds = hold(child_from, child_to, holds);
      if (child_holds.renaming >= 0) rename(value, *child, begin, child_holds.name);
    }
    if (visit(*child, child_from, child_to, child_holds)) {
      kept = true;
    } else {
      undo(edits, pool);
      edit(begin, end, "");
    }
    states_.resize(states);
    begin = end;
    first = false;
  }
  return kept;
}

// Not where the object has a member of that name already.
void Walk::rename(Value parent, Value member, std::size_t begin, std::uint32_t name) {
  const std::string& to = rules_->names[name];
  if (parent.find(to)) return;
  std::size_t key = begin;
  while (text_[key] != '"') ++key;
  std::size_t end = member.offset();
  while (text_[end - 1] != '"') --end;
  std::string quoted;
  json::append_string(quoted, to);
  edit(key, end, quoted);
}

void Walk::hide_all(Value value) {
  for (auto child = value.first(); child; child = child->next()) {
    if (child->is(Type::object) || child->is(Type::array)) {
      hide_all(*child);
    } else if (tells_something(*child)) {
      hidden_->add(text_of(*child), "");
    }
    if (hidden_->overflowed()) return;
  }
}

std::string Walk::concealed(Action action, std::string_view value) const {
  switch (action) {
    case Action::hash:
      return hashed(rules_->key, value);
    case Action::tokenise:
      return tokenised(rules_->key, value);
    case Action::mask:
    case Action::keep:
    case Action::drop:
      break;
  }
  return masked(value);
}

void Walk::edit(std::size_t begin, std::size_t end, std::string_view replacement) {
  edits_.push_back({begin, end, pool_.size(), replacement.size()});
  pool_ += replacement;
}

void Walk::undo(std::size_t edits, std::size_t pool) {
  edits_.resize(edits);
  pool_.resize(pool);
}

std::string Walk::assemble(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + pool_.size());
  std::size_t at = 0;
  for (const Edit& each : edits_) {
    out += text.substr(at, each.begin - at);
    out += std::string_view(pool_).substr(each.text_begin, each.text_size);
    at = each.end;
  }
  out += text.substr(at);
  return out;
}

}  // namespace trunkline::mapping
