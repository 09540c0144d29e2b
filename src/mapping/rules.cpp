#include "mapping/rules.hpp"

#include <fmt/format.h>

#include <array>

#include "json/document.hpp"
#include "mapping/reshape.hpp"

namespace trunkline::mapping {
namespace {

using base::Errc;
using base::Result;
using json::Type;
using json::Value;

constexpr std::array kActions = {Action::keep, Action::drop, Action::mask, Action::hash, Action::tokenise};

bool is_scalar(Value value) {
  return !value.is(Type::object) && !value.is(Type::array);
}

Result<std::vector<std::string>> texts_of(Value value, std::string_view what) {
  std::vector<std::string> texts;
  if (value.is(Type::string)) {
    texts.emplace_back(value.string());
    return texts;
  }
  if (!value.is(Type::array)) return {Errc::invalid, fmt::format("'{}' is a text or a list of texts", what)};
  for (auto item = value.first(); item; item = item->next()) {
    if (!item->is(Type::string)) return {Errc::invalid, fmt::format("'{}' lists something that is no text", what)};
    texts.emplace_back(item->string());
  }
  if (texts.size() > kPathsPerRuleMax)
    return {Errc::invalid, fmt::format("'{}' lists more than {} texts", what, kPathsPerRuleMax)};
  return texts;
}

Result<std::vector<Path>> paths_of(Value value, std::string_view what) {
  TRUNKLINE_TRY(const std::vector<std::string> texts, texts_of(value, what));
  std::vector<Path> paths;
  for (const std::string& text : texts) {
    auto path = parse_path(text);
    if (!path.ok()) return path.error().with(what);
    paths.push_back(std::move(*path));
  }
  return paths;
}

Result<void> read_rename(Value value, Rule& rule) {
  if (!value.is(Type::object)) return {Errc::invalid, "'rename' is a map of paths to names"};
  for (auto member = value.first(); member; member = member->next()) {
    auto from = parse_path(member->name());
    if (!from.ok()) return from.error().with("rename");
    auto to = parse_path(member->string());
    if (!to.ok()) return to.error().with("rename");
    if (!to->literal())
      return {Errc::invalid, fmt::format("rename: '{}' is no name: '*' cannot be renamed to", member->string())};
    if (from->segments.back().kind != Path::Kind::name)
      return {Errc::invalid, fmt::format("rename: '{}' does not end in a name", member->name())};
    if (!to->from_top && to->segments.size() == 1) {
      rule.rename.emplace_back(std::move(*from), to->segments.front().name);
    } else if (from->literal()) {
      rule.move.emplace_back(std::move(*from), std::move(*to));
    } else {
      return {Errc::invalid, fmt::format("rename: '{}' may stand in several places, and '{}' is one: rename to a name, "
                                         "which stays in the same object",
                                         member->name(), member->string())};
    }
  }
  return {};
}

Result<void> read_constant(Value value, Rule& rule) {
  if (!value.is(Type::object)) return {Errc::invalid, "'constant' is a map of paths to values"};
  for (auto member = value.first(); member; member = member->next()) {
    auto path = parse_path(member->name());
    if (!path.ok()) return path.error().with("constant");
    if (!path->literal())
      return {Errc::invalid, fmt::format("constant: '{}' names more than one place", member->name())};
    if (!is_scalar(*member))
      return {Errc::invalid, fmt::format("constant: '{}' is a text, a number, true, false or null", member->name())};
    rule.constant.emplace_back(std::move(*path), std::string(member->raw()));
  }
  return {};
}

Result<void> read_member(Value member, Rule& rule) {
  const std::string_view key = member.name();
  if (key == "topic" || key == "category") {
    TRUNKLINE_TRY(auto texts, texts_of(member, key));
    (key == "topic" ? rule.scope.topics : rule.scope.categories) = std::move(texts);
    return {};
  }
  if (key == "select") {
    TRUNKLINE_TRY(rule.select, paths_of(member, key));
    return {};
  }
  for (const Action action : kActions) {
    if (key != name(action)) continue;
    TRUNKLINE_TRY(auto paths, paths_of(member, key));
    rule.actions.emplace_back(action, std::move(paths));
    return {};
  }
  if (key == "rename") return read_rename(member, rule);
  if (key == "constant") return read_constant(member, rule);
  if (key == "make") {
    TRUNKLINE_TRY_VOID(check_template(member));
    rule.make = member.raw();
    return {};
  }
  return {Errc::invalid, fmt::format("'{}' is no part of a rule: topic, category, select, keep, drop, mask, hash, "
                                     "tokenise, rename, constant, make",
                                     key)};
}

}  // namespace

std::string_view name(Action action) {
  switch (action) {
    case Action::keep:
      return "keep";
    case Action::drop:
      return "drop";
    case Action::mask:
      return "mask";
    case Action::hash:
      return "hash";
    case Action::tokenise:
      return "tokenise";
  }
  return "unknown";
}

Result<Rule> parse_rule(std::string_view text) {
  // A template of the formats that SIEMs take stands at 8.
  constexpr std::size_t kDepthMax = 24;
  json::Document document;
  const auto root = document.parse(text, kDepthMax);
  if (!root.ok()) return root.error().with("the rule is no JSON");
  if (!root->is(Type::object)) return {Errc::invalid, "a rule is a map"};
  Rule rule;
  for (auto member = root->first(); member; member = member->next()) {
    TRUNKLINE_TRY_VOID(read_member(*member, rule));
  }
  if (rule.select.empty() && rule.actions.empty() && rule.rename.empty() && rule.move.empty() &&
      rule.constant.empty() && rule.make.empty())
    return {Errc::invalid,
            "the rule does nothing: it has none of select, keep, drop, mask, hash, tokenise, rename, "
            "constant, make"};
  return rule;
}

}  // namespace trunkline::mapping
