#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "aws/answers.hpp"
#include "aws/environment.hpp"
#include "aws/transport.hpp"
#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/result.hpp"

namespace trunkline::aws {

struct Absent {
  std::string why;  // "AWS_ACCESS_KEY_ID is not set"
};
// Absent: nothing of this kind is set up here, the next provider is asked. An error: it is set up and does not work, which
// nobody else makes good.
using Found = std::variant<Credentials, Absent, base::Error>;
using FoundCallback = base::UniqueFunction<void(Found)>;

// One place where credentials may come from. Loop thread only, one find() at a time; the callback runs once, perhaps
// inside the call. What is under way when it is destroyed gets no callback.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;
  virtual void find(FoundCallback done) = 0;
};
using Providers = std::vector<std::unique_ptr<Provider>>;

// All by reference must outlive the providers.
struct ProviderContext {
  Environment environment;
  Transport& transport;
  const base::Clock& clock;
  std::string region{};  // of STS where neither environment nor profile names one
};

// Keys that are configured.
std::unique_ptr<Provider> static_provider(Credentials credentials);
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
std::unique_ptr<Provider> environment_provider(const ProviderContext& context);
// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (EKS): STS AssumeRoleWithWebIdentity.
std::unique_ptr<Provider> web_identity_provider(const ProviderContext& context);
// AWS_PROFILE of the shared files: keys, a role over `source_profile` or `web_identity_token_file`, SSO by the token that
// `aws sso login` has left in ~/.aws/sso/cache. `credential_process` and `credential_source` are refused in words.
std::unique_ptr<Provider> profile_provider(const ProviderContext& context);
// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI (ECS, EKS Pod Identity). Over plain HTTP only this machine and the
// two addresses of AWS are asked, as the SDKs do: the authorization token would go to whoever is named.
std::unique_ptr<Provider> container_provider(const ProviderContext& context);
// EC2 instance metadata, version 2 only, so that a forged request through a proxy gets nothing.
std::unique_ptr<Provider> instance_provider(const ProviderContext& context);

// All of them in the SDKs' order.
Providers default_providers(const ProviderContext& context);

// Whether a container's endpoint of AWS_CONTAINER_CREDENTIALS_FULL_URI may be asked.
bool is_allowed_container_uri(std::string_view uri);

}  // namespace trunkline::aws
