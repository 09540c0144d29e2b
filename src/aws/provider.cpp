#include "aws/provider.hpp"

#include <fmt/format.h>

#include "aws/file.hpp"
#include "aws/sts.hpp"

namespace trunkline::aws {
namespace {

using base::Errc;
using base::Error;
using base::Result;

class StaticProvider final : public Provider {
 public:
  explicit StaticProvider(Credentials credentials) : credentials_(std::move(credentials)) {}
  std::string_view name() const override { return "configuration"; }
  void find(FoundCallback done) override { done(credentials_); }

 private:
  const Credentials credentials_;
};

class EnvironmentProvider final : public Provider {
 public:
  explicit EnvironmentProvider(Environment environment) : environment_(std::move(environment)) {}
  std::string_view name() const override { return "environment"; }
  void find(FoundCallback done) override {
    const auto id = environment_("AWS_ACCESS_KEY_ID");
    const auto secret = environment_("AWS_SECRET_ACCESS_KEY");
    if (!id && !secret) return done(Absent{"AWS_ACCESS_KEY_ID is not set"});
    if (!id || !secret)
      return done(Error{Errc::unauthenticated,
                        fmt::format("{} is set and {} is not", id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                                    id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID")});
    Credentials credentials{{*id, *secret, environment_("AWS_SESSION_TOKEN").value_or("")}};
    credentials.provider = "environment";
    done(std::move(credentials));
  }

 private:
  const Environment environment_;
};

class WebIdentityProvider final : public Provider {
 public:
  explicit WebIdentityProvider(ProviderContext context) : context_(std::move(context)) {}
  std::string_view name() const override { return "web identity"; }
  void find(FoundCallback done) override {
    const auto file = context_.environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!file) return done(Absent{"AWS_WEB_IDENTITY_TOKEN_FILE is not set"});
    const auto role = context_.environment("AWS_ROLE_ARN");
    if (!role) return done(Error{Errc::unauthenticated, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not"});
    auto token = read_small_file(*file);
    if (!token.ok()) return done(Error{Errc::unauthenticated, token.error().detail});
    const auto files = SharedFiles::load(context_.environment);
    if (!files.ok()) return done(files.error());
    RoleRequest request;
    request.role_arn = *role;
    request.session_name = context_.environment("AWS_ROLE_SESSION_NAME").value_or("");
    request.web_identity_token = std::move(*token);
    set_sts_endpoint(context_, *files, request);
    assume_role(context_, request, [role = *role, done = std::move(done)](Result<Credentials> found) mutable {
      if (!found.ok()) return done(found.error());
      found->provider = fmt::format("web identity ({})", role);
      done(std::move(*found));
    });
  }

 private:
  const ProviderContext context_;
};

}  // namespace

std::unique_ptr<Provider> static_provider(Credentials credentials) {
  return std::make_unique<StaticProvider>(std::move(credentials));
}
std::unique_ptr<Provider> environment_provider(const ProviderContext& context) {
  return std::make_unique<EnvironmentProvider>(context.environment);
}
std::unique_ptr<Provider> web_identity_provider(const ProviderContext& context) {
  return std::make_unique<WebIdentityProvider>(context);
}

Providers default_providers(const ProviderContext& context) {
  Providers providers;
  providers.push_back(environment_provider(context));
  providers.push_back(web_identity_provider(context));
  providers.push_back(profile_provider(context));
  providers.push_back(container_provider(context));
  providers.push_back(instance_provider(context));
  return providers;
}

}  // namespace trunkline::aws
