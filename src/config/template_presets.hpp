#pragma once

#include <span>
#include <string_view>

namespace trunkline::config {

// What is known of a system, as the YAML of a template sink. What of it is from memory stands in docs/sinks/template.md.
struct TemplatePreset {
  std::string_view name;
  std::string_view yaml;
};
std::span<const TemplatePreset> template_presets();

}  // namespace trunkline::config
