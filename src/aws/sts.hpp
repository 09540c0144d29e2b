#pragma once

#include <optional>
#include <string>

#include "aws/provider.hpp"
#include "aws/shared_files.hpp"

namespace trunkline::aws {

struct RoleRequest {
  std::string role_arn;
  std::string session_name;  // empty: one is made up
  std::string external_id{};
  std::optional<std::string> web_identity_token{};  // else the request is signed by `source`
  Credentials source{};
  std::string endpoint;
  std::string region;  // that it is signed for
};

// Where STS is: what the environment or the profile sets, else the region's; "us-east-1" where no region is known.
void set_sts_endpoint(const ProviderContext& context, const SharedFiles& files, RoleRequest& request);

// AssumeRole or AssumeRoleWithWebIdentity for an hour (the longest that every role allows). One try: who needs
// credentials asks again. The callback as of net::HttpClient.
void assume_role(const ProviderContext& context, const RoleRequest& request,
                 base::UniqueFunction<void(base::Result<Credentials>)> done);

// Why `response` brought nothing, for "STS", "SSO" or an endpoint.
base::Error refused_by(std::string_view who, const net::ClientResponse& response);

}  // namespace trunkline::aws
