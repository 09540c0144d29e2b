#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "net/http_types.hpp"
#include "source/source_spec.hpp"

namespace trunkline::source {

// The token endpoint of sources with OAuth clients: POST /oauth/token (RFC 6749 section 4.4), and the check of what it
// gave out. An access token is opaque: client, end and a fingerprint of the secret it was got for, under an
// HMAC-SHA256. Nothing is stored, so tokens live through a restart as long as the signing key does; they end with their
// secret, when the client leaves the configuration, and with the key. Immutable: any thread.
class TokenIssuer {
 public:
  // `signing_key` may be any length; empty: no client gets a token. The sources must outlive it.
  TokenIssuer(const std::vector<SourceSpec>& sources, std::string signing_key);

  static bool owns(std::string_view path) { return path == "/oauth/token"; }
  // Client id and secret come by Basic authorization (form-encoded inside, section 2.3.1) or in the form, which may be
  // JSON instead; the grant type in either or in the query. Errors are those of section 5.2: 400 invalid_request,
  // unsupported_grant_type; 401 invalid_client. One client id names the same client in every source that lists it.
  net::HttpResponse answer(const net::HttpRequest& request, base::WallTime now) const;

  // Whether the text has the form of such a token.
  static bool is_token(std::string_view text);
  // Whether it is one of this source's clients' and has not ended.
  bool accepts(const SourceSpec& source, std::string_view token, base::WallTime now) const;

 private:
  struct Grant {
    const OauthClient* client = nullptr;
    const Key* secret = nullptr;
  };
  struct Form;
  static std::optional<Form> read_form(const net::HttpRequest& request);
  std::optional<Grant> grant(const Form& form, base::WallTime now) const;
  std::string issue(const Grant& grant, std::int64_t ends_at) const;
  std::string fingerprint(const OauthClient& client, const Key& secret) const;

  const std::vector<SourceSpec>& sources_;
  const std::string key_;
};

}  // namespace trunkline::source
