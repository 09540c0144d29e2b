#include "config/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace trunkline::config {
namespace {

// The settings of one path: of a list's entries several, else one.
struct Joined {
  std::string shown;
  std::string exact;
  bool reloadable = true;
  std::size_t count = 0;
};
using BySetting = std::map<std::string, Joined, std::less<>>;

BySetting join(const std::vector<Setting>& settings) {
  BySetting joined;
  for (const Setting& setting : settings) {
    Joined& entry = joined[setting.path];
    entry.shown = entry.count == 0 ? setting.shown : fmt::format("{} entries", entry.count + 1);
    entry.exact += setting.exact.reveal() + setting.shown + '\0';
    entry.reloadable = setting.reloadable;
    ++entry.count;
  }
  return joined;
}

// "consumers.crm" of everything that belongs to that consumer or source; else nothing.
std::string_view entity_of(std::string_view path) {
  for (const std::string_view list : {std::string_view("consumers."), std::string_view("sources.")}) {
    if (path.starts_with(list)) return path.substr(0, path.find('.', list.size()));
  }
  return {};
}

std::set<std::string, std::less<>> entities_of(const Config& config) {
  std::set<std::string, std::less<>> names;
  for (const Source& source : config.sources) names.insert("sources." + source.name);
  for (const Consumer& consumer : config.consumers) names.insert("consumers." + consumer.name);
  return names;
}

bool may_reload(std::string_view path, const Joined& from, const Joined& to) {
  if (path.ends_with(".sink") && !entity_of(path).empty()) return from.shown != "pulled" && to.shown != "pulled";
  return from.reloadable && to.reloadable;
}

}  // namespace

std::string Change::text() const {
  switch (kind) {
    case Kind::added:
      return fmt::format("{}: added", path);
    case Kind::removed:
      return fmt::format("{}: removed", path);
    case Kind::changed:
      break;
  }
  if (from == to) return fmt::format("{}: changed", path);
  const auto or_none = [](const std::string& text) { return text.empty() ? std::string_view("none") : text; };
  return fmt::format("{}: {} -> {}", path, or_none(from), or_none(to));
}

std::vector<Change> compare(const Config& from, const Config& to) {
  const BySetting old_settings = join(from.settings);
  const BySetting new_settings = join(to.settings);
  const auto old_entities = entities_of(from);
  const auto new_entities = entities_of(to);
  std::vector<Change> changes;
  const auto changed = [&](const std::string& path, const Joined& before, const Joined& after) {
    changes.push_back({Change::Kind::changed, path, before.shown, after.shown, may_reload(path, before, after)});
  };
  std::set<std::string, std::less<>> seen;
  for (const Setting& setting : to.settings) {
    if (!seen.insert(setting.path).second) continue;
    const std::string entity(entity_of(setting.path));
    if (!entity.empty() && !old_entities.contains(entity)) {
      if (seen.insert(entity).second) changes.push_back({Change::Kind::added, entity, {}, {}, true});
      continue;
    }
    const auto before = old_settings.find(setting.path);
    const Joined& after = new_settings.at(setting.path);
    if (before == old_settings.end()) {
      changed(setting.path, {{}, {}, after.reloadable}, after);
    } else if (before->second.exact != after.exact) {
      changed(setting.path, before->second, after);
    }
  }
  for (const Setting& setting : from.settings) {
    if (!seen.insert(setting.path).second) continue;
    const std::string entity(entity_of(setting.path));
    if (!entity.empty() && !new_entities.contains(entity)) {
      if (seen.insert(entity).second) changes.push_back({Change::Kind::removed, entity, {}, {}, true});
      continue;
    }
    const Joined& before = old_settings.at(setting.path);
    changed(setting.path, before, {{}, {}, before.reloadable});
  }
  return changes;
}

}  // namespace trunkline::config
