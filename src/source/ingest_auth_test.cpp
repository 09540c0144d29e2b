#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "net/listener_test.hpp"
#include "source/ingest_fixture.hpp"
#include "source/signing_key_test.hpp"

namespace trunkline::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string event_text(const std::string& id) {
  return event::testing::envelope("v2.detail.events.conversation.c-1.customer.start", R"({"note":"a"})", id);
}
std::string basic(std::string_view credentials) {
  return "Authorization: Basic " + base::base64_encode(credentials) + "\r\n";
}
std::string bearer(std::string_view token) {
  return "Authorization: Bearer " + std::string(token) + "\r\n";
}

SourceSpec named(std::string name, Kind kind) {
  SourceSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  return spec;
}
SignatureSpec signature() {
  SignatureSpec spec;
  spec.header = "x-signature";
  spec.secrets = {{"shared"}};
  return spec;
}
std::string signed_field(std::string_view body) {
  return "X-Signature: " + base::hex_encode(base::hmac_sha256("shared", body)) + "\r\n";
}

// ---- Basic, access tokens, signatures

std::vector<SourceSpec> static_sources() {
  const auto end = SharedClock::kStart + std::chrono::hours(1);
  SourceSpec bridge = named("bridge", Kind::eventbridge);
  bridge.basic = {{"sender", {{"old", end}, {"new", {}}}}, {"second", {{"other", {}}}}};
  bridge.oauth = {{"client", {{"secret", {}}}, std::chrono::hours(1)}};
  bridge.signatures = {signature()};
  SourceSpec grid = named("grid", Kind::eventgrid);
  grid.basic = {{"sender", {{"new", {}}}}};
  SourceSpec strict = named("strict", Kind::genesys);
  strict.basic = {{"sender", {{"new", {}}}}};
  strict.signatures = {signature()};
  strict.require = Require::all;
  return {bridge, grid, strict};
}
IngestOptions with_token_key() {
  IngestOptions options;
  options.token_key = "key";
  return options;
}

TEST(IngestAuth, a_password_that_a_browser_keeps_is_of_no_use_to_another_sites_page) {
  IngestFixture fixture({}, {}, static_sources());
  const auto status = [&](std::string_view fields) {
    return fixture.post("bridge", event_text("e-1"), basic("second:other") + std::string(fields)).status;
  };
  EXPECT_EQ(status(""), 200);
  EXPECT_EQ(status("Origin: http://hub\r\n"), 200);
  EXPECT_EQ(status("Origin: http://evil.example\r\n"), 401);
  EXPECT_EQ(status("Sec-Fetch-Site: cross-site\r\n"), 401);
}

TEST(IngestAuth, basic_credentials_let_in_until_the_passwords_end) {
  IngestFixture fixture({}, {}, static_sources());
  const auto status = [&](std::string_view credentials) {
    return fixture.post("bridge", event_text("e-1"), basic(credentials)).status;
  };
  EXPECT_EQ(status("sender:old"), 200);
  EXPECT_EQ(status("sender:new"), 200);
  EXPECT_EQ(status("second:other"), 200);
  EXPECT_EQ(status("second:new"), 401) << "another user's password";
  EXPECT_EQ(status("sender:"), 401);
  EXPECT_EQ(status("sender"), 401);
  fixture.clock().advance(std::chrono::hours(1));
  EXPECT_EQ(status("sender:old"), 401);
  EXPECT_EQ(status("sender:new"), 200);
}

TEST(IngestAuth, a_failed_credential_of_any_kind_is_401_or_503_by_the_kind_of_the_source) {
  IngestFixture fixture({}, {}, static_sources());
  for (const std::string& fields : {std::string(), basic("sender:wrong"), bearer("x"), bearer("tlat1.x.y"),
                                    std::string("X-Signature: 00\r\n"), std::string("Authorization: Digest x\r\n")}) {
    const auto bridge = fixture.post("bridge", event_text("e-1"), fields);
    EXPECT_EQ(bridge.status, 401) << fields;
    EXPECT_THAT(bridge.head, HasSubstr("WWW-Authenticate: Basic realm=\"trunkline\", charset=\"UTF-8\", Bearer\r\n"));
    EXPECT_THAT(bridge.body, Not(HasSubstr("wrong\"")));
    const auto grid = fixture.post("grid", event_text("e-1"), fields);
    EXPECT_EQ(grid.status, 503) << fields;
    EXPECT_THAT(grid.head, HasSubstr("Retry-After: 1\r\n"));
  }
  EXPECT_TRUE(fixture.gate().published().empty());
  EXPECT_EQ(fixture.ingest().totals().unauthenticated, 12u);
}

