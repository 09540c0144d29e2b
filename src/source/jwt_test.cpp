#include "source/jwt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/signing_key_test.hpp"

namespace trunkline::source {
namespace {

using testing::SigningKey;

constexpr base::WallTime kNow{std::chrono::seconds(1'772'460'000)};

const SigningKey& rsa_key() {
  static const SigningKey key = SigningKey::rsa();
  return key;
}
const SigningKey& p256_key() {
  static const SigningKey key = SigningKey::p256();
  return key;
}
const SigningKey& p384_key() {
  static const SigningKey key = SigningKey::p384();
  return key;
}

std::string set_of(const std::vector<std::string>& keys) {
  std::string text = R"({"keys":[)";
  for (const std::string& key : keys) text.append(text.back() == '[' ? "" : ",").append(key);
  return text + "]}";
}

Jwks issuer_keys() {
  return *Jwks::parse(set_of({rsa_key().jwk("r", R"(,"use":"sig")"), p256_key().jwk("e"), p384_key().jwk("f")}));
}

JwtRules rules() {
  JwtRules rules;
  rules.issuer = "https://issuer.example/";
  rules.audiences = {"api://hub"};
  rules.algorithms = {SignatureAlgorithm::rs256, SignatureAlgorithm::rs384, SignatureAlgorithm::rs512,
                      SignatureAlgorithm::ps256, SignatureAlgorithm::es256, SignatureAlgorithm::es384};
  return rules;
}

std::string claims(std::string_view more = {}, std::string_view expires = "1772463600") {
  std::string text = R"({"iss":"https://issuer.example/","aud":"api://hub","exp":)";
  return text.append(expires).append(more).append("}");
}
std::string header(std::string_view algorithm, std::string_view id = "r") {
  std::string text = R"({"typ":"JWT","alg":")";
  return text.append(algorithm).append(R"(","kid":")").append(id).append("\"}");
}

// "valid", "key_unknown", or why not.
std::string verdict(std::string_view token, const JwtRules& with = rules(), base::WallTime now = kNow) {
  static const Jwks keys = issuer_keys();
  JwtReader reader;
  const JwtCheck check = reader.check(token, with, &keys, now);
  if (check.verdict == JwtVerdict::valid) return "valid";
  return check.verdict == JwtVerdict::key_unknown ? "key_unknown" : std::string(check.reason);
}
std::string verdict_of_claims(std::string_view text, const JwtRules& with = rules(), base::WallTime now = kNow) {
  return verdict(rsa_key().token("RS256", header("RS256"), text), with, now);
}

TEST(Jwt, a_token_by_every_algorithm_is_valid) {
  for (const std::string algorithm : {"RS256", "RS384", "RS512", "PS256"})
    EXPECT_EQ(verdict(rsa_key().token(algorithm, header(algorithm), claims())), "valid") << algorithm;
  EXPECT_EQ(verdict(p256_key().token("ES256", header("ES256", "e"), claims())), "valid");
  EXPECT_EQ(verdict(p384_key().token("ES384", header("ES384", "f"), claims())), "valid");
}

TEST(Jwt, one_changed_byte_anywhere_is_refused) {
  const std::string token = p256_key().token("ES256", header("ES256", "e"), claims());
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(verdict(changed), "valid") << i;
    EXPECT_NE(verdict(token.substr(0, i)), "valid") << i;
  }
}

TEST(Jwt, none_and_hmac_with_the_public_key_are_refused) {
  const std::string message = base::base64url_encode(header("HS256")) + "." + base::base64url_encode(claims());
  for (const std::string& key : {rsa_key().jwk("r"), rsa_key().modulus(), *base::base64url_decode(rsa_key().modulus())})
    EXPECT_EQ(verdict(message + "." + base::base64url_encode(base::hmac_sha256(key, message))),
              "an algorithm that is not taken");
  for (const std::string algorithm : {"none", "None", "NONE", "", "RS1", "rs256", "HS512", "ES512", "ES256K", "EdDSA"})
    EXPECT_EQ(verdict(base::base64url_encode(header(algorithm)) + "." + base::base64url_encode(claims()) + "."),
              "an algorithm that is not taken")
        << algorithm;
  EXPECT_EQ(verdict(base::base64url_encode(R"({"kid":"r"})") + "." + base::base64url_encode(claims()) + "."),
            "an algorithm that is not taken");
}

TEST(Jwt, an_algorithm_of_another_kind_of_key_finds_none) {
  EXPECT_EQ(verdict(p256_key().token("ES256", header("ES256", "r"), claims())), "key_unknown");
  EXPECT_EQ(verdict(rsa_key().token("RS256", header("RS256", "e"), claims())), "key_unknown");
  EXPECT_EQ(verdict(p256_key().token("ES256", header("ES384", "e"), claims())), "key_unknown");
  EXPECT_EQ(verdict(rsa_key().token("RS256", header("PS256"), claims())), "a wrong signature");
  EXPECT_EQ(verdict(rsa_key().token("RS256", header("RS512"), claims())), "a wrong signature");
}

TEST(Jwt, only_the_algorithms_that_are_configured_are_taken) {
  JwtRules only = rules();
  only.algorithms = {SignatureAlgorithm::es256};
  EXPECT_EQ(verdict(rsa_key().token("RS256", header("RS256"), claims()), only), "an algorithm that is not taken");
  EXPECT_EQ(verdict(p256_key().token("ES256", header("ES256", "e"), claims()), only), "valid");
}

TEST(Jwt, a_key_of_another_issuer_with_the_same_id_is_refused) {
  EXPECT_EQ(verdict(SigningKey::p256().token("ES256", header("ES256", "e"), claims())), "a wrong signature");
}

TEST(Jwt, a_key_in_the_token_itself_is_not_looked_at) {
  const SigningKey own = SigningKey::p256();
  const std::string head = R"({"alg":"ES256","kid":"mine","jwk":)" + own.jwk("mine") +
                           R"(,"jku":"https://evil.example/keys","x5u":"https://evil.example/x"})";
  EXPECT_EQ(verdict(own.token("ES256", head, claims())), "key_unknown");
}

TEST(Jwt, dates_are_held_with_the_clock_skew) {
  const std::string dated = claims(R"(,"nbf":1772460000,"iat":1772460000)", "1772460100");
  const auto at = [&](int seconds) { return verdict_of_claims(dated, rules(), kNow + std::chrono::seconds(seconds)); };
  EXPECT_EQ(at(0), "valid");
  EXPECT_EQ(at(-60), "valid");
  EXPECT_EQ(at(-61), "not valid yet");
  EXPECT_EQ(at(159), "valid");
  EXPECT_EQ(at(160), "expired");
  EXPECT_EQ(verdict_of_claims(claims("", "1772460100.5")), "valid") << "a fraction";
  EXPECT_EQ(verdict_of_claims(claims("", "1.7724601e9")), "valid") << "an exponent";
}

TEST(Jwt, a_token_without_an_end_or_with_one_that_is_no_date_is_refused) {
  EXPECT_EQ(verdict_of_claims(R"({"iss":"https://issuer.example/","aud":"api://hub"})"), "no expiry");
  for (const std::string date : {"\"1772463600\"", "null", "true", "-1", "[1772463600]", "{}", "1e999"})
    EXPECT_EQ(verdict_of_claims(claims("", date)), "no expiry") << date;
  EXPECT_EQ(verdict_of_claims(claims(R"(,"nbf":"soon")")), "a date that is no number");
}

TEST(Jwt, issuer_audience_and_subject_must_be_right_to_the_letter) {
  const auto with = [](std::string_view issuer, std::string_view audience) {
    return verdict_of_claims(R"({"exp":1772463600,"iss":)" + std::string(issuer) + R"(,"aud":)" +
                             std::string(audience) + "}");
  };
  EXPECT_EQ(with(R"("https://issuer.example/")", R"(["other","api://hub"])"), "valid");
  EXPECT_EQ(with(R"("https://issuer.example")", R"("api://hub")"), "another issuer");
  EXPECT_EQ(with(R"(["https://issuer.example/"])", R"("api://hub")"), "another issuer");
  EXPECT_EQ(with(R"("https://issuer.example/")", R"("api://hub2")"), "another audience");
  EXPECT_EQ(with(R"("https://issuer.example/")", R"("api://hub other")"), "another audience");
  EXPECT_EQ(with(R"("https://issuer.example/")", "[]"), "another audience");
  EXPECT_EQ(with(R"("https://issuer.example/")", "{}"), "another audience");
  JwtRules subject = rules();
  subject.subjects = {"a", "b"};
  EXPECT_EQ(verdict_of_claims(claims(R"(,"sub":"b")"), subject), "valid");
  EXPECT_EQ(verdict_of_claims(claims(R"(,"sub":"c")"), subject), "another subject");
  EXPECT_EQ(verdict_of_claims(claims(), subject), "another subject");
}

TEST(Jwt, required_claims_are_a_text_a_member_of_a_list_or_a_word_of_a_scope) {
  JwtRules role = rules();
  role.claims = {{"roles", "AzureEventGridSecureWebhookSubscriber"}};
  EXPECT_EQ(verdict_of_claims(claims(R"(,"roles":["x","AzureEventGridSecureWebhookSubscriber"])"), role), "valid");
  EXPECT_EQ(verdict_of_claims(claims(R"(,"roles":"AzureEventGridSecureWebhookSubscriber")"), role), "valid");
  EXPECT_EQ(verdict_of_claims(claims(R"(,"roles":["AzureEventGrid"])"), role),
            "a required claim is missing or another");
  EXPECT_EQ(verdict_of_claims(claims(R"(,"roles":"x AzureEventGridSecureWebhookSubscriber")"), role),
            "a required claim is missing or another");
  EXPECT_EQ(verdict_of_claims(claims(), role), "a required claim is missing or another");
  JwtRules scope = rules();
  scope.claims = {{"scope", "events.write"}, {"verified", "true"}};
  EXPECT_EQ(verdict_of_claims(claims(R"(,"scope":"a events.write b","verified":true)"), scope), "valid");
  EXPECT_EQ(verdict_of_claims(claims(R"(,"scope":"a events.write2 b","verified":true)"), scope),
            "a required claim is missing or another");
}

TEST(Jwt, repeated_members_critical_extensions_and_nesting_are_refused) {
  EXPECT_EQ(verdict(rsa_key().token("RS256", R"({"alg":"RS256","alg":"none","kid":"r"})", claims())),
            "the header is not a plain JSON object");
  EXPECT_EQ(verdict(rsa_key().token("RS256", R"({"alg":"RS256","a\u006cg":"none","kid":"r"})", claims())),
            "the header is not a plain JSON object");
  EXPECT_EQ(verdict_of_claims(claims(R"(,"exp":9999999999)")), "the claims are not a plain JSON object");
  EXPECT_EQ(verdict(rsa_key().token("RS256", R"({"alg":"RS256","kid":"r","crit":["b64"],"b64":false})", claims())),
            "the header has critical extensions");
  EXPECT_EQ(verdict(rsa_key().token("RS256", R"({"alg":"RS256","kid":7})", claims())), "the key id is no text");
  const std::string deep = std::string(20, '[') + std::string(20, ']');
  EXPECT_EQ(verdict_of_claims(claims(",\"x\":" + deep)), "the claims are not a plain JSON object");
  EXPECT_EQ(verdict(rsa_key().token("RS256", "[]", claims())), "the header is not a plain JSON object");
  EXPECT_EQ(verdict(rsa_key().token("RS256", header("RS256"), "\"text\"")), "the claims are not a plain JSON object");
}

TEST(Jwt, sizes_and_encodings_beyond_the_form_are_refused) {
  const std::string token = rsa_key().token("RS256", header("RS256"), claims());
  EXPECT_EQ(verdict(rsa_key().token("RS256", header("RS256"), claims(",\"x\":\"" + std::string(16 << 10, 'x') + "\""))),
            "larger than 16 KiB");
  for (const std::string& wrong : {std::string(), std::string("."), std::string("a.b"), token + ".x", token + ".."})
    EXPECT_EQ(verdict(wrong), "not three parts") << wrong;
  for (const std::string& wrong : {token + "=", token + "\n", token + "+", "*" + token, std::string("..")})
    EXPECT_NE(verdict(wrong), "valid") << wrong;
}

TEST(Jwt, claims_are_looked_at_before_keys_so_that_strangers_make_no_fetches) {
  JwtReader reader;
  const std::string stranger = rsa_key().token("RS256", header("RS256", "unknown"), claims());
  EXPECT_EQ(reader.check(stranger, rules(), nullptr, kNow).verdict, JwtVerdict::key_unknown);
  EXPECT_EQ(verdict(stranger), "key_unknown");
  EXPECT_EQ(verdict(rsa_key().token("RS256", header("RS256", "unknown"), claims("", "1"))), "expired");
}

TEST(Jwt, a_token_that_names_no_key_gets_the_only_one_that_fits) {
  EXPECT_EQ(verdict(rsa_key().token("RS256", R"({"alg":"RS256"})", claims())), "valid");
  const Jwks two = *Jwks::parse(set_of({rsa_key().jwk("a"), SigningKey::rsa().jwk("b")}));
  JwtReader reader;
  EXPECT_EQ(reader.check(rsa_key().token("RS256", R"({"alg":"RS256"})", claims()), rules(), &two, kNow).verdict,
            JwtVerdict::key_unknown);
}

// ---- key sets

TEST(Jwks, keys_of_no_use_are_left_out) {
  const std::string good = p256_key().jwk("e");
  const auto count = [&](const std::string& other) { return Jwks::parse(set_of({good, other}))->size(); };
  EXPECT_EQ(count(rsa_key().jwk("x", R"(,"use":"enc")")), 1u);
  EXPECT_EQ(count(rsa_key().jwk("x", R"(,"key_ops":["encrypt"])")), 1u);
  EXPECT_EQ(count(rsa_key().jwk("x", R"(,"key_ops":["verify"])")), 2u);
  EXPECT_EQ(count(rsa_key().jwk("x", R"(,"alg":"RSA-OAEP")")), 1u);
  EXPECT_EQ(count(rsa_key().jwk(std::string(600, 'x'))), 1u);
  EXPECT_EQ(count(SigningKey::rsa(1024).jwk("x")), 1u) << "too short";
  EXPECT_EQ(count(R"({"kty":"oct","kid":"x","k":"c2VjcmV0"})"), 1u);
  EXPECT_EQ(count(R"({"kty":"OKP","kid":"x","crv":"Ed25519","x":"AA"})"), 1u);
  EXPECT_EQ(count(R"({"kty":"RSA","kid":"x","n":")" + rsa_key().modulus() + R"(","e":"Ag"})"), 1u)
      << "an even exponent";
  EXPECT_EQ(count(R"({"kty":"RSA","kid":"x","n":")" + rsa_key().modulus() + R"(","e":"AQ"})"), 1u)
      << "an exponent of 1";
  EXPECT_EQ(count(R"({"kty":"RSA","kid":"x","n":")" + rsa_key().modulus() + R"(","e":"AQABAQAB"})"), 1u);
  EXPECT_EQ(count(R"({"kty":"RSA","kid":"x","n":")" + std::string(1400, 'x') + R"(","e":"AQAB"})"), 1u) << "too long";
  EXPECT_EQ(count(R"({"kty":"RSA","kid":"x"})"), 1u);
  const std::string off = base::base64url_encode(std::string(32, '\x01'));
  EXPECT_EQ(count(R"({"kty":"EC","crv":"P-256","kid":"x","x":")" + off + R"(","y":")" + off + R"("})"), 1u);
  EXPECT_EQ(count(R"({"kty":"EC","crv":"P-521","kid":"x","x":"AA","y":"AA"})"), 1u);
  EXPECT_EQ(count("7"), 1u);
  EXPECT_EQ(count("{}"), 1u);
}

TEST(Jwks, an_id_that_stands_there_twice_names_no_key) {
  const Jwks keys = *Jwks::parse(set_of({p256_key().jwk("same"), SigningKey::p256().jwk("same"), p384_key().jwk("f")}));
  EXPECT_EQ(keys.find("same", SignatureAlgorithm::es256), nullptr);
  EXPECT_NE(keys.find("f", SignatureAlgorithm::es384), nullptr);
}

TEST(Jwks, a_key_with_an_algorithm_of_its_own_serves_no_other) {
  const Jwks keys = *Jwks::parse(set_of({rsa_key().jwk("r", R"(,"alg":"RS512")")}));
  EXPECT_NE(keys.find("r", SignatureAlgorithm::rs512), nullptr);
  EXPECT_EQ(keys.find("r", SignatureAlgorithm::rs256), nullptr);
}

TEST(Jwks, a_set_without_a_key_that_can_be_used_is_an_error) {
  for (const std::string text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[{}]})", "{\"keys\":[",
                                 R"({"keys":[[[[[[[[[[]]]]]]]]]]})"})
    EXPECT_FALSE(Jwks::parse(text).ok()) << text;
  EXPECT_FALSE(Jwks::parse(set_of(std::vector<std::string>(129, p256_key().jwk("e")))).ok());
  EXPECT_FALSE(Jwks::parse(set_of({p256_key().jwk("e")}) + std::string(300 << 10, ' ')).ok());
}

}  // namespace
}  // namespace trunkline::source
