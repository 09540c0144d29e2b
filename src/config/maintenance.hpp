#pragma once

#include "config/config.hpp"
#include "config/scope_reader.hpp"

namespace trunkline::config {

// `consumers.NAME.maintenance`: a map, or a list of maps. Days, times and zones are read into numbers, and windows that
// leave no minute of the week to deliver in are an error. `reader` is the consumer's.
void read_maintenance(const YamlNode::Member& member, const ScopeReader& reader, Consumer& consumer);

}  // namespace trunkline::config
