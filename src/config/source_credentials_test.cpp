#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.hpp"

namespace trunkline::config {
namespace {

Resolver resolver() {
  return {[](const std::string& name) -> std::optional<std::string> {
            return name == "SHORT" ? "short" : "a-secret-of-thirty-two-bytes-and-more";
          },
          [](const std::string&) -> base::Result<std::string> {
            return {base::Errc::not_found, "No such file or directory"};
          }};
}

// `auth` is YAML in flow style. A listener asks for client certificates.
std::string with_auth(std::string_view auth) {
  return "sources:\n  a:\n    kind: genesys\n    auth: " + std::string(auth) +
         "\nlisten_tls: 127.0.0.1:8443\ntls: {cert: c, key: k, client_ca: a, client_auth: request}\n";
}
std::vector<std::string> findings(std::string_view text) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : parse(text, resolver()).diagnostics)
    lines.push_back(format(diagnostic, "t.yaml"));
  return lines;
}
Source source(std::string_view auth) {
  Loaded loaded = parse(with_auth(auth), resolver());
  for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << format(diagnostic, "t.yaml");
  return loaded.config ? loaded.config->sources.at(0) : Source();
}

using Lines = std::vector<std::string>;

TEST(SourceCredentials, each_kind_is_a_map_or_a_list_of_maps) {
  const Source one =
      source(R"({basic: {user: u, password: "${env:P}"}, oauth: {client_id: c, client_secret: "${env:P}"},
      jwt: {issuer: "https://i/", audience: hub}, hmac: {header: x, secret: "${env:P}"}, require: all})");
  EXPECT_EQ(one.basic.at(0).user, "u");
  EXPECT_EQ(one.basic.at(0).passwords.at(0).key.reveal(), "a-secret-of-thirty-two-bytes-and-more");
  EXPECT_EQ(one.oauth.at(0).token_lifetime, std::chrono::hours(1));
  EXPECT_EQ(one.jwt.at(0).audiences, Lines{"hub"});
  EXPECT_EQ(one.jwt.at(0).clock_skew, std::chrono::seconds(60));
  EXPECT_EQ(one.hmac.at(0).content, "{body}");
  EXPECT_EQ(one.require, Require::all);
  EXPECT_TRUE(one.has_credential());
  const Source many = source(R"({basic: [{user: u, password: [{key: "${env:P}", until: 2027-01-01}, "${env:P}"]},
      {user: v, password: "${env:P}"}], jwt: [{issuer: "https://i/", audience: [a, b], until: 2027-01-01,
      claims: {roles: r, token_use: access}, subject: [s], algorithms: [ES256]}, {issuer: x, audience: c, jwks_url: "https://k/"}]})");
  EXPECT_EQ(many.basic.size(), 2u);
  EXPECT_TRUE(many.basic[0].passwords.at(0).until);
  EXPECT_EQ(many.jwt.at(0).audiences, (Lines{"a", "b"}));
  EXPECT_EQ(many.jwt[0].claims.at(1).second.reveal(), "access");
  EXPECT_EQ(many.jwt.at(1).jwks_url, "https://k/");
}

TEST(SourceCredentials, presets_set_what_the_file_does_not) {
  const Source made = source(R"({hmac: [{preset: standard_webhooks, secret: "${env:P}"},
      {preset: github, header: x-mine, secret: "${env:P}"}]})");
  EXPECT_EQ(made.hmac.at(0).header, "webhook-signature");
  EXPECT_EQ(made.hmac[0].prefix, "v1,");
  EXPECT_EQ(made.hmac[0].encoding, HmacEncoding::base64);
  EXPECT_EQ(made.hmac[0].timestamp_header, "webhook-timestamp");
  EXPECT_EQ(made.hmac.at(1).header, "x-mine");
  EXPECT_EQ(made.hmac[1].prefix, "sha256=");
}

