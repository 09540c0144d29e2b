#include "mapping/mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/crypto.hpp"
#include "json/canonical.hpp"
#include "mapping/conceal.hpp"
#include "mapping/mapping_data.hpp"
#include "mapping/personal.hpp"

namespace trunkline::mapping {
namespace {

using base::Errc;
using base::Result;
using json::Type;

}  // namespace

Mapping::Compiled Mapping::compile(MappingOptions options) {
  const std::shared_ptr<Mapping> mapping(new Mapping());
  mapping->key_ = std::move(options.key);
  mapping->protects_ = options.protect;
  mapping->text_ = "trunkline mapping 1\n";
  if (options.protect) mapping->add_protection();
  for (std::size_t i = 0; i < options.items.size(); ++i) {
    const auto added = mapping->add_item(options.items[i], i);
    if (!added.ok()) return Fault{i, added.error().detail};
  }
  mapping->text_ += "key " + key_print(mapping->key_) + "\n";
  mapping->version_ = base::hex_encode(base::sha256(mapping->text_)).substr(0, 12);
  return std::shared_ptr<const Mapping>(mapping);
}

// A rule for each pair of topic and kind.
void Mapping::add_protection() {
  text_ += "privacy protect\n";
  text_ += kPersonalTable;
  for (const PersonalKind& kind : personal_kinds()) {
    text_ += fmt::format("{}\t{}\n", kind.kind, name(kind.action));
    std::map<std::string_view, std::vector<Path>> by_topic;
    for (const PersonalField& field : personal_fields()) {
      if (field.kind != kind.kind) continue;
      auto path = parse_path(field.path);
      TRUNKLINE_CHECK(path.ok(), "personal.tsv holds what is no path");
      by_topic[field.topic].push_back(std::move(*path));
    }
    for (auto& [topic, paths] : by_topic) {
      Rule rule;
      if (topic != "*") rule.scope.topics.emplace_back(topic);
      rule.actions.emplace_back(kind.action, std::move(paths));
      TRUNKLINE_CHECK(add(std::move(rule), fmt::format("privacy: {}", kind.kind)).ok(), "personal.tsv is too long");
    }
  }
}

Result<void> Mapping::add_item(std::string_view item, std::size_t number) {
  json::Document document;
  const auto value = document.parse(item);
  if (!value.ok()) return value.error().with("the rule is no JSON");
  if (!value->is(Type::string)) return add_text(item, fmt::format("mapping rule {}", number + 1));
  const auto ready = std::ranges::find(kReadyMappings, value->string(), &ReadyMapping::name);
  if (ready == kReadyMappings.end()) {
    std::string names;
    for (const ReadyMapping& each : kReadyMappings) names += fmt::format("{}{}", names.empty() ? "" : ", ", each.name);
    return {Errc::invalid, fmt::format("'{}' is no ready mapping: there are {}", value->string(), names)};
  }
  json::Document rules;
  const auto list = rules.parse(ready->rules);
  TRUNKLINE_CHECK(list.ok(), "a ready mapping is no JSON");
  for (auto rule = list->first(); rule; rule = rule->next())
    TRUNKLINE_TRY_VOID(add_text(rule->raw(), fmt::format("mapping {}", ready->name)));
  return {};
}

Result<void> Mapping::add_text(std::string_view text, std::string by) {
  TRUNKLINE_TRY(Rule rule, parse_rule(text));
  json::Document document;
  const auto value = document.parse(text);
  if (value.ok()) text_ += json::canonical(*value) + "\n";
  return add(std::move(rule), std::move(by));
}

Result<void> Mapping::add(Rule rule, std::string by) {
  if (rules_.size() >= kRulesMax) return {Errc::too_large, fmt::format("more than {} rules", kRulesMax)};
  const auto number = static_cast<std::uint32_t>(rules_.size());
  using What = Matcher::What;
  for (const Path& path : rule.select) {
    matcher_.add_region(path.from_top, number);
    matcher_.add(path, {What::select, number, 0, false});
    ++paths_;
  }
  for (const auto& [action, paths] : rule.actions) {
    for (const Path& path : paths) matcher_.add(path, {What::act, number, static_cast<std::uint32_t>(action), false});
    paths_ += paths.size();
  }
  for (const auto& [path, to] : rule.rename) {
    matcher_.add(path, {What::rename, number, static_cast<std::uint32_t>(names_.size()), false});
    names_.push_back(to);
    ++paths_;
  }
  if (paths_ > kPathsMax) return {Errc::too_large, fmt::format("more than {} paths", kPathsMax)};
  auto scope = std::ranges::find(scopes_, rule.scope);
  if (scope == scopes_.end()) scope = scopes_.insert(scopes_.end(), rule.scope);
  Compiled1 compiled{std::move(rule), std::move(by), static_cast<std::uint32_t>(scope - scopes_.begin())};
  if (!compiled.rule.make.empty()) {
    json::Document document;
    const auto value = document.parse(compiled.rule.make);
    if (!value.ok()) return value.error();
    TRUNKLINE_TRY(compiled.make, Template::parse(*value));
  }
  rules_.push_back(std::move(compiled));
  return {};
}

bool Mapping::holds(const Scope& scope, const Subject& subject) const {
  const auto fits = [&](const std::string& glob) {
    return glob_matches(glob, subject.topic_name) || glob_matches(glob, subject.event_type);
  };
  if (!scope.topics.empty() && std::ranges::none_of(scope.topics, fits)) return false;
  return scope.categories.empty() || std::ranges::find(scope.categories, subject.category) != scope.categories.end();
}

void Mapping::activate(const Subject& subject, std::vector<std::uint8_t>& active) const {
  active.assign(rules_.size() + scopes_.size(), 0);
  for (std::size_t i = 0; i < scopes_.size(); ++i) active[rules_.size() + i] = holds(scopes_[i], subject) ? 1 : 0;
  for (std::size_t i = 0; i < rules_.size(); ++i) active[i] = active[rules_.size() + rules_[i].scope];
  active.resize(rules_.size());
}

WalkRules Mapping::walk_rules(const Subject& subject, const std::vector<std::uint8_t>& active) const {
  WalkRules rules{matcher_, active, names_, key_, subject.flat, -1};
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const bool spares =
        std::ranges::any_of(rules_[i].rule.actions, [](const auto& action) { return action.first != Action::drop; });
    if (active[i] != 0 && spares) rules.last_sparing = static_cast<std::int64_t>(i);
  }
  return rules;
}

