#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/hub.hpp"
#include "aws/client.hpp"
#include "aws/environment.hpp"
#include "base/result.hpp"
#include "cloudwatch/publisher.hpp"
#include "net/io_loop.hpp"

namespace trunkline::app {

struct CloudMetricsOptions {
  std::string name_space;
  base::Millis every = std::chrono::minutes(1);
  std::string region{};    // empty: the one of the environment or the profile
  std::string endpoint{};  // where the environment and the profile name none; empty: AWS's own
};

// What a hub has counted, as CloudWatch's metrics (docs/aws.md has the table). `now` is the wall clock's.
std::vector<cloudwatch::Reading> readings_of(api::Hub& hub, base::WallTime now);

// Puts them there again and again, on a thread of its own: a CloudWatch that hangs or refuses costs the hub nothing. Credentials
// and the endpoint are found as the SDKs find them (AWS_ENDPOINT_URL_CLOUDWATCH). The hub outlives it.
class CloudMetrics {
 public:
  // Errc::invalid: there is no region, or a shared file cannot be read.
  static base::Result<std::unique_ptr<CloudMetrics>> start(api::Hub& hub, CloudMetricsOptions options,
                                                           const aws::Environment& environment);
  // What has not been put yet is not waited for.
  ~CloudMetrics();
  CloudMetrics(const CloudMetrics&) = delete;
  CloudMetrics& operator=(const CloudMetrics&) = delete;

 private:
  CloudMetrics(api::Hub& hub, CloudMetricsOptions options, std::string endpoint, const aws::Environment& environment);
  void next();

  api::Hub& hub_;
  const CloudMetricsOptions options_;
  net::IoLoop loop_;
  std::unique_ptr<aws::CredentialChain> credentials_;
  std::unique_ptr<aws::Transport> transport_;
  std::unique_ptr<aws::Client> client_;
  std::unique_ptr<cloudwatch::Publisher> publisher_;
};

}  // namespace trunkline::app
