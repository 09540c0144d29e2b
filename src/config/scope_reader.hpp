#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/option.hpp"
#include "config/value.hpp"

namespace trunkline::config {

// One option that is in the file.
struct Given {
  std::size_t row;
  Place place;  // of its key
  const YamlNode* node;
};

struct ScopeReader {
  std::string path;                            // of the scope, for messages: "consumers.crm"; empty at the top
  std::span<const std::string_view> children;  // paths that the caller reads itself
  ReadContext& context;
};

// "consumers.crm" and "attempts" to "consumers.crm.attempts"
std::string join_path(std::string_view scope, std::string_view key);

// Finds the table's options in the map and reports unknown keys with the nearest known one.
std::vector<Given> match_options(const YamlNode& map, std::span<const Option> options, const ScopeReader& reader);
void report_missing(const Option& option, Place place, const ScopeReader& reader);

// Sets every option of the scope: from the file, else its default. `place` is where a missing required option is
// reported. Returns what was in the file.
template <class Scope>
std::vector<Given> read_scope(const YamlNode& map, Place place, std::type_identity_t<Table<Scope>> table,
                              const ScopeReader& reader, Scope& scope) {
  std::vector<Option> options;
  for (const Row<Scope>& row : table) {
    options.push_back(row.option);
  }
  std::vector<std::optional<Value>> values(options.size());
  std::vector<Given> given = match_options(map, options, reader);
  std::vector<bool> seen(options.size());
  for (const Given& entry : given) {
    seen[entry.row] = true;
    const Option& option = options[entry.row];
    values[entry.row] = read_value(option, *entry.node, join_path(reader.path, option.path), reader.context);
  }
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (!values[i] && !options[i].fallback.empty()) values[i] = default_value(options[i]);
    if (!values[i]) continue;
    if (reader.context.settings != nullptr)
      reader.context.settings->push_back(setting_of(options[i], join_path(reader.path, options[i].path), *values[i]));
    table[i].set(scope, std::move(*values[i]));
  }
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (options[i].required && !seen[i]) report_missing(options[i], place, reader);
  }
  return given;
}

}  // namespace trunkline::config
