#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "net/http_client.hpp"
#include "source/jwt.hpp"
#include "source/request_signature.hpp"

namespace trunkline::source {

enum class Kind : std::uint8_t { eventbridge, eventgrid, genesys, sqs, put_events };

struct Key {
  std::string key;
  std::optional<base::WallTime> until;  // not accepted from this time on
};

struct BasicUser {
  std::string user;
  std::vector<Key> passwords;
};

// A client of the token endpoint (OAuth 2.0 client credentials, RFC 6749 section 4.4).
struct OauthClient {
  std::string id;
  std::vector<Key> secrets;
  base::Millis token_lifetime = std::chrono::hours(1);
};

// Tokens of one issuer.
struct JwtSpec {
  JwtRules rules;
  std::string jwks_url;  // empty: OpenID discovery at the issuer
  net::AddressPolicy addresses{};
  std::optional<base::WallTime> until{};
};

// A verified client certificate that has one of these.
struct CertificateSpec {
  std::vector<std::string> subjects;      // RFC 4514
  std::vector<std::string> names;         // DNS names, compared in any case, and URIs, of subjectAltName
  std::vector<std::string> fingerprints;  // SHA-256, lower-case hexadecimal
  std::optional<base::WallTime> until{};
};

// Any one credential suffices, or every configured kind of credential is needed.
enum class Require : std::uint8_t { any, all };

// One configured source. No credential in any list: open to whoever reaches the listener.
struct SourceSpec {
  std::string name;
  Kind kind = Kind::eventbridge;
  std::string header;  // a request header that may carry one of header_keys
  std::vector<Key> header_keys;
  std::string query;  // a query parameter that may carry one of query_keys
  std::vector<Key> query_keys;
  std::string default_org;  // of bare notifications, which name none
  std::vector<BasicUser> basic{};
  std::vector<OauthClient> oauth{};
  std::vector<JwtSpec> jwt{};
  std::vector<SignatureSpec> signatures{};
  std::vector<CertificateSpec> certificates{};
  Require require = Require::any;
};

}  // namespace trunkline::source
