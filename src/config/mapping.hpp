#pragma once

#include "config/config.hpp"
#include "config/scope_reader.hpp"
#include "config/yaml_tree.hpp"

namespace trunkline::config {

// The rules of a consumer's mapping: a name, a rule, or a list of these. Each is kept as JSON, with its place.
void read_mapping(const YamlNode::Member& member, const ScopeReader& reader, Consumer& consumer);

}  // namespace trunkline::config
