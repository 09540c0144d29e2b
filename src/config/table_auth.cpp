#include <array>

#include "config/option.hpp"

namespace trunkline::config {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kDay = 24 * 60 * kMinute;

constexpr std::array kBasic = {
    Row<BasicAuth>{
        {.path = "user", .type = Type::text, .required = true, .reloadable = true, .help = "The user's name."},
        assign<&BasicAuth::user>},
    Row<BasicAuth>{{.path = "password",
                    .type = Type::keys,
                    .required = true,
                    .reloadable = true,
                    .help = "Passwords accepted of this user; a list while they change."},
                   assign<&BasicAuth::passwords>},
};

constexpr std::array kOauth = {
    Row<OauthAuth>{
        {.path = "client_id", .type = Type::text, .required = true, .reloadable = true, .help = "The client's id."},
        assign<&OauthAuth::client_id>},
    Row<OauthAuth>{{.path = "client_secret",
                    .type = Type::keys,
                    .required = true,
                    .reloadable = true,
                    .help = "Secrets accepted of this client. A token ends with the secret that it was got for."},
                   assign<&OauthAuth::client_secrets>},
    Row<OauthAuth>{{.path = "token_lifetime",
                    .type = Type::duration,
                    .fallback = "1h",
                    .min = kMinute,
                    .max = kDay,
                    .reloadable = true,
                    .help = "How long an access token is good."},
                   assign<&OauthAuth::token_lifetime>},
};

constexpr std::array kJwt = {
    Row<JwtAuth>{{.path = "issuer",
                  .type = Type::text,
                  .required = true,
                  .reloadable = true,
                  .help = "The token's `iss`, to the letter: `https://login.microsoftonline.com/TENANT/v2.0`."},
                 assign<&JwtAuth::issuer>},
    Row<JwtAuth>{{.path = "audience",
                  .type = Type::texts,
                  .required = true,
                  .reloadable = true,
                  .help = "The token's `aud`: the application that the token is for. One, or a list of which one is "
                          "enough."},
                 assign<&JwtAuth::audiences>},
    Row<JwtAuth>{{.path = "jwks_url",
                  .type = Type::url,
                  .reloadable = true,
                  .help = "Where the issuer publishes its keys. None: found by OpenID discovery at "
                          "`ISSUER/.well-known/openid-configuration`."},
                 assign<&JwtAuth::jwks_url>},
    Row<JwtAuth>{{.path = "subject", .type = Type::texts, .reloadable = true, .help = "Accepted `sub`s. None: any."},
                 assign<&JwtAuth::subjects>},
    Row<JwtAuth>{{.path = "claims",
                  .type = Type::pairs,
                  .reloadable = true,
                  .help = "Claims that must have the text: be it, hold it in a list, or (`scope`, `scp`) among the "
                          "words: `{roles: AzureEventGridSecureWebhookSubscriber}`."},
                 assign<&JwtAuth::claims>},
    Row<JwtAuth>{{.path = "algorithms",
                  .type = Type::texts,
                  .reloadable = true,
                  .help = "Of RS256, RS384, RS512, PS256, ES256, ES384. None: all six. Nothing else is ever accepted."},
                 assign<&JwtAuth::algorithms>},
    Row<JwtAuth>{{.path = "clock_skew",
                  .type = Type::duration,
                  .fallback = "60s",
                  .min = 0,
                  .max = 5 * kMinute,
                  .reloadable = true,
                  .help = "How far the issuer's clock may be off."},
                 assign<&JwtAuth::clock_skew>},
    Row<JwtAuth>{{.path = "allow_loopback",
                  .type = Type::boolean,
                  .fallback = "false",
                  .reloadable = true,
                  .help = "The keys may come from this machine."},
                 assign<&JwtAuth::allow_loopback>},
    Row<JwtAuth>{{.path = "allow_private",
                  .type = Type::boolean,
                  .fallback = "false",
                  .reloadable = true,
                  .help = "The keys may come from a private network."},
                 assign<&JwtAuth::allow_private>},
    Row<JwtAuth>{
        {.path = "until", .type = Type::time, .reloadable = true, .help = "This issuer is not accepted from then on."},
        assign<&JwtAuth::until>},
};

constexpr std::array kHmac = {
    Row<HmacAuth>{{.path = "preset",
                   .type = Type::choice,
                   .fallback = "none",
                   .choices = "none|standard_webhooks|github",
                   .reloadable = true,
                   .help = "Sets what is not set below as that sender does it: Standard Webhooks (secrets begin with "
                           "`whsec_`), or GitHub's `X-Hub-Signature-256`."},
                  assign<&HmacAuth::preset>},
    Row<HmacAuth>{{.path = "secret",
                   .type = Type::keys,
                   .required = true,
                   .reloadable = true,
                   .help = "The shared secrets; any one fits. `whsec_` and base64 stand for bytes."},
                  assign<&HmacAuth::secrets>},
    Row<HmacAuth>{{.path = "header",
                   .type = Type::text,
                   .reloadable = true,
                   .help = "Header with the signature, or several with spaces or commas between. Needed without a "
                           "preset."},
                  assign<&HmacAuth::header>},
    Row<HmacAuth>{{.path = "prefix",
                   .type = Type::text,
                   .reloadable = true,
                   .help = "What stands before each signature: `sha256=`."},
                  assign<&HmacAuth::prefix>},
    Row<HmacAuth>{{.path = "algorithm",
                   .type = Type::choice,
                   .fallback = "sha256",
                   .choices = "sha256|sha512",
                   .reloadable = true,
                   .help = "The hash of the HMAC."},
                  assign<&HmacAuth::algorithm>},
    Row<HmacAuth>{{.path = "encoding",
                   .type = Type::choice,
                   .fallback = "hex",
                   .choices = "hex|base64",
                   .reloadable = true,
                   .help = "How the signature is written."},
                  assign<&HmacAuth::encoding>},
    Row<HmacAuth>{
        {.path = "content",
         .type = Type::text,
         .fallback = "{body}",
         .reloadable = true,
         .help = "What is signed: `{body}` and headers in braces, `{x-timestamp}.{body}`. The body is as it is "
                 "after gzip is undone."},
        assign<&HmacAuth::content>},
    Row<HmacAuth>{{.path = "timestamp_header",
                   .type = Type::text,
                   .reloadable = true,
                   .help = "Header with the time of signing, seconds since 1970; it must stand in `content`. None: "
                           "requests do not age."},
                  assign<&HmacAuth::timestamp_header>},
    Row<HmacAuth>{{.path = "tolerance",
                   .type = Type::duration,
                   .fallback = "5m",
                   .min = 1'000,
                   .max = kDay,
                   .reloadable = true,
                   .help = "How old a signature may be, or how far ahead."},
                  assign<&HmacAuth::tolerance>},
};

constexpr std::array kCertificate = {
    Row<CertificateAuth>{{.path = "subject",
                          .type = Type::texts,
                          .reloadable = true,
                          .help = "Whole subjects as RFC 4514 writes them, most specific part first: "
                                  "`CN=relay-1,OU=Contact centre,O=Example`."},
                         assign<&CertificateAuth::subjects>},
    Row<CertificateAuth>{
        {.path = "san",
         .type = Type::texts,
         .reloadable = true,
         .help = "Names in the certificate's subjectAltName: DNS names, in any case, or URIs. No wildcards."},
        assign<&CertificateAuth::names>},
    Row<CertificateAuth>{{.path = "sha256",
                          .type = Type::texts,
                          .reloadable = true,
                          .help = "Fingerprints: 64 hexadecimal digits, with colons or without."},
                         assign<&CertificateAuth::fingerprints>},
    Row<CertificateAuth>{
        {.path = "until", .type = Type::time, .reloadable = true, .help = "These are not accepted from then on."},
        assign<&CertificateAuth::until>},
};

}  // namespace

Table<BasicAuth> basic_table() {
  return kBasic;
}
Table<OauthAuth> oauth_table() {
  return kOauth;
}
Table<JwtAuth> jwt_table() {
  return kJwt;
}
Table<HmacAuth> hmac_table() {
  return kHmac;
}
Table<CertificateAuth> certificate_table() {
  return kCertificate;
}

}  // namespace trunkline::config
