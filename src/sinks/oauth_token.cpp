#include "sinks/oauth_token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_endpoint.hpp"
#include "sinks/retry_after.hpp"
#include "sinks/rs256.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Error;
using base::Millis;
using base::Result;

constexpr std::size_t kParametersMax = 16;
constexpr std::size_t kTokenBytesMax = 16 << 10;              // Entra's stay below 4 KiB; a header line must hold it
constexpr Millis kAssertionLife = std::chrono::seconds(120);  // Salesforce refuses more than 3 minutes
constexpr Millis kMarginMax = std::chrono::minutes(1);
constexpr Millis kLifeMax = std::chrono::hours(24);
constexpr Millis kFailureKept = std::chrono::seconds(1);
constexpr Millis kRefusalKept = std::chrono::seconds(10);
constexpr std::size_t kSaidBytesMax = 300;

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

Result<std::string> assertion(const OauthOptions& options, base::WallTime now) {
  const auto seconds = [](base::WallTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  };
  std::string claims;
  json::Writer(claims)
      .begin_object()
      .member("iss", options.client_id)
      .member("sub", options.subject)
      .member("aud", options.audience.empty() ? options.token_url : options.audience)
      .member("iat", std::int64_t{seconds(now)})
      .member("exp", std::int64_t{seconds(now + kAssertionLife)})
      .member("jti", base::hex_encode(base::random_bytes(16)))
      .end_object();
  const std::string message =
      base::base64url_encode(R"({"alg":"RS256","typ":"JWT"})") + "." + base::base64url_encode(claims);
  TRUNKLINE_TRY(const std::string signature, rs256_sign(options.private_key, message));
  return message + "." + base::base64url_encode(signature);
}

// What the endpoint says of a refusal, by its own words of RFC 6749 section 5.2.
Error refusal(const net::ClientResponse& response) {
  json::Document document;
  const auto parsed = document.parse(response.body, 32);
  const std::string_view word = parsed.ok() ? parsed->string_at("error") : std::string_view();
  const std::string_view said = parsed.ok() ? parsed->string_at("error_description") : std::string_view();
  constexpr std::array<std::string_view, 7> kOurs = {"invalid_client", "unauthorized_client", "invalid_grant",
                                                     "invalid_scope",  "invalid_request",     "unsupported_grant_type",
                                                     "access_denied"};
  const bool ours = std::ranges::find(kOurs, word) != kOurs.end();
  const bool refused = response.status == 401 || response.status == 403 || (response.status == 400 && ours);
  std::string detail = fmt::format("the token endpoint answers {}", response.status);
  if (!word.empty()) detail += fmt::format(": {}", word.substr(0, kSaidBytesMax));
  if (!said.empty()) detail += fmt::format(": {}", said.substr(0, kSaidBytesMax));
  if (refused) detail += "; correct the client's id, secret or rights";
  return {refused ? Errc::unauthenticated : Errc::unavailable, std::move(detail)};
}

std::optional<Millis> lifetime_of(const json::Value& answer) {
  const auto member = answer.find("expires_in");
  if (!member) return std::nullopt;
  std::optional<double> seconds = member->number();
  if (member->is(json::Type::string)) {  // as Entra's first version writes it
    const std::string_view text = member->string();
    const bool digits =
        !text.empty() && text.size() <= 9 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (digits) seconds = std::stod(std::string(text));
  }
  if (!seconds || !std::isfinite(*seconds) || *seconds < 0) return std::nullopt;
  const double most = static_cast<double>(kLifeMax.count());
  return Millis(static_cast<std::int64_t>(std::min(*seconds * 1000, most)));
}

}  // namespace

Result<void> validate(const OauthOptions& o) {
  if (auto url = validate_url(o.token_url); !url.ok()) return url.error().with("token_url");
  if (o.client_id.empty()) return {Errc::invalid, "oauth needs a client_id"};
  if (o.parameters.size() > kParametersMax)
    return {Errc::invalid, fmt::format("oauth: at most {} parameters", kParametersMax)};
  if (o.grant == OauthOptions::Grant::jwt_bearer) {
    if (o.subject.empty()) return {Errc::invalid, "oauth by JWT needs a subject, the user that is acted for"};
    if (auto key = rs256_sign(o.private_key, ""); !key.ok()) return key.error().with("oauth.private_key");
  } else if (o.client_secret.empty()) {
    return {Errc::invalid, "oauth needs a client_secret"};
  }
  return validate_timeouts(o.connect_timeout, o.timeout);
}

