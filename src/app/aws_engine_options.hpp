#pragma once

#include "aws/environment.hpp"
#include "aws_engine/aws_engine.hpp"
#include "base/result.hpp"
#include "config/config.hpp"

namespace trunkline::app {

// Where a configuration with `engine: aws` has its table, topics and queues: by its own options, else as the SDKs find
// region and endpoints (AWS_REGION, AWS_ENDPOINT_URL and that of each service, the profile). Errc::invalid: there is no
// region, or a shared file cannot be read.
base::Result<aws_engine::AwsOptions> aws_engine_options(const config::Config& config,
                                                        const aws::Environment& environment);

// Why the engine cannot be opened, with what to do about it.
base::Error explain_aws(const base::Error& error, const aws_engine::AwsOptions& options);

}  // namespace trunkline::app
