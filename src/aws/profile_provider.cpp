// Credentials of a profile of the shared files.
#include <fmt/format.h>

#include "aws/file.hpp"
#include "aws/provider.hpp"
#include "aws/sts.hpp"
#include "base/crypto.hpp"
#include "base/sha1.hpp"
#include "base/text.hpp"

namespace trunkline::aws {
namespace {

using base::Errc;
using base::Error;
using base::Result;

// Profiles that lead to one another by source_profile. Nobody has more than two; a circle ends here.
constexpr int kSourcesMax = 5;

std::string at(const Profile& profile, std::string_view key) {
  const auto found = profile.find(key);
  return found == profile.end() ? std::string() : found->second;
}

class ProfileProvider final : public Provider {
 public:
  explicit ProfileProvider(ProviderContext context) : context_(std::move(context)) {}
  std::string_view name() const override { return "profile"; }
  void find(FoundCallback done) override {
    auto files = SharedFiles::load(context_.environment);
    if (!files.ok()) return done(Error{Errc::unauthenticated, files.error().detail});
    files_ = std::move(*files);
    const std::string& wanted = files_.profile_name();
    if (!files_.profile(wanted)) {
      const std::string where =
          fmt::format("no profile '{}' in {} or {}", wanted, files_.config_path(), files_.credentials_path());
      if (files_.profile_was_named()) return done(Error{Errc::unauthenticated, where});
      return done(Absent{where});
    }
    find_in(wanted, 0, std::move(done));
  }

 private:
  void find_in(const std::string& wanted, int depth, FoundCallback done) {
    const auto fail = [&](std::string_view what) {
      done(Error{Errc::unauthenticated, fmt::format("profile '{}': {}", wanted, what)});
    };
    const auto profile = files_.profile(wanted);
    if (!profile) return fail("is in neither of the shared files");
    if (depth >= kSourcesMax) return fail("its source_profile leads on too often");
    if (profile->contains("role_arn")) return role(wanted, *profile, depth, std::move(done));
    if (profile->contains("aws_access_key_id")) {
      if (at(*profile, "aws_secret_access_key").empty()) return fail("has no aws_secret_access_key");
      Credentials credentials{{at(*profile, "aws_access_key_id"), at(*profile, "aws_secret_access_key"),
                               at(*profile, "aws_session_token")}};
      credentials.provider = fmt::format("profile {}", wanted);
      return done(std::move(credentials));
    }
    if (profile->contains("sso_session") || profile->contains("sso_start_url"))
      return sso(wanted, *profile, std::move(done));
    if (profile->contains("credential_process"))
      return fail(
          "credential_process is not run by this program: export what it prints into the environment, or use "
          "keys, SSO or a role");
    done(Absent{fmt::format("profile '{}' has no credentials", wanted)});
  }

  void role(const std::string& wanted, const Profile& profile, int depth, FoundCallback done) {
    const auto fail = [&](std::string_view what) {
      done(Error{Errc::unauthenticated, fmt::format("profile '{}': {}", wanted, what)});
    };
    RoleRequest request;
    request.role_arn = at(profile, "role_arn");
    request.session_name = at(profile, "role_session_name");
    request.external_id = at(profile, "external_id");
    set_sts_endpoint(context_, files_, request);
    if (const std::string file = at(profile, "web_identity_token_file"); !file.empty()) {
      auto token = read_small_file(file);
      if (!token.ok()) return fail(token.error().detail);
      request.web_identity_token = std::move(*token);
      return assume(wanted, request, std::move(done));
    }
    const std::string source = at(profile, "source_profile");
    if (source.empty())
      return fail("role_arn needs source_profile or web_identity_token_file; credential_source is not known here");
    // A profile may name itself: then its own keys are the source.
    if (source == wanted) {
      if (!profile.contains("aws_access_key_id")) return fail("its source_profile is itself, and it has no keys");
      request.source.keys = {at(profile, "aws_access_key_id"), at(profile, "aws_secret_access_key"),
                             at(profile, "aws_session_token")};
      return assume(wanted, request, std::move(done));
    }
    find_in(source, depth + 1, [this, wanted, request, done = std::move(done)](Found found) mutable {
      if (auto* absent = std::get_if<Absent>(&found))
        return done(Error{Errc::unauthenticated, fmt::format("profile '{}': {}", wanted, absent->why)});
      if (auto* error = std::get_if<Error>(&found)) return done(std::move(*error));
      request.source = std::get<Credentials>(std::move(found));
      assume(wanted, request, std::move(done));
    });
  }