Result<net::ClientRequest> token_request(const OauthOptions& options, base::WallTime now) {
  net::ClientRequest request;
  request.url = options.token_url;
  request.connect_timeout = options.connect_timeout;
  request.timeout = options.timeout;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  std::vector<std::pair<std::string, std::string>> form;
  if (options.grant == OauthOptions::Grant::jwt_bearer) {
    TRUNKLINE_TRY(std::string signed_claims, assertion(options, now));
    form = {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", std::move(signed_claims)}};
  } else {
    form.emplace_back("grant_type", "client_credentials");
    if (options.client_auth == OauthOptions::ClientAuth::post) {
      form.emplace_back("client_id", options.client_id);
      form.emplace_back("client_secret", options.client_secret);
    } else {
      // RFC 6749 section 2.3.1: both are form-encoded first.
      const std::string user =
          base::percent_encode(options.client_id) + ":" + base::percent_encode(options.client_secret);
      request.headers.emplace_back("Authorization", "Basic " + base::base64_encode(user));
    }
  }
  if (!options.scope.empty()) form.emplace_back("scope", options.scope);
  form.insert(form.end(), options.parameters.begin(), options.parameters.end());
  for (const auto& [name, value] : form) {
    if (!request.body.empty()) request.body += '&';
    request.body += base::percent_encode(name) + "=" + base::percent_encode(value);
  }
  return request;
}

Result<AccessToken> parse_token_answer(const net::ClientResponse& response) {
  if (response.status != 200) return refusal(response);
  json::Document document;
  const auto parsed = document.parse(response.body, 32);
  const auto broken = [](std::string_view why) {
    return Error{Errc::unavailable, fmt::format("the token endpoint's answer {}", why)};
  };
  if (!parsed.ok() || !parsed->is(json::Type::object)) return broken("is no JSON object");
  const std::string_view token = parsed->string_at("access_token");
  if (token.empty()) return broken("has no access_token");
  if (token.size() > kTokenBytesMax || !is_visible(token)) return broken("has an access_token that no header can hold");
  const std::string_view type = parsed->string_at("token_type");
  if (!type.empty() && !net::equal_ignoring_case(type, "Bearer")) return broken("has a token_type that is not Bearer");
  return AccessToken{std::string(token), lifetime_of(*parsed)};
}

Result<std::shared_ptr<OauthToken>> OauthToken::make(OauthOptions options, std::unique_ptr<HttpSender> sender,
                                                     base::Loop& loop) {
  TRUNKLINE_TRY_VOID(validate(options));
  std::shared_ptr<OauthToken> made(new OauthToken(std::move(options), std::move(sender), loop));
  made->self_ = made;
  return made;
}

OauthToken::OauthToken(OauthOptions options, std::unique_ptr<HttpSender> sender, base::Loop& loop)
    : options_(std::move(options)), loop_(loop), sender_(std::move(sender)) {}

void OauthToken::get(Callback done) {
  const base::MonoTime now = loop_.clock().mono();
  if (!token_.empty() && now < renew_at_) return done(token_);
  if (failure_ && now < failure_until_) return fail_later(std::move(done), *failure_);
  if (waiting_.size() >= kWaitersMax)
    return fail_later(std::move(done), {Errc::overloaded, "too many wait for an access token"});
  waiting_.push_back(std::move(done));
  if (asking_) return;
  asking_ = true;
  auto request = token_request(options_, loop_.clock().wall());
  if (!request.ok()) {
    loop_.post([weak = self_, error = request.error()] {
      if (const auto self = weak.lock()) self->finish(error);
    });
    return;
  }
  sender_->send(std::move(*request), [weak = self_](base::Result<net::ClientResponse> answer) {
    if (const auto self = weak.lock()) self->answered(answer);
  });
}

void OauthToken::fail_later(Callback done, Error error) {
  loop_.post([done = std::move(done), error = std::move(error)]() mutable { done(std::move(error)); });
}

void OauthToken::answered(const Result<net::ClientResponse>& answer) {
  if (!answer.ok()) {
    return finish(
        Error{Errc::unavailable, fmt::format("the token endpoint cannot be reached: {}", answer.error().detail)});
  }
  auto token = parse_token_answer(*answer);
  if (!token.ok()) {
    finish(token.error());
    if (const auto after = net::find_header(answer->headers, "Retry-After")) {
      const auto wait = parse_retry_after(*after, loop_.clock().wall());
      if (wait && failure_)
        failure_until_ = std::max(failure_until_, loop_.clock().mono() + std::min(*wait, kMarginMax));
    }
    return;
  }
  const Millis life = token->expires_in.value_or(options_.lifetime);
  renew_at_ = loop_.clock().mono() + life - std::min(life / 5, kMarginMax);
  token_ = std::move(token->value);
  finish(token_);
}

void OauthToken::finish(const Result<std::string>& result) {
  asking_ = false;
  failure_.reset();
  if (!result.ok()) {
    const std::vector<std::string> secrets = {options_.client_secret.empty() ? "\n" : options_.client_secret};
    failure_ = Error{result.error().code, "oauth: " + detail_text(result.error().detail, secrets)};
    const bool refused = result.error().code != Errc::unavailable;
    failure_until_ = loop_.clock().mono() + (refused ? kRefusalKept : kFailureKept);
  }
  // Whoever is called may ask again, or be the last that holds this.
  const auto self = self_.lock();
  std::vector<Callback> waiting = std::exchange(waiting_, {});
  const Result<std::string> said = failure_ ? Result<std::string>(*failure_) : result;
  for (Callback& done : waiting) done(said);
}

void OauthToken::refused(std::string_view token) {
  if (token == token_) token_.clear();
}

struct OauthSender::State {
  std::shared_ptr<OauthToken> token;
  std::unique_ptr<HttpSender> inner;
};

namespace {

void hide(std::string& text, const std::string& token) {
  const std::vector<std::string> secrets = {token};
  if (text.find(token) != std::string::npos) text = detail_text(text, secrets, text.size() + 3);
}

net::ClientResponse without(net::ClientResponse response, const std::string& token) {
  if (response.status >= 200 && response.status < 300) return response;
  hide(response.body, token);
  for (auto& [name, value] : response.headers) hide(value, token);
  return response;
}

}  // namespace

OauthSender::OauthSender(std::shared_ptr<OauthToken> token, std::unique_ptr<HttpSender> inner)
    : state_(std::make_shared<State>(State{std::move(token), std::move(inner)})) {}

void OauthSender::send(net::ClientRequest request, net::ClientCallback done) {
  const auto authorized = [](net::ClientRequest plain, const std::string& token) {
    plain.headers.emplace_back("Authorization", "Bearer " + token);
    return plain;
  };
  state_->token->get([weak = std::weak_ptr(state_), authorized, request = std::move(request),
                      done = std::move(done)](Result<std::string> token) mutable {
    const auto state = weak.lock();
    if (!state) return;
    if (!token.ok()) return done(token.error());
    net::ClientRequest first = authorized(request, *token);
    state->inner->send(std::move(first), [weak, authorized, token = *token, request = std::move(request),
                                          done = std::move(done)](Result<net::ClientResponse> answer) mutable {
      const auto again = weak.lock();
      if (!answer.ok()) return done(std::move(answer));
      if (answer->status != 401 || !again) return done(without(std::move(*answer), token));
      again->token->refused(token);
      again->token->get(
          [weak, authorized, request = std::move(request), done = std::move(done)](Result<std::string> fresh) mutable {
            const auto last = weak.lock();
            if (!last) return;
            if (!fresh.ok()) return done(fresh.error());
            last->inner->send(authorized(std::move(request), *fresh),
                              [fresh = *fresh, done = std::move(done)](Result<net::ClientResponse> second) mutable {
                                if (!second.ok()) return done(std::move(second));
                                done(without(std::move(*second), fresh));
                              });
          });
    });
  });
}

}  // namespace trunkline::sinks
