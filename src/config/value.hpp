#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/option.hpp"
#include "config/resolver.hpp"
#include "config/yaml_tree.hpp"

namespace trunkline::config {

struct ReadContext {
  const Resolver& resolver;
  Diagnostics& diagnostics;
  std::vector<Setting>* settings = nullptr;  // where set, gets every value that is read
};

// The value of one option, its type and bounds checked. `path` is the full path for messages. Nothing when it was
// refused; the reasons are in the diagnostics.
std::optional<Value> read_value(const Option& option, const YamlNode& node, const std::string& path,
                                ReadContext& context);

// The default of an option that has one. Defaults stand in the tables and are valid: anything else is a failed check.
Value default_value(const Option& option);

// A credential: `${env:NAME}`, `${file:PATH}` (white space at the file's end is cut), or plain text, which is warned
// of.
std::optional<Secret> read_secret(const YamlNode& node, const std::string& path, ReadContext& context);

// How the value would be written, and what it is compared by.
Setting setting_of(const Option& option, std::string path, const Value& value);

// A bound or default as it would be written: "5m", "64MiB", "100".
std::string format_bound(Type type, std::int64_t value);

// Splits "a|b|c".
std::vector<std::string> split_choices(std::string_view choices);

}  // namespace trunkline::config
