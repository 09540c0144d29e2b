#pragma once

#include <string>

namespace trunkline::config {

// docs/config.md: every option of the tables, by scope.
std::string reference_markdown();
// The same for a terminal: each option with its bounds, default and help.
std::string reference_text();

}  // namespace trunkline::config
