#pragma once

#include "config/cross_checks.hpp"

namespace trunkline::config {

// What of `aws.functions` cannot be: without `engine: aws`, names that Lambda keeps to itself, a place that is none of S3.
void check_aws_functions(const Config& config, const Places& places, Diagnostics& diagnostics);

// What of a consumer no function can deliver, where functions deliver. `given`: what its map has in the file.
void check_aws_function(const Consumer& consumer, const std::vector<Given>& given, Diagnostics& diagnostics);

}  // namespace trunkline::config
