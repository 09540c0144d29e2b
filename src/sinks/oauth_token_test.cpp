#include "sinks/oauth_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/crypto.hpp"
#include "base/manual_loop.hpp"
#include "json/document.hpp"
#include "sinks/fake_sender_test.hpp"
#include "sinks/http_verdict.hpp"
#include "sinks/rs256.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

net::ClientResponse answer(int status, std::string body, net::Headers headers = {}) {
  return {status, std::move(headers), std::move(body)};
}
net::ClientResponse token_answer(std::string_view token, std::string_view more = R"(,"expires_in":3600)") {
  return answer(200,
                R"({"token_type":"bearer","access_token":")" + std::string(token) + "\"" + std::string(more) + "}");
}

OauthOptions options() {
  OauthOptions made;
  made.token_url = "https://login.example/token";
  made.client_id = "hub:1";
  made.client_secret = "s3cret &+";
  made.scope = "https://monitor.example/.default";
  return made;
}

struct World {
  explicit World(OauthOptions with = options()) {
    auto made = OauthToken::make(std::move(with), std::make_unique<FakeSender>(asked), loop);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().detail);
    token = *made;
    sender = std::make_unique<OauthSender>(token, std::make_unique<FakeSender>(sent));
  }
  void get() {
    token->get([this](const Result<std::string>& got) { tokens.push_back(got.ok() ? *got : got.error().detail); });
  }
  void send() {
    net::ClientRequest request;
    request.url = "https://crm.example/";
    request.body = "{}";
    sender->send(std::move(request), [this](Result<net::ClientResponse> got) { answers.push_back(std::move(got)); });
  }
  std::string authorization(std::size_t at) {
    return std::string(net::find_header(sent.at(at).request.headers, "Authorization").value_or("none"));
  }

  base::ManualClock clock;
  base::ManualLoop loop{clock};
  std::vector<FakeSender::Sent> asked;  // of the token endpoint
  std::vector<FakeSender::Sent> sent;   // to the target
  std::shared_ptr<OauthToken> token;
  std::unique_ptr<OauthSender> sender;
  std::vector<std::string> tokens;
  std::vector<Result<net::ClientResponse>> answers;
};

TEST(OauthToken, asks_by_basic_credentials_that_are_form_encoded_first) {
  const auto request = token_request(options(), {});
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->body, "grant_type=client_credentials&scope=https%3A%2F%2Fmonitor.example%2F.default");
  EXPECT_EQ(net::find_header(request->headers, "Authorization"),
            "Basic " + base::base64_encode("hub%3A1:s3cret%20%26%2B"));
}

TEST(OauthToken, asks_by_the_form_with_further_parameters) {
  OauthOptions with = options();
  with.client_auth = OauthOptions::ClientAuth::post;
  with.scope.clear();
  with.parameters = {{"audience", "https://api.example/"}};
  const auto request = token_request(with, {});
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->body,
            "grant_type=client_credentials&client_id=hub%3A1&client_secret=s3cret%20%26%2B&audience=https%3A%2F%2Fapi."
            "example%2F");
  EXPECT_FALSE(net::find_header(request->headers, "Authorization"));
}

struct Key {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{nullptr, EVP_PKEY_free};
  std::string pem;
};
Key make_key(unsigned bits) {
  Key made{{EVP_RSA_gen(bits), EVP_PKEY_free}, {}};
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), made.key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  made.pem.assign(data, static_cast<std::size_t>(size));
  return made;
}

TEST(OauthToken, signs_a_jwt_that_its_public_key_verifies) {
  const Key key = make_key(2048);
  OauthOptions with = options();
  with.grant = OauthOptions::Grant::jwt_bearer;
  with.client_secret.clear();
  with.scope.clear();
  with.private_key = key.pem;
  with.subject = "integration@example.com";
  with.audience = "https://login.salesforce.com";
  ASSERT_TRUE(validate(with).ok());
  const auto request = token_request(with, base::WallTime(seconds(1'700'000'000)));
  ASSERT_TRUE(request.ok());
  const std::string begin = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  ASSERT_TRUE(request->body.starts_with(begin));
  const std::string jwt = request->body.substr(begin.size());
  const std::size_t first = jwt.find('.');
  const std::size_t last = jwt.rfind('.');
  const std::string claims = base::base64url_decode(jwt.substr(first + 1, last - first - 1)).value();
  json::Document document;
  const auto parsed = document.parse(claims);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->string_at("iss"), "hub:1");
  EXPECT_EQ(parsed->string_at("sub"), "integration@example.com");
  EXPECT_EQ(parsed->string_at("aud"), "https://login.salesforce.com");
  EXPECT_EQ(parsed->find("exp")->integer(), 1'700'000'120);
  const std::string signature = base::base64url_decode(jwt.substr(last + 1)).value();
  const std::string message = jwt.substr(0, last);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.key.get()), 1);
  EXPECT_EQ(EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                             reinterpret_cast<const unsigned char*>(message.data()), message.size()),
            1);
}

