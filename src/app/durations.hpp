#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "base/text.hpp"

namespace trunkline::app {

// An option that takes "250ms", "30s", "5m", "12h" or "3d".
inline CLI::Option* add_duration(CLI::App& app, const std::string& name, base::Millis& target,
                                 const std::string& help) {
  CLI::Option* option = app.add_option_function<std::string>(
      name,
      [&target, name](const std::string& text) {
        const auto parsed = base::parse_duration(text);
        if (!parsed.ok()) throw CLI::ValidationError(name, parsed.error().detail);
        target = *parsed;
      },
      help);
  option->type_name("DURATION")->default_str(base::format_duration(target));
  return option;
}

}  // namespace trunkline::app