TEST(IngestAuth, a_token_of_the_endpoint_lets_in_at_its_source) {
  IngestFixture fixture(with_token_key(), {}, static_sources());
  net::testing::RawClient client = fixture.connect();
  const std::string form = "grant_type=client_credentials";
  ASSERT_TRUE(client.send("POST /oauth/token HTTP/1.1\r\nHost: hub\r\n" + basic("client:secret") +
                          "Content-Length: " + std::to_string(form.size()) + "\r\n\r\n" + form));
  const auto answer = client.read_answer();
  ASSERT_EQ(answer.status, 200) << answer.body;
  json::Document document;
  const std::string token(document.parse(answer.body)->string_at("access_token"));
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), bearer(token)).status, 200);
  EXPECT_EQ(fixture.post("grid", event_text("e-1"), bearer(token)).status, 503);
  fixture.clock().advance(std::chrono::hours(1));
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), bearer(token)).status, 401);
}

TEST(IngestAuth, a_wrong_secret_at_the_token_endpoint_is_counted) {
  IngestFixture fixture(with_token_key(), {}, static_sources());
  const auto status = [&](std::string_view credentials, std::string_view form) {
    net::testing::RawClient client = fixture.connect();
    std::string request = "POST /oauth/token HTTP/1.1\r\nHost: hub\r\n" + basic(credentials);
    request += "Content-Length: " + std::to_string(form.size()) + "\r\n\r\n";
    EXPECT_TRUE(client.send(request.append(form)));
    return client.read_answer().status;
  };
  EXPECT_EQ(status("client:wrong", "grant_type=client_credentials"), 401);
  EXPECT_EQ(status("nobody:secret", "grant_type=client_credentials"), 401);
  EXPECT_EQ(status("client:secret", "grant_type=password"), 400);
  EXPECT_EQ(status("client:secret", "grant_type=client_credentials"), 200);
  EXPECT_EQ(fixture.ingest().totals().unauthenticated, 2u);
}

TEST(IngestAuth, a_signature_lets_in_and_goes_with_its_body) {
  IngestFixture fixture({}, {}, static_sources());
  const std::string body = event_text("e-1");
  EXPECT_EQ(fixture.post("bridge", body, signed_field(body)).status, 200);
  EXPECT_EQ(fixture.post("bridge", event_text("e-2"), signed_field(body)).status, 401);
}

TEST(IngestAuth, where_all_are_required_one_alone_does_not_let_in) {
  IngestFixture fixture({}, {}, static_sources());
  const std::string body = event_text("e-1");
  EXPECT_EQ(fixture.post("strict", body, signed_field(body)).status, 401);
  EXPECT_EQ(fixture.post("strict", body, basic("sender:new")).status, 401);
  EXPECT_EQ(fixture.post("strict", body, basic("sender:new") + signed_field(body)).status, 200);
}

// ---- client certificates, as the listener hands them over

std::string verdict_of(const SourceSpec& spec, std::shared_ptr<const net::PeerCertificate> certificate,
                       base::WallTime now = SharedClock::kStart) {
  net::IoLoop loop("unused");
  const std::vector<SourceSpec> none;
  const TokenIssuer tokens(none, "");
  const Authenticator authenticator(spec, tokens, loop);
  net::HttpRequest request;
  request.peer_certificate = std::move(certificate);
  JwtReader reader;
  const Authenticator::Check check = authenticator.check(request, now, reader, false);
  return check.verdict == Authenticator::Verdict::granted ? "granted" : std::string(check.reason);
}

