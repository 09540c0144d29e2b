#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// `trunkline aws doctor`: which settings of an AWS account would lose or reorder events.
void add_aws(CLI::App& app, int& code);

}  // namespace trunkline::app
