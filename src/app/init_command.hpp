#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// `trunkline init`: asks five questions, or takes the answers from options, and writes a first trunkline.yaml.
void add_init(CLI::App& app, int& code);

}  // namespace trunkline::app