TEST(SourceCredentials, fingerprints_are_taken_with_colons_and_in_any_case) {
  std::string text = "AB";
  for (int i = 0; i < 31; ++i) text += ":cD";
  const Source made = source("{client_certificate: {sha256: \"" + text + "\", san: [a, b], subject: CN=x}}");
  std::string plain = "ab";
  for (int i = 0; i < 31; ++i) plain += "cd";
  EXPECT_EQ(made.certificates.at(0).fingerprints, Lines{plain});
  EXPECT_EQ(made.certificates[0].names, (Lines{"a", "b"}));
  EXPECT_TRUE(made.has_credential());
}

TEST(SourceCredentials, a_source_with_any_of_them_may_listen_to_the_world) {
  const std::string head = "listen: 0.0.0.0:80\napi: {keys: \"${env:P}\"}\n";
  EXPECT_EQ(findings(head + with_auth(R"({basic: {user: u, password: "${env:P}"}})")), Lines{});
  EXPECT_EQ(findings(head + with_auth(R"({jwt: {issuer: "https://i/", audience: hub}})")), Lines{});
  EXPECT_EQ(findings(head + with_auth("{}")).size(), 1u);
}

struct Case {
  std::string name;
  std::string auth;
  Lines lines;
};
class SourceCredentialErrors : public ::testing::TestWithParam<Case> {};
TEST_P(SourceCredentialErrors, name_the_line_and_column) {
  EXPECT_EQ(findings(with_auth(GetParam().auth)), GetParam().lines);
}
INSTANTIATE_TEST_SUITE_P(
    Every, SourceCredentialErrors,
    ::testing::Values(
        Case{"no_audience",
             R"({jwt: {issuer: "https://i/"}})",
             {"t.yaml:4:17: error: 'sources.a.auth.jwt.audience' is missing"}},
        Case{"empty_audience",
             R"({jwt: {issuer: "https://i/", audience: []}})",
             {"t.yaml:4:50: error: 'sources.a.auth.jwt.audience' is an empty list"}},
        Case{"audience_map",
             R"({jwt: {issuer: "https://i/", audience: {a: b}}})",
             {"t.yaml:4:50: error: 'sources.a.auth.jwt.audience' is a text of 1 to 4096 bytes, not a map"}},
        Case{
            "plain_keys",
            R"({jwt: {issuer: "https://i/", audience: a, jwks_url: "http://i/keys"}})",
            {"t.yaml:4:53: error: 'sources.a.auth.jwt.jwks_url' is plain http: keys that can be changed on the way let "
             "anybody in. Use https, or http to this machine"}},
        Case{"no_url",
             R"({jwt: {issuer: "https://i/", audience: a, jwks_url: "ftp://i/keys"}})",
             {"t.yaml:4:63: error: 'sources.a.auth.jwt.jwks_url' is an address that begins with http:// or https://, "
              "not "
              "'ftp://i/keys'"}},
        Case{"issuer_without_discovery",
             R"({jwt: {issuer: issuer, audience: a}})",
             {"t.yaml:4:18: error: 'sources.a.auth.jwt.issuer' is no https address, so its keys cannot be discovered: "
              "set "
              "jwks_url"}},
        Case{
            "algorithm",
            R"({jwt: {issuer: "https://i/", audience: a, algorithms: [RS256, HS256]}})",
            {"t.yaml:4:53: error: 'sources.a.auth.jwt.algorithms' holds 'HS256', which is none of RS256, RS384, RS512, "
             "PS256, ES256, ES384"}},
        Case{"claims_list",
             R"({jwt: {issuer: "https://i/", audience: a, claims: [x]}})",
             {"t.yaml:4:61: error: 'sources.a.auth.jwt.claims' is a map of names to texts, not a list"}},
        Case{"skew",
             R"({jwt: {issuer: "https://i/", audience: a, clock_skew: 1h}})",
             {"t.yaml:4:65: error: 'sources.a.auth.jwt.clock_skew' is 0s to 5m, not 1h"}},
        Case{"slip",
             R"({jwt: {issuer: "https://i/", audience: a, jwk_url: "https://i/"}})",
             {"t.yaml:4:53: error: unknown key 'sources.a.auth.jwt.jwk_url', did you mean 'jwks_url'?"}},
        Case{"kind_slip",
             R"({basik: {user: u}})",
             {"t.yaml:4:12: error: unknown key 'sources.a.auth.basik', did you mean 'basic'?"}},
        Case{"not_a_map",
             R"({basic: user})",
             {"t.yaml:4:19: error: 'sources.a.auth.basic' is a map, not a single value"}},
        Case{"list_of_texts",
             R"({basic: [user]})",
             {"t.yaml:4:20: error: 'sources.a.auth.basic[0]' is a map, not a single value"}},
        Case{"user_with_colon",
             R"({basic: {user: "a:b", password: "${env:P}"}})",
             {"t.yaml:4:20: error: 'sources.a.auth.basic.user' holds a colon, which ends the name (RFC 7617)"}},
        Case{"short_secret",
             R"({hmac: {header: x, secret: "${env:SHORT}"}})",
             {"t.yaml:4:30: warning: 'sources.a.auth.hmac.secret' is shorter than 16 bytes and could be guessed: make "
              "one "
              "with `openssl rand -base64 32`"}},
        Case{"short_client_secret",
             R"({oauth: {client_id: c, client_secret: "${env:SHORT}"}})",
             {"t.yaml:4:34: warning: 'sources.a.auth.oauth.client_secret' is shorter than 16 bytes and could be "
              "guessed: "
              "make one with `openssl rand -base64 32`"}},
        Case{"no_certificate",
             R"({client_certificate: {until: 2027-01-01}})",
             {"t.yaml:4:32: error: 'sources.a.auth.client_certificate' names no certificate: set subject, san or "
              "sha256"}},
        Case{"fingerprint",
             R"({client_certificate: [{sha256: "AB:CD"}]})",
             {"t.yaml:4:34: error: 'sources.a.auth.client_certificate[0].sha256' is 64 hexadecimal digits, not "
              "'AB:CD'"}},
        Case{"no_header",
             R"({hmac: {secret: "${env:P}"}})",
             {"t.yaml:4:18: error: 'sources.a.auth.hmac.header' is missing: which header carries the signature?"}},
        Case{"no_body",
             R"({hmac: {header: x, secret: "${env:P}", content: "{x-id}"}})",
             {"t.yaml:4:50: error: 'sources.a.auth.hmac.content' has no {body}: a signature would fit any event"}},
        Case{"brace",
             R"({hmac: {header: x, secret: "${env:P}", content: "{body}{x-id"}})",
             {"t.yaml:4:50: error: 'sources.a.auth.hmac.content' has a brace without its other"}},
        Case{"time_not_signed",
             R"({hmac: {header: x, secret: "${env:P}", timestamp_header: x-time}})",
             {"t.yaml:4:50: error: 'sources.a.auth.hmac.timestamp_header' is not signed: put {x-time} into 'content', "
              "else "
              "anybody can change it"}}),
    [](const auto& each) { return each.param.name; });

TEST(SourceCredentials, a_short_signing_secret_is_warned_of) {
  EXPECT_EQ(
      findings("oauth: {signing_secret: \"${env:SHORT}\"}\n"),
      Lines{"t.yaml:1:9: warning: 'oauth.signing_secret' is shorter than 32 bytes and could be guessed: make one with "
            "`openssl rand -base64 32`"});
}

TEST(SourceCredentials, no_more_than_sixteen_of_a_kind) {
  std::string list = "{basic: [";
  for (int i = 0; i < 17; ++i) list += "{user: u, password: \"${env:P}\"},";
  EXPECT_EQ(findings(with_auth(list + "]}")),
            Lines{"t.yaml:4:12: error: 'sources.a.auth.basic' has more than 16 entries"});
}

}  // namespace
}  // namespace trunkline::config
