#pragma once

#include <CLI/CLI.hpp>

#include "app/aws_spec.hpp"
#include "stack/template.hpp"

namespace trunkline::app {

// `trunkline aws plan`: the deployment as a CloudFormation template, with what it costs.
void add_aws_plan(CLI::App& aws, int& code);

// What CloudFormation would refuse of the template as a whole; nothing is wrong: empty.
std::string too_large(std::string_view json);

}  // namespace trunkline::app
