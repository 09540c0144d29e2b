#include "config/template_sink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "config/option.hpp"
#include "config/template_presets.hpp"

namespace trunkline::config {
namespace {

constexpr std::size_t kRequestsMax = 32;
constexpr std::size_t kRulesMax = 64;
constexpr std::size_t kTablesMax = 32;
constexpr std::array<std::string_view, 3> kChildren = {"requests", "verdicts", "tables"};

// What a preset says is said at the place where it was chosen.
void place_at(YamlNode& node, Place place) {
  node.place = place;
  for (YamlNode& item : node.items) place_at(item, place);
  for (YamlNode::Member& member : node.members) {
    member.place = place;
    place_at(member.value, place);
  }
}

// `over` replaces what `under` says, member by member; lists as a whole.
YamlNode merged(YamlNode under, const YamlNode& over) {
  if (under.kind != YamlNode::Kind::map || over.kind != YamlNode::Kind::map) return over;
  for (const YamlNode::Member& member : over.members) {
    const auto same = std::ranges::find(under.members, member.name, &YamlNode::Member::name);
    if (same == under.members.end()) {
      under.members.push_back(member);
    } else {
      *same = {member.name, member.place, merged(std::move(same->value), member.value)};
    }
  }
  under.place = over.place;
  return under;
}

YamlNode with_preset(const YamlNode& own, Diagnostics& diagnostics) {
  const YamlNode::Member* preset = own.find("preset");
  if (preset == nullptr || preset->value.kind != YamlNode::Kind::scalar) return own;
  const auto presets = template_presets();
  const auto found = std::ranges::find(presets, preset->value.text, &TemplatePreset::name);
  if (found == presets.end()) {
    std::vector<std::string_view> names;
    for (const TemplatePreset& each : presets) names.push_back(each.name);
    diagnostics.error(preset->value.place,
                      fmt::format("there is no preset '{}', but {}", preset->value.text, fmt::join(names, ", ")));
    return own;
  }
  Diagnostics none;
  auto known = parse_yaml(found->yaml, {}, none);
  TRUNKLINE_CHECK(known.has_value(), "a preset is no YAML");
  place_at(*known, preset->place);
  // One request of the file's own stands for all of the preset's.
  if (own.find("url") != nullptr)
    std::erase_if(known->members, [](const auto& each) { return each.name == "requests"; });
  return merged(std::move(*known), own);
}

// The items of a list member that are maps; everything else is reported.
std::vector<const YamlNode*> maps_of(const YamlNode& node, std::string_view name, std::size_t count_max,
                                     const ScopeReader& reader) {
  const YamlNode::Member* member = node.find(name);
  if (member == nullptr || member->value.kind == YamlNode::Kind::null) return {};
  const std::string path = join_path(reader.path, name);
  Diagnostics& diagnostics = reader.context.diagnostics;
  if (member->value.kind != YamlNode::Kind::sequence || member->value.items.size() > count_max) {
    diagnostics.error(member->value.place, fmt::format("'{}' is a list of at most {} maps", path, count_max));
    return {};
  }
  std::vector<const YamlNode*> maps;
  for (const YamlNode& item : member->value.items) {
    if (item.kind == YamlNode::Kind::map) {
      maps.push_back(&item);
    } else {
      diagnostics.error(item.place, fmt::format("'{}' holds maps, not {}", path, describe(item.kind)));
    }
  }
  return maps;
}

void read_tables(const YamlNode& node, const ScopeReader& reader, TemplateSink& sink) {
  const YamlNode::Member* tables = node.find("tables");
  if (tables == nullptr || tables->value.kind == YamlNode::Kind::null) return;
  const std::string path = join_path(reader.path, "tables");
  if (tables->value.kind != YamlNode::Kind::map || tables->value.members.size() > kTablesMax) {
    reader.context.diagnostics.error(tables->value.place,
                                     fmt::format("'{}' is a map of at most {} tables", path, kTablesMax));
    return;
  }
  constexpr Option kTable{.path = "tables", .type = Type::pairs, .reloadable = true};
  for (const YamlNode::Member& table : tables->value.members) {
    const std::string table_path = join_path(path, table.name);
    auto value = read_value(kTable, table.value, table_path, reader.context);
    if (!value) continue;
    if (reader.context.settings != nullptr) reader.context.settings->push_back(setting_of(kTable, table_path, *value));
    sink.tables.emplace_back(table.name, std::get<std::vector<std::pair<std::string, Secret>>>(std::move(*value)));
  }
}

}  // namespace

TemplateSink read_template_sink(const YamlNode::Member& kind, const std::string& path, ReadContext& context) {
  TemplateSink sink;
  if (kind.value.kind != YamlNode::Kind::map) {
    context.diagnostics.error(kind.value.place, fmt::format("'{}' is a map, not {}", path, describe(kind.value.kind)));
    return sink;
  }
  const YamlNode node = with_preset(kind.value, context.diagnostics);
  const ScopeReader reader{path, kChildren, context};
  read_scope(node, kind.place, template_sink_table(), reader, sink);
  for (const YamlNode* item : maps_of(node, "requests", kRequestsMax, reader)) {
    TemplateRequest& request = sink.requests.emplace_back();
    request.place = item->place;
    request.when.place = item->place;
    read_scope(*item, item->place, template_request_table(), {join_path(path, "requests"), {}, context}, request);
  }
  for (const YamlNode* item : maps_of(node, "verdicts", kRulesMax, reader)) {
    read_scope(*item, item->place, template_rule_table(), {join_path(path, "verdicts"), {}, context},
               sink.rules.emplace_back());
  }
  read_tables(node, reader, sink);
  if (sink.requests.empty() && sink.request.url.empty())
    context.diagnostics.error(kind.place, fmt::format("'{}' needs a url, requests or a preset", path));
  if (sink.user.empty() != sink.password.empty())
    context.diagnostics.error(kind.place, fmt::format("'user' and 'password' of '{}' go together", path));
  return sink;
}

}  // namespace trunkline::config
