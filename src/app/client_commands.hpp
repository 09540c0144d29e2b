#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

void add_client_commands(CLI::App& app, int& code);

}  // namespace trunkline::app
