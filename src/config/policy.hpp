#pragma once

#include <optional>
#include <string>

#include "config/yaml_tree.hpp"

namespace trunkline::config {

// JSON text of a YAML value by YAML 1.2's core schema: quoted scalars are strings, plain ones true, false, null,
// numbers (their text kept) or else strings. What YAML 1.2 reads as a number and JSON cannot write (0x1F, .5, 007,
// .inf) is an error that asks for quotes, since text may be meant.
std::optional<std::string> to_json(const YamlNode& node, Diagnostics& diagnostics);

}  // namespace trunkline::config
