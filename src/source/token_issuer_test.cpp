#include "source/token_issuer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "json/document.hpp"

namespace trunkline::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr base::WallTime kNow{std::chrono::seconds(1'772'460'000)};

std::vector<SourceSpec> sources() {
  SourceSpec one;
  one.name = "one";
  one.oauth = {
      {"bridge", {{"old-secret", kNow + std::chrono::minutes(10)}, {"new secret+", {}}}, std::chrono::hours(1)}};
  SourceSpec two;
  two.name = "two";
  two.oauth = {{"other", {{"other-secret", {}}}, std::chrono::hours(1)}};
  return {one, two};
}

net::HttpRequest form(std::string body, net::Headers headers = {}) {
  net::HttpRequest request;
  request.method = "POST";
  request.path = "/oauth/token";
  request.body = std::move(body);
  request.headers = std::move(headers);
  return request;
}
net::Headers basic(std::string_view credentials) {
  return {{"Authorization", "Basic " + base::base64_encode(credentials)}};
}
std::string token_of(const net::HttpResponse& response) {
  json::Document document;
  const auto parsed = document.parse(response.body);
  return parsed.ok() ? std::string(parsed->string_at("access_token")) : std::string();
}

struct Fixture {
  std::vector<SourceSpec> specs = sources();
  TokenIssuer issuer{specs, "a signing key"};
  std::string token(std::string_view secret = "new secret+") {
    return token_of(issuer.answer(form("grant_type=client_credentials", basic("bridge:" + std::string(secret))), kNow));
  }
};

TEST(TokenIssuer, gives_a_token_that_its_source_accepts_until_its_end) {
  Fixture fixture;
  const net::HttpResponse response =
      fixture.issuer.answer(form("grant_type=client_credentials", basic("bridge:new secret+")), kNow);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"("token_type":"Bearer","expires_in":3600)"));
  EXPECT_EQ(net::find_header(response.headers, "cache-control"), "no-store");
  const std::string token = token_of(response);
  EXPECT_TRUE(TokenIssuer::is_token(token));
  EXPECT_TRUE(fixture.issuer.accepts(fixture.specs[0], token, kNow));
  EXPECT_TRUE(fixture.issuer.accepts(fixture.specs[0], token, kNow + std::chrono::seconds(3599)));
  EXPECT_FALSE(fixture.issuer.accepts(fixture.specs[0], token, kNow + std::chrono::seconds(3600)));
  EXPECT_FALSE(fixture.issuer.accepts(fixture.specs[1], token, kNow)) << "another source";
}

TEST(TokenIssuer, credentials_come_by_header_form_or_json) {
  Fixture fixture;
  const auto status = [&](net::HttpRequest request) { return fixture.issuer.answer(request, kNow).status; };
  EXPECT_EQ(status(form("grant_type=client_credentials&client_id=bridge&client_secret=new+secret%2B")), 200);
  EXPECT_EQ(status(form("client_secret=new%20secret%2b&client_id=bridge&grant_type=client_credentials&scope=x")), 200);
  EXPECT_EQ(status(form(R"({"grant_type":"client_credentials","client_id":"bridge","client_secret":"new secret+"})")),
            200);
  EXPECT_EQ(status(form("grant_type=client_credentials", basic("bridge:new+secret%2B"))), 200)
      << "form-encoded inside, as RFC 6749 has it";
  EXPECT_EQ(status(form("grant_type=client_credentials&client_id=bridge", basic("bridge:new secret+"))), 200);
  net::HttpRequest in_query = form("", basic("bridge:old-secret"));
  in_query.query = "grant_type=client_credentials";
  EXPECT_EQ(status(in_query), 200);
}

TEST(TokenIssuer, wrong_clients_get_401_and_wrong_requests_400) {
  Fixture fixture;
  const auto answer = [&](net::HttpRequest request) {
    const net::HttpResponse response = fixture.issuer.answer(request, kNow);
    json::Document document;
    return std::to_string(response.status) + " " + std::string(document.parse(response.body)->string_at("error"));
  };
  const std::string grant = "grant_type=client_credentials";
  for (const std::string credentials :
       {"bridge:wrong", "bridge:", "other:new secret+", "nobody:x", "bridge:other-secret"})
    EXPECT_EQ(answer(form(grant, basic(credentials))), "401 invalid_client") << credentials;
  EXPECT_EQ(answer(form(grant)), "401 invalid_client");
  EXPECT_EQ(answer(form("grant_type=password", basic("bridge:old-secret"))), "400 unsupported_grant_type");
  EXPECT_EQ(answer(form("", basic("bridge:old-secret"))), "400 invalid_request");
  EXPECT_EQ(answer(form("{", basic("bridge:old-secret"))), "400 invalid_request");
  EXPECT_EQ(answer(form(grant + "&client_id=other", basic("bridge:old-secret"))), "400 invalid_request");
  EXPECT_EQ(answer(form(grant, {{"Authorization", "Basic !"}})), "400 invalid_request");
  EXPECT_EQ(answer(form(grant + "&x=" + std::string(20'000, 'x'))), "400 invalid_request");
  net::HttpRequest get = form("");
  get.method = "GET";
  EXPECT_EQ(fixture.issuer.answer(get, kNow).status, 405);
}

TEST(TokenIssuer, no_answer_tells_a_secret) {
  Fixture fixture;
  for (const std::string credentials : {"bridge:new secret+", "bridge:guessed-secret"}) {
    const auto response = fixture.issuer.answer(form("grant_type=client_credentials", basic(credentials)), kNow);
    EXPECT_THAT(response.body, Not(HasSubstr("secret+")));
    EXPECT_THAT(response.body, Not(HasSubstr("guessed")));
  }
}

TEST(TokenIssuer, a_token_ends_with_the_secret_it_was_got_for) {
  Fixture fixture;
  const std::string old = fixture.token("old-secret");
  EXPECT_TRUE(fixture.issuer.accepts(fixture.specs[0], old, kNow + std::chrono::seconds(599)));
  EXPECT_FALSE(fixture.issuer.accepts(fixture.specs[0], old, kNow + std::chrono::seconds(600)));
  const std::string token = fixture.token();
  fixture.specs[0].oauth[0].secrets = {{"a third", {}}};
  EXPECT_FALSE(fixture.issuer.accepts(fixture.specs[0], token, kNow)) << "the secret was taken out";
  fixture.specs[0].oauth.clear();
  EXPECT_FALSE(fixture.issuer.accepts(fixture.specs[0], token, kNow)) << "the client was taken out";
}

TEST(TokenIssuer, tokens_live_through_a_restart_with_the_same_key_only) {
  Fixture fixture;
  const std::string token = fixture.token();
  const TokenIssuer again(fixture.specs, "a signing key");
  EXPECT_TRUE(again.accepts(fixture.specs[0], token, kNow));
  const TokenIssuer other(fixture.specs, "another key");
  EXPECT_FALSE(other.accepts(fixture.specs[0], token, kNow));
  const TokenIssuer none(fixture.specs, "");
  EXPECT_FALSE(none.accepts(fixture.specs[0], token, kNow));
  EXPECT_EQ(none.answer(form("grant_type=client_credentials", basic("bridge:old-secret")), kNow).status, 401);
}

TEST(TokenIssuer, one_changed_byte_anywhere_is_refused) {
  Fixture fixture;
  const std::string token = fixture.token();
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(fixture.issuer.accepts(fixture.specs[0], changed, kNow)) << i;
    EXPECT_FALSE(fixture.issuer.accepts(fixture.specs[0], token.substr(0, i), kNow)) << i;
  }
}

}  // namespace
}  // namespace trunkline::source
