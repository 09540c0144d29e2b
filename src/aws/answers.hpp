#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/aws_signature.hpp"
#include "net/http_client.hpp"

// What AWS's services and metadata endpoints answer. Nothing of a key, a token or a body gets into an error.
namespace trunkline::aws {

struct Credentials {
  net::AwsCredentials keys;
  std::optional<base::WallTime> expires{};  // nothing: they do not
  std::string provider{};                   // whose they are, for people: "profile prod (SSO)"
};

// Of a container's endpoint and of instance metadata: AccessKeyId, SecretAccessKey, Token, Expiration.
base::Result<Credentials> parse_endpoint_credentials(std::string_view body);
// Of STS AssumeRole and AssumeRoleWithWebIdentity (Query protocol, XML).
base::Result<Credentials> parse_sts_credentials(std::string_view body);
// Of SSO GetRoleCredentials.
base::Result<Credentials> parse_sso_credentials(std::string_view body);

// A file of ~/.aws/sso/cache, as `aws sso login` writes it.
struct SsoToken {
  std::string access_token;
  base::WallTime expires;
};
base::Result<SsoToken> parse_sso_token(std::string_view text);

// Why a call was not done.
struct Failure {
  base::Errc errc = base::Errc::unavailable;
  std::string code{};     // AWS's own, without its namespace: "QueueDoesNotExist"; empty where no service answered
  std::string message{};  // at most 1 KiB
  std::string request_id{};
  int status = 0;  // 0: no answer

  // "QueueDoesNotExist: The specified queue does not exist. (HTTP 400, request 1b2c…)"
  std::string text() const;
};
// Of an answer that is not 2xx, in either protocol.
Failure failure_of(const net::ClientResponse& response);
std::string request_id_of(const net::Headers& headers);

// The text of the first element of that name in an answer of the Query protocol; nothing where there is none.
std::optional<std::string> xml_text(std::string_view xml, std::string_view name);

}  // namespace trunkline::aws
