// Credentials from endpoints near the process: of its container, of its machine.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aws/file.hpp"
#include "aws/provider.hpp"
#include "aws/sts.hpp"

namespace trunkline::aws {
namespace {

using base::Errc;
using base::Error;
using base::Result;

// They answer within milliseconds, or are not there.
constexpr base::Millis kEndpointTimeout = std::chrono::seconds(2);
constexpr base::Millis kInstanceTimeout = std::chrono::seconds(1);
constexpr std::string_view kContainerHost = "http://169.254.170.2";

std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

// "127.0.0.1" of "http://127.0.0.1:80/x", "fd00:ec2::23" of "http://[fd00:ec2::23]/x".
std::string_view host_of(std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos) return {};
  uri.remove_prefix(scheme + 3);
  uri = uri.substr(0, uri.find_first_of("/?#"));
  if (uri.find('@') != std::string_view::npos) return {};
  if (uri.starts_with('[')) return uri.substr(1, std::min(uri.find(']'), uri.size()) - 1);
  return uri.substr(0, uri.find(':'));
}

class ContainerProvider final : public Provider {
 public:
  explicit ContainerProvider(ProviderContext context) : context_(std::move(context)) {}
  std::string_view name() const override { return "container"; }
  void find(FoundCallback done) override {
    net::ClientRequest request;
    request.method = "GET";
    if (const auto relative = context_.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
      request.url = std::string(kContainerHost) + *relative;
    } else if (const auto full = context_.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
      if (!is_allowed_container_uri(*full))
        return done(Error{Errc::unauthenticated,
                          "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor at this "
                          "machine, 169.254.170.2, 169.254.170.23 or fd00:ec2::23"});
      request.url = *full;
    } else {
      return done(Absent{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set"});
    }
    auto token = authorization();
    if (!token.ok()) return done(token.error());
    if (token->find_first_of("\r\n") != std::string::npos)
      return done(Error{Errc::unauthenticated, "the container's authorization token has a line break in it"});
    if (!token->empty()) request.headers.emplace_back("Authorization", std::move(*token));
    request.timeout = kEndpointTimeout;
    context_.transport.send(std::move(request), [done = std::move(done)](Result<net::ClientResponse> answer) mutable {
      if (!answer.ok()) return done(answer.error().with("container"));
      if (answer->status != 200) return done(refused_by("container", *answer));
      auto found = parse_endpoint_credentials(answer->body);
      if (!found.ok()) return done(found.error().with("container"));
      found->provider = "container";
      done(std::move(*found));
    });
  }

 private:
  // The file is renewed by others and wins.
  Result<std::string> authorization() const {
    if (const auto file = context_.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      auto token = read_small_file(*file);
      if (!token.ok()) return {Errc::unauthenticated, token.error().detail};
      return without_line_end(std::move(*token));
    }
    return context_.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  }

  const ProviderContext context_;
};

class InstanceProvider final : public Provider {
 public:
  explicit InstanceProvider(ProviderContext context) : context_(std::move(context)) {}
  std::string_view name() const override { return "instance metadata"; }
  void find(FoundCallback done) override {
    const auto disabled = context_.environment("AWS_EC2_METADATA_DISABLED");
    if (disabled && net::equal_ignoring_case(*disabled, "true"))
      return done(Absent{"AWS_EC2_METADATA_DISABLED is true"});
    const auto mode = context_.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    const bool six = mode && net::equal_ignoring_case(*mode, "IPv6");
    endpoint_ = context_.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT")
                    .value_or(six ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
    while (endpoint_.ends_with('/')) endpoint_.pop_back();
    net::ClientRequest request = to("PUT", "/latest/api/token");
    request.headers.emplace_back("X-aws-ec2-metadata-token-ttl-seconds", "21600");
    context_.transport.send(std::move(request),
                            [this, done = std::move(done)](Result<net::ClientResponse> answer) mutable {
                              take_token(std::move(done), answer);
                            });
  }

 private:
  net::ClientRequest to(const char* method, const std::string& path) const {
    net::ClientRequest request;
    request.method = method;
    request.url = endpoint_ + path;
    request.connect_timeout = kInstanceTimeout;
    request.timeout = kInstanceTimeout;
    return request;
  }
  net::ClientRequest get(const std::string& path, const std::string& token) const {
    net::ClientRequest request = to("GET", path);
    request.headers.emplace_back("X-aws-ec2-metadata-token", token);
    return request;
  }

  void take_token(FoundCallback done, const Result<net::ClientResponse>& answer) {
    // A machine that is no EC2 instance gives no answer either.
    if (!answer.ok())
      return done(
          Absent{fmt::format("{} does not answer ({}): this is no EC2 instance, or the answer may not come so "
                             "far (in a container the instance's http-put-response-hop-limit must be 2)",
                             endpoint_, answer.error().detail)});
    if (answer->status != 200 || answer->body.empty() || answer->body.find_first_of("\r\n") != std::string::npos)
      return done(Absent{fmt::format("{} gives no token (HTTP {})", endpoint_, answer->status)});
    const std::string token = answer->body;
    context_.transport.send(get(std::string(kRoles), token),
                            [this, token, done = std::move(done)](Result<net::ClientResponse> roles) mutable {
                              take_role(std::move(done), token, roles);
                            });
  }

  void take_role(FoundCallback done, const std::string& token, const Result<net::ClientResponse>& answer) {
    if (!answer.ok()) return done(answer.error().with(name()));
    if (answer->status == 404) return done(Absent{"the instance has no role"});
    if (answer->status != 200) return done(refused_by(name(), *answer));
    const std::string role = answer->body.substr(0, answer->body.find_first_of("\r\n"));
    const auto of_name = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             std::string_view("+=,.@_-").find(c) != std::string_view::npos;
    };
    if (role.empty() || !std::ranges::all_of(role, of_name))
      return done(Error{Errc::unavailable, "instance metadata: the role has no name"});
    context_.transport.send(get(std::string(kRoles) + role, token),
                            [role, done = std::move(done)](Result<net::ClientResponse> keys) mutable {
                              if (!keys.ok()) return done(keys.error().with("instance metadata"));
                              if (keys->status != 200) return done(refused_by("instance metadata", *keys));
                              auto found = parse_endpoint_credentials(keys->body);
                              if (!found.ok()) return done(found.error().with("instance metadata"));
                              found->provider = fmt::format("instance metadata ({})", role);
                              done(std::move(*found));
                            });
  }

  static constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";
  const ProviderContext context_;
  std::string endpoint_;
};

}  // namespace

bool is_allowed_container_uri(std::string_view uri) {
  const std::string_view host = host_of(uri);
  if (host.empty()) return false;
  if (uri.starts_with("https://")) return true;
  if (!uri.starts_with("http://")) return false;
  constexpr std::array<std::string_view, 5> kHosts = {"localhost", "::1", "169.254.170.2", "169.254.170.23",
                                                      "fd00:ec2::23"};
  if (std::ranges::find(kHosts, host) != kHosts.end()) return true;
  // 127.0.0.0/8; a name such as 127.example.org is none of it.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::unique_ptr<Provider> container_provider(const ProviderContext& context) {
  return std::make_unique<ContainerProvider>(context);
}
std::unique_ptr<Provider> instance_provider(const ProviderContext& context) {
  return std::make_unique<InstanceProvider>(context);
}

}  // namespace trunkline::aws