Result<std::string> Mapping::apply(std::string_view body, const Subject& subject, Scratch& scratch,
                                   Hidden* hidden) const {
  if (hidden != nullptr) hidden->clear();
  const auto root = scratch.document.parse(body, kDepthMax);
  if (!root.ok()) return root.error().with("the event cannot be mapped");
  if (!root->is(Type::object)) return {Errc::invalid, "the event cannot be mapped: it is no JSON object"};
  activate(subject, scratch.active);
  return reshape(scratch.walk.run(body, *root, walk_rules(subject, scratch.active), hidden), scratch);
}

Result<std::string> Mapping::reshape(std::string body, Scratch& scratch) const {
  const Template* make = nullptr;
  std::vector<std::pair<Path, Path>> moves;
  std::vector<std::pair<Path, std::string>> constants;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (scratch.active[i] == 0) continue;
    const Rule& rule = rules_[i].rule;
    moves.insert(moves.end(), rule.move.begin(), rule.move.end());
    constants.insert(constants.end(), rule.constant.begin(), rule.constant.end());
    if (rules_[i].make) make = &*rules_[i].make;
  }
  if (!moves.empty() || !constants.empty()) {
    const auto value = scratch.again.parse(body);
    if (!value.ok()) return value.error().with("the event cannot be mapped");
    TRUNKLINE_TRY(body, rearranged(*value, moves, constants));
  }
  if (make == nullptr) return body;
  const auto value = scratch.again.parse(body);
  if (!value.ok()) return value.error().with("the event cannot be mapped");
  return make->fill(*value);
}

std::optional<std::string> Mapping::member(std::string_view name, std::string_view value,
                                           const Subject& subject) const {
  if (makes(subject)) return std::nullopt;
  Walk walk;
  std::vector<std::uint8_t> active;
  activate(subject, active);
  return walk.member(name, value, walk_rules(subject, active));
}

bool Mapping::makes(const Subject& subject) const {
  return std::ranges::any_of(rules_,
                             [&](const Compiled1& rule) { return rule.make && holds(scopes_[rule.scope], subject); });
}

std::vector<Mapping::Line> Mapping::lines(const Subject& subject) const {
  std::vector<Line> lines;
  const auto add = [&](const Path& path, std::string what, const std::string& by) {
    const std::string text = to_text(path);
    std::erase_if(lines, [&](const Line& line) { return line.path == text && line.what != "select"; });
    lines.push_back({text, std::move(what), by});
  };
  for (const Compiled1& each : rules_) {
    if (!holds(scopes_[each.scope], subject)) continue;
    const Rule& rule = each.rule;
    for (const Path& path : rule.select) lines.push_back({to_text(path), "select", each.by});
    for (const auto& [action, paths] : rule.actions) {
      for (const Path& path : paths) add(path, std::string(name(action)), each.by);
    }
    for (const auto& [path, to] : rule.rename) lines.push_back({to_text(path), "rename to " + to, each.by});
    for (const auto& [from, to] : rule.move) lines.push_back({to_text(from), "move to " + to_text(to), each.by});
    for (const auto& [path, raw] : rule.constant) lines.push_back({to_text(path), "set to " + raw, each.by});
    if (each.make) lines.push_back({"$", "a new object is made", each.by});
  }
  return lines;
}

}  // namespace trunkline::mapping
