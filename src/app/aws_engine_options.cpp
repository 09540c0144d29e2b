#include "app/aws_engine_options.hpp"

#include <fmt/format.h>

#include "aws/shared_files.hpp"

namespace trunkline::app {

base::Result<aws_engine::AwsOptions> aws_engine_options(const config::Config& config,
                                                        const aws::Environment& environment) {
  TRUNKLINE_TRY(const aws::SharedFiles files, aws::SharedFiles::load(environment));
  aws_engine::AwsOptions options;
  options.table = config.aws.table;
  options.prefix = config.aws.prefix;
  options.services.region = config.aws.region.empty() ? aws::region_of(environment, files) : config.aws.region;
  if (options.services.region.empty())
    return {base::Errc::invalid,
            "'engine: aws' has no region: set aws.region, or AWS_REGION in the environment, or the profile's"};
  options.services.endpoint = config.aws.endpoint_url;
  if (config.aws.endpoint_url.empty()) {
    options.services.dynamodb_endpoint = aws::endpoint_of("dynamodb", environment, files);
    options.services.sns_endpoint = aws::endpoint_of("sns", environment, files);
    options.services.sqs_endpoint = aws::endpoint_of("sqs", environment, files);
  }
  options.publisher.identity_window = config.store.identity_window;
  return options;
}

base::Error explain_aws(const base::Error& error, const aws_engine::AwsOptions& options) {
  const auto says = [&](std::string_view word) { return error.detail.find(word) != std::string::npos; };
  const aws_engine::ServiceOptions& services = options.services;
  const std::string where = !services.endpoint.empty()            ? services.endpoint
                            : !services.dynamodb_endpoint.empty() ? services.dynamodb_endpoint
                                                                  : services.region;
  std::string advice;
  if (says("ResourceNotFoundException")) {
    advice = fmt::format(
        "there is no table {} at {}: `trunkline aws apply` makes it with everything else; or set "
        "aws.table, aws.region",
        options.table, where);
  } else if (error.code == base::Errc::unauthenticated || says("redential") || says("AccessDenied") ||
             says("UnrecognizedClient") || says("InvalidSignature") || says("ExpiredToken")) {
    advice =
        "look at the credentials: `aws sts get-caller-identity` says whose they are; workers need the policy "
        "`WorkerPolicy` of the stack";
  } else {
    advice = fmt::format(
        "DynamoDB was called at {}: look at aws.region, aws.endpoint_url, AWS_ENDPOINT_URL, and the way "
        "out of this machine",
        where);
  }
  return {error.code, fmt::format("{}; {}", error.detail, advice)};
}

}  // namespace trunkline::app
