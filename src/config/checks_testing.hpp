#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

// For tests of what a configuration is refused for.
namespace trunkline::config {

// Every ${env:NAME} and ${file:PATH} is there.
inline Loaded loaded(std::string_view text) {
  return parse(text, {[](const std::string&) { return std::string(64, 'k'); },
                      [](const std::string&) { return std::string(64, 's'); }});
}

inline std::vector<std::string> findings(std::string_view text) {
  std::vector<std::string> lines;
  for (const Diagnostic& each : loaded(text).diagnostics) lines.push_back(format(each, "t.yaml"));
  return lines;
}

}  // namespace trunkline::config
