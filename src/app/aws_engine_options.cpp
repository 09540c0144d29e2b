#include "app/aws_engine_options.hpp"

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

}  // namespace trunkline::app
