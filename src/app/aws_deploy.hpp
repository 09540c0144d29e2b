#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// `trunkline aws apply` and `trunkline aws destroy`: the stack of `trunkline aws plan`, in an account.
void add_aws_deploy(CLI::App& aws, int& code);

}  // namespace trunkline::app
