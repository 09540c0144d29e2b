#include "config/scope_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace trunkline::config {
namespace {

// Walks the map and its groups ("retry:" with "base:" below it).
class Matcher {
 public:
  Matcher(std::span<const Option> options, const ScopeReader& reader) : options_(options), reader_(reader) {}

  std::vector<Given> given;

  // Recurses once per dot in an option's path.
  void walk(const YamlNode& map, const std::string& prefix) {
    for (const YamlNode::Member& member : map.members) {
      const std::string path = prefix + member.name;
      if (std::ranges::find(reader_.children, path) != reader_.children.end()) continue;
      if (const auto found = std::ranges::find(options_, path, &Option::path); found != options_.end()) {
        given.push_back({static_cast<std::size_t>(found - options_.begin()), member.place, &member.value});
      } else if (is_group(path + ".")) {
        group(member, path);
      } else {
        unknown(member, prefix);
      }
    }
  }

 private:
  bool is_group(std::string_view prefix) const {
    return std::ranges::any_of(options_, [&](const Option& option) { return option.path.starts_with(prefix); });
  }
  void group(const YamlNode::Member& member, const std::string& path) {
    if (member.value.kind == YamlNode::Kind::map) {
      walk(member.value, path + ".");
    } else if (member.value.kind != YamlNode::Kind::null) {
      reader_.context.diagnostics.error(
          member.value.place,
          fmt::format("'{}' is a map, not {}", join_path(reader_.path, path), describe(member.value.kind)));
    }
  }
  void unknown(const YamlNode::Member& member, std::string_view prefix) {
    std::vector<std::string> known;
    const auto add = [&](std::string_view path) {
      if (!path.starts_with(prefix)) return;
      path.remove_prefix(prefix.size());
      known.emplace_back(path.substr(0, path.find('.')));
    };
    for (const std::string_view child : reader_.children) add(child);
    for (const Option& option : options_) add(option.path);
    const std::optional<std::string> near = base::nearest(member.name.substr(0, 64), known);
    const std::string hint = near ? fmt::format(", did you mean '{}'?", *near) : std::string();
    reader_.context.diagnostics.error(
        member.place,
        fmt::format("unknown key '{}'{}", join_path(reader_.path, std::string(prefix) + member.name), hint));
  }

  std::span<const Option> options_;
  const ScopeReader& reader_;
};

}  // namespace

std::string join_path(std::string_view scope, std::string_view key) {
  return scope.empty() ? std::string(key) : fmt::format("{}.{}", scope, key);
}

std::vector<Given> match_options(const YamlNode& map, std::span<const Option> options, const ScopeReader& reader) {
  Matcher matcher(options, reader);
  matcher.walk(map, "");
  return std::move(matcher.given);
}

void report_missing(const Option& option, Place place, const ScopeReader& reader) {
  reader.context.diagnostics.error(place, fmt::format("'{}' is missing", join_path(reader.path, option.path)));
}

}  // namespace trunkline::config