TEST(OauthToken, refuses_keys_that_cannot_sign_and_says_nothing_of_them) {
  for (const std::string& pem : {std::string(), std::string("not a key"), make_key(1024).pem}) {
    const auto made = rs256_sign(pem, "x");
    ASSERT_FALSE(made.ok());
    if (pem.empty()) continue;
    EXPECT_THAT(made.error().detail, Not(HasSubstr(pem)));
  }
}

TEST(OauthToken, serves_all_who_wait_by_one_request_and_keeps_the_token_until_shortly_before_its_end) {
  World world;
  world.get();
  world.get();
  ASSERT_THAT(world.asked, SizeIs(1));
  world.asked[0].done(token_answer("one", R"(,"expires_in":100)"));
  EXPECT_THAT(world.tokens, ElementsAre("one", "one"));
  world.loop.advance(seconds(79));
  world.get();
  EXPECT_THAT(world.asked, SizeIs(1));
  world.loop.advance(seconds(2));  // a fifth of its life is left
  world.get();
  ASSERT_THAT(world.asked, SizeIs(2));
  world.asked[1].done(token_answer("two", R"(,"expires_in":"7200")"));
  world.loop.advance(seconds(7200 - 61));
  world.get();
  EXPECT_THAT(world.tokens, ElementsAre("one", "one", "one", "two", "two"));
  world.loop.advance(seconds(2));
  world.get();
  EXPECT_THAT(world.asked, SizeIs(3));
}

TEST(OauthToken, tells_a_refused_client_from_an_endpoint_that_is_down) {
  const auto code = [](int status, std::string body) { return parse_token_answer(answer(status, std::move(body))); };
  const auto refused = code(401, R"({"error":"invalid_client","error_description":"no such secret"})");
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
  EXPECT_THAT(refused.error().detail, HasSubstr("401: invalid_client: no such secret"));
  EXPECT_EQ(code(400, R"({"error":"invalid_grant"})").error().code, Errc::unauthenticated);
  EXPECT_EQ(code(400, R"({"error":"temporarily"})").error().code, Errc::unavailable);
  EXPECT_EQ(code(503, "busy").error().code, Errc::unavailable);
  EXPECT_EQ(code(200, "<html>").error().code, Errc::unavailable);
  EXPECT_EQ(code(200, "{}").error().code, Errc::unavailable);
  EXPECT_EQ(code(200, R"({"access_token":"a\r\nb"})").error().code, Errc::unavailable);
  EXPECT_EQ(code(200, R"({"access_token":"a","token_type":"mac"})").error().code, Errc::unavailable);
  const auto endless = code(200, R"({"access_token":"a","expires_in":1e300})");
  ASSERT_TRUE(endless.ok());
  EXPECT_EQ(endless->expires_in, std::chrono::hours(24));
}

TEST(OauthToken, keeps_a_failure_for_a_while_and_then_asks_again) {
  World world;
  world.get();
  world.asked[0].done(answer(401, R"({"error":"invalid_client","error_description":"s3cret &+ is wrong"})"));
  world.get();
  EXPECT_THAT(world.tokens, SizeIs(1)) << "an error comes later, never inside the call";
  world.loop.run();
  ASSERT_THAT(world.asked, SizeIs(1));
  ASSERT_THAT(world.tokens, SizeIs(2));
  EXPECT_THAT(world.tokens[1], HasSubstr("oauth: "));
  EXPECT_THAT(world.tokens[1], HasSubstr("invalid_client"));
  EXPECT_THAT(world.tokens[1], Not(HasSubstr("s3cret")));
  world.loop.advance(seconds(11));
  world.get();
  ASSERT_THAT(world.asked, SizeIs(2));
  world.asked[1].done(base::Error{Errc::timeout, "in 15 s"});
  world.loop.advance(milliseconds(1100));
  world.get();
  ASSERT_THAT(world.asked, SizeIs(3));
  world.asked[2].done(answer(429, "", {{"Retry-After", "30"}}));
  world.loop.advance(seconds(29));
  world.get();
  EXPECT_THAT(world.asked, SizeIs(3));
  world.loop.advance(seconds(2));
  world.get();
  ASSERT_THAT(world.asked, SizeIs(4));
  world.asked[3].done(token_answer("good"));
  EXPECT_EQ(world.tokens.back(), "good");
}

