#include "aws/sts.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace trunkline::aws {

using base::Errc;
using base::Error;
using base::Result;

void set_sts_endpoint(const ProviderContext& context, const SharedFiles& files, RoleRequest& request) {
  request.region = region_of(context.environment, files);
  if (request.region.empty()) request.region = context.region;
  if (request.region.empty()) request.region = "us-east-1";
  request.endpoint = endpoint_of("sts", context.environment, files);
  if (request.endpoint.empty()) request.endpoint = public_endpoint("sts", request.region);
}

Error refused_by(std::string_view who, const net::ClientResponse& response) {
  const Failure failure = failure_of(response);
  return {failure.errc == Errc::invalid || failure.errc == Errc::not_found ? Errc::unauthenticated : failure.errc,
          fmt::format("{}: {}", who, failure.text())};
}

void assume_role(const ProviderContext& context, const RoleRequest& request,
                 base::UniqueFunction<void(Result<Credentials>)> done) {
  const bool web = request.web_identity_token.has_value();
  const std::string session = request.session_name.empty()
                                  ? fmt::format("trunkline-{}", context.clock.wall().time_since_epoch().count())
                                  : request.session_name;
  std::string form = fmt::format("Action={}&Version=2011-06-15&DurationSeconds=3600&RoleArn={}&RoleSessionName={}",
                                 web ? "AssumeRoleWithWebIdentity" : "AssumeRole",
                                 base::percent_encode(request.role_arn), base::percent_encode(session));
  if (web) form += "&WebIdentityToken=" + base::percent_encode(*request.web_identity_token);
  if (!request.external_id.empty()) form += "&ExternalId=" + base::percent_encode(request.external_id);
  net::ClientRequest call;
  call.url = request.endpoint.ends_with('/') ? request.endpoint : request.endpoint + "/";
  call.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  call.body = std::move(form);
  call.timeout = std::chrono::seconds(10);
  if (!web) net::sign_for_aws(call, request.source.keys, {request.region, "sts"}, context.clock.wall());
  context.transport.send(std::move(call), [done = std::move(done)](Result<net::ClientResponse> answer) mutable {
    if (!answer.ok()) return done(answer.error().with("STS"));
    if (answer->status != 200) return done(refused_by("STS", *answer));
    auto credentials = parse_sts_credentials(answer->body);
    if (!credentials.ok()) return done(credentials.error().with("STS"));
    done(std::move(credentials));
  });
}

}  // namespace trunkline::aws
