#pragma once

#include <array>

#include "config/option.hpp"

namespace trunkline::config {

template <auto Member, auto Field, class Scope>
void assign_oauth(Scope& scope, Value value) {
  detail::store(scope.*Member.*Field, std::move(value));
}

// The rows of an Oauth member: oauth_rows<HttpSink, &HttpSink::oauth>(). Put them behind the sink's own with joined().
template <class Scope, Oauth Scope::* Member>
constexpr auto oauth_rows() {
  return std::array{
      Row<Scope>{{.path = "oauth.token_url",
                  .type = Type::url,
                  .reloadable = true,
                  .help = "Where access tokens are got; each request then carries one."},
                 assign_oauth<Member, &Oauth::token_url>},
      Row<Scope>{{.path = "oauth.grant",
                  .type = Type::choice,
                  .fallback = "client_credentials",
                  .choices = "client_credentials|jwt_bearer",
                  .reloadable = true,
                  .help = "OAuth 2.0 client credentials, or a signed JWT (RFC 7523, RS256)."},
                 assign_oauth<Member, &Oauth::grant>},
      Row<Scope>{{.path = "oauth.client_id",
                  .type = Type::text,
                  .reloadable = true,
                  .help = "The client; of a JWT its issuer (`iss`)."},
                 assign_oauth<Member, &Oauth::client_id>},
      Row<Scope>{{.path = "oauth.client_secret",
                  .type = Type::secret,
                  .reloadable = true,
                  .help = "Its secret, for client credentials."},
                 assign_oauth<Member, &Oauth::client_secret>},
      Row<Scope>{{.path = "oauth.client_auth",
                  .type = Type::choice,
                  .fallback = "basic",
                  .choices = "basic|post",
                  .reloadable = true,
                  .help = "Whether id and secret go as Basic authorization or in the form."},
                 assign_oauth<Member, &Oauth::client_auth>},
      Row<Scope>{{.path = "oauth.scope",
                  .type = Type::text,
                  .reloadable = true,
                  .help = "The scope asked for, such as `https://monitor.azure.com/.default`."},
                 assign_oauth<Member, &Oauth::scope>},
      Row<Scope>{{.path = "oauth.parameters",
                  .type = Type::headers,
                  .reloadable = true,
                  .help = "More fields of the form: `{audience: https://api.example/}`."},
                 assign_oauth<Member, &Oauth::parameters>},
      Row<Scope>{{.path = "oauth.private_key",
                  .type = Type::secret,
                  .reloadable = true,
                  .help = "The PEM text of the RSA key that signs a JWT: `${file:/run/secrets/salesforce.pem}`."},
                 assign_oauth<Member, &Oauth::private_key>},
      Row<Scope>{{.path = "oauth.subject",
                  .type = Type::text,
                  .reloadable = true,
                  .help = "Of a JWT: the user that is acted for (`sub`)."},
                 assign_oauth<Member, &Oauth::subject>},
      Row<Scope>{{.path = "oauth.audience",
                  .type = Type::text,
                  .reloadable = true,
                  .help = "Of a JWT: whom it is for (`aud`). None: `oauth.token_url`."},
                 assign_oauth<Member, &Oauth::audience>},
  };
}

// Two arrays of rows, one behind the other.
template <class Scope, std::size_t A, std::size_t B>
constexpr std::array<Row<Scope>, A + B> joined(const std::array<Row<Scope>, A>& first,
                                               const std::array<Row<Scope>, B>& second) {
  std::array<Row<Scope>, A + B> all{};
  for (std::size_t i = 0; i < A; ++i) all[i] = first[i];
  for (std::size_t i = 0; i < B; ++i) all[A + i] = second[i];
  return all;
}

}  // namespace trunkline::config
