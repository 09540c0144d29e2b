#pragma once

#include <string>

#include "config/config.hpp"
#include "config/scope_reader.hpp"
#include "config/yaml_tree.hpp"

namespace trunkline::config {

// The members of a template sink, its preset's where the file does not say them. `path` is the sink's.
TemplateSink read_template_sink(const YamlNode::Member& kind, const std::string& path, ReadContext& context);

}  // namespace trunkline::config
