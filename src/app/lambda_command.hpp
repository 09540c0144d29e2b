#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// trunkline lambda ingest | consumer | run | zip
void add_lambda(CLI::App& app, int& code);

}  // namespace trunkline::app
