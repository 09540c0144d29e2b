#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// `trunkline aws`: `plan`, and `doctor`, which names the settings of an AWS account that would lose or reorder events.
void add_aws(CLI::App& app, int& code);

}  // namespace trunkline::app
