#include "net/aws_keys.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace trunkline::net {

AwsKeys AwsKeys::unchecked() {
  AwsKeys keys;
  keys.unsigned_requests_ = true;
  return keys;
}

void AwsKeys::add(std::string access_key_id, std::string secret) {
  secrets_.insert_or_assign(std::move(access_key_id), std::move(secret));
}

AwsSignatureCheck AwsKeys::check(const HttpRequest& request, std::string_view service, std::string_view region,
                                 base::WallTime now) const {
  if (unsigned_requests_) return {};
  const auto secret_of = [this](std::string_view id) -> std::optional<std::string> {
    const auto found = secrets_.find(id);
    if (found == secrets_.end()) return std::nullopt;
    return found->second;
  };
  AwsSignatureCheck check = verify_aws_signature(request, secret_of, now);
  if (check.fault) return check;
  if (check.scope.service != service) {
    check.fault = AwsSignatureFault::wrong;
    check.detail = fmt::format("Credential should be scoped to correct service: '{}'. ", service);
  } else if (!region.empty() && check.scope.region != region) {
    check.fault = AwsSignatureFault::wrong;
    check.detail = fmt::format("Credential should be scoped to a valid region, not '{}'. ", check.scope.region);
  }
  return check;
}

}  // namespace trunkline::net