  void assume(const std::string& wanted, const RoleRequest& request, FoundCallback done) {
    assume_role(context_, request, [wanted, done = std::move(done)](Result<Credentials> found) mutable {
      if (!found.ok()) return done(found.error().with(fmt::format("profile '{}'", wanted)));
      found->provider = fmt::format("profile {} (role)", wanted);
      done(std::move(*found));
    });
  }

  void sso(const std::string& wanted, const Profile& profile, FoundCallback done) {
    const auto fail = [&](std::string_view what) {
      done(Error{Errc::unauthenticated, fmt::format("profile '{}': {}", wanted, what)});
    };
    const std::string session = at(profile, "sso_session");
    Profile place = profile;
    if (!session.empty()) {
      const auto section = files_.section("sso-session", session);
      if (!section) return fail(fmt::format("there is no [sso-session {}]", session));
      place = *section;
    }
    const std::string region = at(place, "sso_region");
    const std::string account = at(profile, "sso_account_id");
    const std::string role_name = at(profile, "sso_role_name");
    if (region.empty() || account.empty() || role_name.empty())
      return fail("SSO needs sso_region, sso_account_id and sso_role_name");
    const std::string path =
        fmt::format("{}/.aws/sso/cache/{}.json", files_.home(),
                    base::hex_encode(base::sha1(session.empty() ? at(place, "sso_start_url") : session)));
    const std::string login = fmt::format("run `aws sso login --profile {}`", wanted);
    const auto text = read_small_file(path);
    if (!text.ok()) return fail(fmt::format("no SSO token: {}; {}", text.error().detail, login));
    const auto token = parse_sso_token(*text);
    if (!token.ok()) return fail(fmt::format("{}: {}; {}", path, token.error().detail, login));
    if (token->expires <= context_.clock.wall())
      return fail(fmt::format("the SSO session ended at {}; {}", base::format_time(token->expires), login));
    std::string endpoint = endpoint_of("sso", context_.environment, files_);
    if (endpoint.empty()) endpoint = public_endpoint("portal.sso", region);
    net::ClientRequest request;
    request.method = "GET";
    request.url = fmt::format("{}/federation/credentials?role_name={}&account_id={}", endpoint,
                              base::percent_encode(role_name), base::percent_encode(account));
    request.headers.emplace_back("x-amz-sso_bearer_token", token->access_token);
    request.timeout = std::chrono::seconds(10);
    context_.transport.send(std::move(request),
                            [wanted, login, done = std::move(done)](Result<net::ClientResponse> answer) mutable {
                              if (!answer.ok()) return done(answer.error().with("SSO"));
                              if (answer->status != 200) {
                                Error error = refused_by("SSO", *answer);
                                if (answer->status == 401) error.detail += "; " + login;
                                return done(std::move(error));
                              }
                              auto found = parse_sso_credentials(answer->body);
                              if (!found.ok()) return done(found.error().with("SSO"));
                              found->provider = fmt::format("profile {} (SSO)", wanted);
                              done(std::move(*found));
                            });
  }

  const ProviderContext context_;
  SharedFiles files_;  // as of the last find()
};

}  // namespace

std::unique_ptr<Provider> profile_provider(const ProviderContext& context) {
  return std::make_unique<ProfileProvider>(context);
}

}  // namespace trunkline::aws
