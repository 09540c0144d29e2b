#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// `trunkline migrate`: what one engine holds, carried to another.
void add_migrate(CLI::App& app, int& code);

}  // namespace trunkline::app
