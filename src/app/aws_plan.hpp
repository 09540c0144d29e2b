#pragma once

#include <CLI/CLI.hpp>

#include "app/aws_spec.hpp"
#include "stack/template.hpp"

namespace trunkline::app {

// `trunkline aws plan`: the deployment as a CloudFormation template, with what it costs.
void add_aws_plan(CLI::App& aws, int& code);

// What CloudFormation would refuse of the template as a whole; nothing is wrong: empty.
// `in_s3`: it does not go with the call.
std::string too_large(std::string_view json, bool in_s3 = false);

}  // namespace trunkline::app
