#include "source/token_issuer.hpp"

#include <charconv>

#include "base/crypto.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"
#include "net/authorization.hpp"

namespace trunkline::source {
namespace {

constexpr std::string_view kPrefix = "tlat1.";   // Trunkline access token, format 1
constexpr std::size_t kFormBytesMax = 16 << 10;  // ids and secrets; a configuration's credential has 64 KiB
constexpr std::size_t kFingerprintBytes = 16;

net::HttpResponse answer_json(int status, std::string body) {
  net::HttpResponse response = net::HttpResponse::json(status, std::move(body));
  response.headers.emplace_back("Cache-Control", "no-store");  // RFC 6749 section 5.1
  return response;
}

net::HttpResponse refusal(int status, std::string_view code, std::string_view description) {
  std::string body;
  json::Writer(body).begin_object().member("error", code).member("error_description", description).end_object();
  net::HttpResponse response = answer_json(status, std::move(body));
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"trunkline\"");
  return response;
}

// A value of application/x-www-form-urlencoded text. Nothing when it is not there or no valid encoding.
std::optional<std::string> form_value(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || pair.substr(0, equals) != name) continue;
    return net::percent_decode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

}  // namespace

struct TokenIssuer::Form {
  std::string grant_type;
  std::string id;
  std::string secret;
};

TokenIssuer::TokenIssuer(const std::vector<SourceSpec>& sources, std::string signing_key)
    : sources_(sources), key_(std::move(signing_key)) {}

// Nothing when the request is none that section 2.3 knows.
std::optional<TokenIssuer::Form> TokenIssuer::read_form(const net::HttpRequest& request) {
  if (request.body.size() > kFormBytesMax || !request.body_error.empty()) return std::nullopt;
  Form form;
  json::Document document;
  const bool is_json = request.body.starts_with('{');
  std::optional<json::Value> object;
  if (is_json) {
    const auto parsed = document.parse(request.body, 4);
    if (!parsed.ok()) return std::nullopt;
    object = *parsed;
  }
  const auto value = [&](std::string_view name) {
    return object ? std::string(object->string_at(name)) : form_value(request.body, name).value_or("");
  };
  form.grant_type = value("grant_type");
  if (form.grant_type.empty()) form.grant_type = form_value(request.query, "grant_type").value_or("");
  form.id = value("client_id");
  form.secret = value("client_secret");
  const auto header = net::authorization(request, "Basic");
  if (!header) return form;
  const auto credentials = net::basic_credentials(*header);
  if (!credentials) return std::nullopt;
  // Section 2.3.1 has both form-encoded; a text that is none is taken as it is.
  std::string id = net::percent_decode(credentials->first, true).value_or(credentials->first);
  if (!form.id.empty() && form.id != id) return std::nullopt;
  form.id = std::move(id);
  form.secret = credentials->second;
  return form;
}

std::optional<TokenIssuer::Grant> TokenIssuer::grant(const Form& form, base::WallTime now) const {
  // As it is, and with the form encoding undone: clients differ.
  const std::string decoded = net::percent_decode(form.secret, true).value_or(form.secret);
  std::optional<Grant> found;
  for (const SourceSpec& source : sources_) {
    for (const OauthClient& client : source.oauth) {
      for (const Key& secret : client.secrets) {
        const bool known = base::equal_constant_time(client.id, form.id);
        const bool plain = base::equal_constant_time(secret.key, form.secret);
        const bool encoded = base::equal_constant_time(secret.key, decoded);
        const bool valid = known && (plain || encoded) && (!secret.until || now < *secret.until);
        if (valid && !found) found = Grant{&client, &secret};
      }
    }
  }
  return found;
}

std::string TokenIssuer::fingerprint(const OauthClient& client, const Key& secret) const {
  return base::hmac_sha256(key_, "secret\n" + client.id + "\n" + secret.key).substr(0, kFingerprintBytes);
}

std::string TokenIssuer::issue(const Grant& grant, std::int64_t ends_at) const {
  std::string payload = fingerprint(*grant.client, *grant.secret);
  payload += std::to_string(ends_at);
  payload += '\n';
  payload += grant.client->id;
  std::string token(kPrefix);
  token += base::base64url_encode(payload);
  return token + "." + base::base64url_encode(base::hmac_sha256(key_, token));
}

net::HttpResponse TokenIssuer::answer(const net::HttpRequest& request, base::WallTime now) const {
  if (request.method != "POST" && request.method != "PUT") {
    net::HttpResponse response = refusal(405, "invalid_request", "tokens are asked for by POST");
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  const auto form = read_form(request);
  if (!form)
    return refusal(400, "invalid_request", "no form with client_id and client_secret, and no Basic credentials");
  if (form->grant_type.empty()) return refusal(400, "invalid_request", "grant_type=client_credentials is missing");
  if (form->grant_type != "client_credentials")
    return refusal(400, "unsupported_grant_type", "only client_credentials is supported");
  const auto granted = key_.empty() ? std::nullopt : grant(*form, now);
  if (!granted) return refusal(401, "invalid_client", "the client is not known, or its secret is wrong or has ended");
  base::WallTime end = now + granted->client->token_lifetime;
  if (granted->secret->until) end = std::min(end, *granted->secret->until);
  const std::int64_t ends_at = end.time_since_epoch().count() / 1000;
  std::string body;
  json::Writer(body)
      .begin_object()
      .member("access_token", issue(*granted, ends_at))
      .member("token_type", "Bearer")
      .member("expires_in", std::max<std::int64_t>(0, ends_at - now.time_since_epoch().count() / 1000))
      .end_object();
  return answer_json(200, std::move(body));
}

bool TokenIssuer::is_token(std::string_view text) {
  return text.starts_with(kPrefix);
}

bool TokenIssuer::accepts(const SourceSpec& source, std::string_view token, base::WallTime now) const {
  const std::size_t dot = token.rfind('.');
  if (key_.empty() || !is_token(token) || dot < kPrefix.size() || token.size() > kFormBytesMax) return false;
  const auto seal = base::base64url_decode(token.substr(dot + 1));
  if (!seal || !base::equal_constant_time(base::hmac_sha256(key_, token.substr(0, dot)), *seal)) return false;
  const auto payload = base::base64url_decode(token.substr(kPrefix.size(), dot - kPrefix.size()));
  if (!payload || payload->size() < kFingerprintBytes) return false;
  const std::string_view mark = std::string_view(*payload).substr(0, kFingerprintBytes);
  const std::string_view rest = std::string_view(*payload).substr(kFingerprintBytes);
  std::int64_t ends_at = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), ends_at);
  if (error != std::errc() || end == rest.data() + rest.size() || *end != '\n') return false;
  if (now.time_since_epoch().count() / 1000 >= ends_at) return false;
  const std::string_view id = rest.substr(static_cast<std::size_t>(end + 1 - rest.data()));
  bool valid = false;
  for (const OauthClient& client : source.oauth) {
    if (client.id != id) continue;
    for (const Key& secret : client.secrets) {
      const bool equal = base::equal_constant_time(fingerprint(client, secret), mark);
      valid |= equal && (!secret.until || now < *secret.until);
    }
  }
  return valid;
}

}  // namespace trunkline::source
