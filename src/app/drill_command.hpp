#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// `trunkline drill crash`. The command's exit code goes to `code`.
void add_drill_command(CLI::App& app, int& code);

}  // namespace trunkline::app
