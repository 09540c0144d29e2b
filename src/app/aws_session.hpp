#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "app/aws_api.hpp"

namespace trunkline::app {

// Calls `work` with AWS in a region; empty: the one of the environment or the profile. Errc::invalid: there is none.
template <class Work>
auto with_aws(std::string region, Work work) -> decltype(work(std::declval<AwsApi&>(), region)) {
  const aws::Environment environment = aws::process_environment();
  TRUNKLINE_TRY(aws::SharedFiles files, aws::SharedFiles::load(environment));
  if (region.empty()) region = aws::region_of(environment, files);
  if (region.empty())
    return base::Error{base::Errc::invalid, "no region: give --region, or set AWS_REGION or the profile's"};
  net::IoLoop loop("aws");
  loop.start();
  auto result = [&] {
    AwsApi api(loop, environment, std::move(files), region);
    return work(api, region);
  }();
  loop.stop();
  loop.join();
  return result;
}

}  // namespace trunkline::app