TEST(OauthSender, refreshes_once_for_many_sends_that_were_refused_and_sends_each_again) {
  World world;
  world.send();
  world.send();
  world.asked[0].done(token_answer("old"));
  ASSERT_THAT(world.sent, SizeIs(2));
  EXPECT_EQ(world.authorization(0), "Bearer old");
  world.sent[0].done(answer(401, "expired"));
  world.sent[1].done(answer(401, "expired"));
  ASSERT_THAT(world.asked, SizeIs(2));
  world.asked[1].done(token_answer("new"));
  ASSERT_THAT(world.sent, SizeIs(4));
  EXPECT_EQ(world.authorization(2), "Bearer new");
  EXPECT_EQ(world.sent[3].request.body, "{}");
  world.sent[2].done(answer(200, "fine"));
  world.sent[3].done(answer(401, "still"));
  ASSERT_THAT(world.answers, SizeIs(2));
  EXPECT_EQ(world.answers[0]->status, 200);
  EXPECT_EQ(world.answers[1]->status, 401);
  EXPECT_THAT(world.asked, SizeIs(2));
}

TEST(OauthSender, a_late_401_of_the_old_token_does_not_throw_the_new_one_away) {
  World world;
  world.send();
  world.send();
  world.asked[0].done(token_answer("old"));
  world.sent[0].done(answer(401, ""));
  world.asked[1].done(token_answer("new"));
  world.sent[1].done(answer(401, ""));
  EXPECT_THAT(world.asked, SizeIs(2));
  EXPECT_EQ(world.authorization(3), "Bearer new");
}

TEST(OauthSender, hides_the_token_in_what_the_server_says) {
  World world;
  world.send();
  world.asked[0].done(token_answer("t0ken"));
  world.sent[0].done(answer(403, "no rights for t0ken", {{"Location", "/x?t0ken"}}));
  ASSERT_THAT(world.answers, SizeIs(1));
  EXPECT_EQ(world.answers[0]->body, "no rights for ***");
  EXPECT_EQ(world.answers[0]->headers[0].second, "/x?***");
}

TEST(OauthSender, without_a_token_nothing_is_sent_and_the_downstream_is_unavailable) {
  World world;
  world.send();
  world.asked[0].done(answer(400, R"({"error":"invalid_client"})"));
  EXPECT_THAT(world.sent, SizeIs(0));
  ASSERT_THAT(world.answers, SizeIs(1));
  const auto verdict = http_verdict(world.answers[0], 1, {});
  EXPECT_EQ(verdict.events[0].verdict, delivery::Verdict::unavailable);
  EXPECT_EQ(verdict.events[0].error_class, "oauth");
  EXPECT_THAT(verdict.events[0].detail, HasSubstr("invalid_client"));
}

TEST(OauthSender, answers_no_request_inside_its_own_call) {
  World world;
  world.send();
  world.asked[0].done(answer(400, R"({"error":"invalid_client"})"));
  ASSERT_THAT(world.answers, SizeIs(1));
  world.send();  // the failure is known
  EXPECT_THAT(world.answers, SizeIs(1));
  world.loop.run();
  EXPECT_THAT(world.answers, SizeIs(2));
}

TEST(OauthSender, answers_that_come_after_its_end_find_nothing) {
  World world;
  world.send();
  world.sender.reset();
  world.asked[0].done(token_answer("late"));
  EXPECT_THAT(world.sent, SizeIs(0));
}

TEST(OauthOptions, names_what_is_wrong_and_never_its_value) {
  OauthOptions with = options();
  with.client_secret.clear();
  EXPECT_THAT(validate(with).error().detail, HasSubstr("client_secret"));
  with = options();
  with.token_url = "ftp://x";
  EXPECT_THAT(validate(with).error().detail, HasSubstr("token_url"));
  with = options();
  with.grant = OauthOptions::Grant::jwt_bearer;
  with.subject = "me";
  with.private_key = "PRIVATE";
  EXPECT_THAT(validate(with).error().detail, HasSubstr("private_key"));
  EXPECT_THAT(validate(with).error().detail, Not(HasSubstr("PRIVATE")));
}

}  // namespace
}  // namespace trunkline::sinks