TEST(IngestAuth, a_client_certificate_lets_in_by_subject_name_or_fingerprint_until_its_end) {
  const auto peer = std::make_shared<const net::PeerCertificate>(net::PeerCertificate{
      "CN=relay-1,O=Example", {"relay.example"}, {"spiffe://example/relay"}, std::string(64, 'a')});
  const auto by = [&](CertificateSpec listed) {
    SourceSpec spec = named("relay", Kind::genesys);
    spec.certificates = {{{"CN=another"}, {}, {}, {}}, std::move(listed)};
    return verdict_of(spec, peer);
  };
  const std::string refused = "a client certificate that is not listed, or past its end date";
  EXPECT_EQ(by({{"CN=relay-1,O=Example"}, {}, {}, {}}), "granted");
  EXPECT_EQ(by({{"CN=relay-1"}, {}, {}, {}}), refused) << "whole subjects only";
  EXPECT_EQ(by({{}, {"RELAY.example"}, {}, {}}), "granted");
  EXPECT_EQ(by({{}, {"spiffe://example/relay"}, {}, {}}), "granted");
  EXPECT_EQ(by({{}, {"SPIFFE://example/relay"}, {}, {}}), refused);
  EXPECT_EQ(by({{}, {"*.example"}, {}, {}}), refused);
  EXPECT_EQ(by({{}, {}, {std::string(64, 'a')}, {}}), "granted");
  EXPECT_EQ(by({{}, {}, {std::string(64, 'b')}, {}}), refused);
  EXPECT_EQ(by({{}, {}, {std::string(64, 'a')}, SharedClock::kStart}), refused);
  SourceSpec spec = named("relay", Kind::genesys);
  spec.certificates = {{{"CN=relay-1,O=Example"}, {}, {}, {}}};
  EXPECT_EQ(verdict_of(spec, nullptr), "none was sent");
  spec.header_keys = {{"key", {}}};
  spec.header = "x-api-key";
  EXPECT_EQ(verdict_of(spec, peer), "granted") << "either is enough";
  spec.require = Require::all;
  EXPECT_EQ(verdict_of(spec, peer), "none was sent") << "both are needed";
}

// ---- tokens of an issuer, whose key server is this test

class KeyServer {
 public:
  KeyServer() : loop_("keys") {
    loop_.start();
    server_ = std::make_unique<net::HttpServer>(std::vector<net::IoLoop*>{&loop_}, net::HttpServerOptions{},
                                                [this](net::IoLoop&, net::HttpRequest, net::Responder respond) {
                                                  const std::scoped_lock lock(mutex_);
                                                  ++asked_;
                                                  if (hanging_) return held_.push_back(std::move(respond));
                                                  respond(net::HttpResponse::json(status_, body_));
                                                });
    port_ = *server_->listen("127.0.0.1:0");
  }
  ~KeyServer() {
    {
      const std::scoped_lock lock(mutex_);
      held_.clear();
    }
    std::promise<void> stopped;
    server_->stop(base::Millis(0), [&] { stopped.set_value(); });
    stopped.get_future().wait();
    loop_.stop();
    loop_.join();
  }
  void serve(std::string body, int status = 200) {
    const std::scoped_lock lock(mutex_);
    body_ = std::move(body);
    status_ = status;
    hanging_ = false;
  }
  void hang() {
    const std::scoped_lock lock(mutex_);
    hanging_ = true;
  }
  int asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  SourceSpec source(std::string name, Kind kind) const {
    SourceSpec spec = named(std::move(name), kind);
    JwtSpec jwt;
    jwt.rules.issuer = "https://issuer.example/";
    jwt.rules.audiences = {"hub"};
    jwt.rules.algorithms = {SignatureAlgorithm::es256};
    jwt.jwks_url = "http://127.0.0.1:" + std::to_string(port_) + "/keys";
    jwt.addresses.allow_loopback = true;
    spec.jwt = {jwt};
    return spec;
  }

 private:
  net::IoLoop loop_;
  std::mutex mutex_;
  std::string body_ = "{}";
  int status_ = 200;
  bool hanging_ = false;
  int asked_ = 0;
  std::vector<net::Responder> held_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
};

const testing::SigningKey& key() {
  static const testing::SigningKey made = testing::SigningKey::p256();
  return made;
}
std::string token(std::string_view key_id = "a", std::string_view expires = "1999999999") {
  std::string header = R"({"alg":"ES256","kid":")";
  header.append(key_id).append("\"}");
  std::string claims = R"({"iss":"https://issuer.example/","aud":"hub","exp":)";
  return key().token("ES256", header, claims.append(expires).append("}"));
}
std::string key_set(std::string_view id) {
  return R"({"keys":[)" + key().jwk(id) + "]}";
}

TEST(IngestAuth, a_token_of_the_issuer_lets_in_though_its_keys_come_with_it) {
  KeyServer keys;
  keys.serve(key_set("a"));
  IngestFixture fixture({}, {}, {keys.source("bridge", Kind::eventbridge), keys.source("grid", Kind::eventgrid)});
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), bearer(token())).status, 200);
  EXPECT_EQ(fixture.post("grid", event_text("e-2"), bearer(token())).status, 200);
  const auto expired = fixture.post("bridge", event_text("e-1"), bearer(token("a", "1")));
  EXPECT_EQ(expired.status, 401);
  EXPECT_THAT(expired.head, HasSubstr("WWW-Authenticate: Bearer\r\n"));
  EXPECT_EQ(fixture.post("grid", event_text("e-1"), bearer(token("a", "1"))).status, 503);
}

TEST(IngestAuth, a_refused_token_is_logged_for_what_is_wrong_with_it) {
  net::IoLoop loop("unused");
  const std::vector<SourceSpec> none;
  const TokenIssuer tokens(none, "");
  SourceSpec spec = named("bridge", Kind::eventbridge);
  JwtSpec listed;
  listed.rules.audiences = {"hub"};
  listed.rules.algorithms = {SignatureAlgorithm::es256};
  listed.jwks_url = "https://keys.example/";
  for (const char* issuer : {"https://another.example/", "https://issuer.example/", "https://third.example/"}) {
    listed.rules.issuer = issuer;
    spec.jwt.push_back(listed);
  }
  const auto reason = [&](const SourceSpec& of, std::string_view expires) {
    const Authenticator authenticator(of, tokens, loop);
    net::HttpRequest request;
    request.headers.push_back({"Authorization", "Bearer " + token("a", expires)});
    JwtReader reader;
    return std::string(authenticator.check(request, SharedClock::kStart, reader, false).reason);
  };
  const std::string ended = reason(spec, "1");
  EXPECT_THAT(ended, HasSubstr("expired"));
  SourceSpec others = spec;
  others.jwt.erase(others.jwt.begin() + 1);
  EXPECT_EQ(reason(others, "1"), "another issuer");
  for (JwtSpec& each : others.jwt) each.until = SharedClock::kStart;
  EXPECT_EQ(reason(others, "1"), "none of its issuers is accepted any more");
}

TEST(IngestAuth, without_the_keys_of_the_issuer_every_kind_of_source_answers_503) {
  KeyServer keys;
  keys.serve("gone", 500);
  IngestFixture fixture({}, {},
                        {keys.source("bridge", Kind::eventbridge), keys.source("grid", Kind::eventgrid),
                         keys.source("relay", Kind::genesys)});
  for (const std::string source : {"bridge", "grid", "relay"}) {
    const auto answer = fixture.post(source, event_text("e-1"), bearer(token()));
    EXPECT_EQ(answer.status, 503) << source;
    EXPECT_THAT(answer.body, HasSubstr("keys_unavailable"));
    EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
  }
  EXPECT_EQ(fixture.ingest().totals().keys_missing, 3u);
  EXPECT_GE(fixture.ingest().totals().key_fetch_failures, 3u);
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), bearer(token("a", "1"))).status, 401)
      << "wrong whatever the keys";
}

TEST(IngestAuth, a_key_server_that_hangs_is_waited_for_no_longer_than_allowed) {
  KeyServer keys;
  keys.hang();
  IngestOptions options;
  options.keys_within = base::Millis(20);
  IngestFixture fixture(options, {}, {keys.source("bridge", Kind::eventbridge)});
  const auto answer = fixture.post("bridge", event_text("e-1"), bearer(token()));
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("keys_unavailable"));
}

TEST(IngestAuth, an_unknown_key_is_asked_for_at_a_bounded_rate_and_then_refused) {
  KeyServer keys;
  keys.serve(key_set("a"));
  IngestFixture fixture({}, {}, {keys.source("bridge", Kind::eventbridge)});
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), bearer(token())).status, 200);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(fixture.post("bridge", event_text("e-1"), bearer(token("b" + std::to_string(i)))).status, 401);
  EXPECT_LE(keys.asked(), 3);
}

TEST(IngestAuth, while_a_request_waits_for_keys_others_are_served) {
  KeyServer keys;
  keys.hang();
  SourceSpec open = named("open", Kind::genesys);
  IngestFixture fixture({}, {}, {keys.source("bridge", Kind::eventbridge), open});
  net::testing::RawClient waiting = fixture.connect();
  ASSERT_TRUE(waiting.send(IngestFixture::request("POST", "bridge", event_text("e-1"), bearer(token()))));
  EXPECT_EQ(fixture.post("open", event_text("e-2")).status, 200);
}

}  // namespace
}  // namespace trunkline::source
