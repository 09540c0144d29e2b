#include "source/authenticator.hpp"

#include <algorithm>
#include <optional>

#include "base/crypto.hpp"
#include "net/authorization.hpp"
#include "net/browser.hpp"

namespace trunkline::source {
namespace {

using Check = Authenticator::Check;
using Verdict = Authenticator::Verdict;

// What a browser adds by itself says nothing of who made it send the request.
constexpr std::string_view kKeptByBrowser = "a credential that a browser keeps, used by a page of another site";

bool accepts(const std::vector<Key>& keys, std::string_view given, base::WallTime now) {
  bool found = false;
  // Every key is compared, so that the time taken says nothing about which one was near.
  for (const Key& key : keys) {
    const bool equal = base::equal_constant_time(key.key, given);
    found = found || (equal && (!key.until || now < *key.until));
  }
  return found;
}

Check granted() {
  return {Verdict::granted, {}, nullptr};
}
Check refused(std::string_view reason) {
  return {Verdict::refused, reason, nullptr};
}

}  // namespace

Authenticator::Authenticator(const SourceSpec& spec, const TokenIssuer& tokens, net::IoLoop& loop)
    : spec_(spec), tokens_(tokens) {
  for (const JwtSpec& each : spec.jwt) {
    KeySourceOptions options;
    options.name = spec.name;
    options.issuer = each.rules.issuer;
    options.jwks_url = each.jwks_url;
    issuers_.push_back(
        {&each, std::make_unique<KeySource>(loop, http_fetch(loop, each.addresses), std::move(options))});
  }
}

void Authenticator::start() {
  for (const Issuer& issuer : issuers_) issuer.keys->start();
}

void Authenticator::retire() {
  for (const Issuer& issuer : issuers_) issuer.keys->retire();
}

Check Authenticator::check(const net::HttpRequest& request, base::WallTime now, JwtReader& reader, bool again) const {
  std::vector<Check> checks;
  if (!spec_.header_keys.empty() || !spec_.query_keys.empty()) checks.push_back(keys_in(request, now));
  if (!spec_.basic.empty()) checks.push_back(basic(request, now));
  if (!spec_.signatures.empty()) checks.push_back(signature(request, now));
  if (!spec_.certificates.empty()) checks.push_back(certificate(request, now));
  if (!spec_.oauth.empty()) checks.push_back(access_token(request, now));
  const auto wanted = [&](const Check& check) {
    return spec_.require == Require::any ? check.verdict == Verdict::granted : check.verdict == Verdict::refused;
  };
  for (const Check& check : checks) {
    if (wanted(check)) return check;
  }
  // Last, since it costs most and may have to wait.
  if (!issuers_.empty()) checks.push_back(jwt(request, now, reader, again));
  if (checks.empty()) {
    return net::may_be_of_foreign_page(request) ? refused("a browser sent it for a page of another site") : granted();
  }
  if (wanted(checks.back()) || checks.back().verdict == Verdict::keys_missing) return checks.back();
  if (spec_.require == Require::all) return granted();
  // The reason that tells most: of a credential that was sent.
  for (const Check& check : checks) {
    if (check.reason != "none was sent") return check;
  }
  return checks.front();
}

Check Authenticator::keys_in(const net::HttpRequest& request, base::WallTime now) const {
  std::string_view reason = "none was sent";
  if (!spec_.header_keys.empty()) {
    if (const auto given = request.header(spec_.header)) {
      if (accepts(spec_.header_keys, *given, now)) return granted();
      reason = "a key that is wrong or past its end date";
    }
  }
  if (!spec_.query_keys.empty()) {
    if (const auto given = request.query_parameter(spec_.query)) {
      if (accepts(spec_.query_keys, *given, now)) return granted();
      reason = "a key that is wrong or past its end date";
    }
  }
  return refused(reason);
}

Check Authenticator::basic(const net::HttpRequest& request, base::WallTime now) const {
  const auto header = net::authorization(request, "Basic");
  if (!header) return refused("none was sent");
  const auto given = net::basic_credentials(*header);
  if (!given) return refused("Basic credentials that are none");
  bool valid = false;
  for (const BasicUser& user : spec_.basic) {
    const bool known = base::equal_constant_time(user.user, given->first);
    const bool right = accepts(user.passwords, given->second, now);
    valid |= known && right;
  }
  if (!valid) return refused("a user or password that is wrong or past its end date");
  return net::is_of_foreign_page(request) ? refused(kKeptByBrowser) : granted();
}

Check Authenticator::signature(const net::HttpRequest& request, base::WallTime now) const {
  bool sent = false;
  for (const SignatureSpec& each : spec_.signatures) {
    if (is_signed(each, request, now)) return granted();
    sent |= request.header(each.header).has_value();
  }
  return refused(sent ? "a signature that is wrong, too old or by a secret past its end date" : "none was sent");
}

Check Authenticator::certificate(const net::HttpRequest& request, base::WallTime now) const {
  if (!request.peer_certificate) return refused("none was sent");
  if (net::is_of_foreign_page(request)) return refused(kKeptByBrowser);
  const net::PeerCertificate& peer = *request.peer_certificate;
  const auto holds = [](const std::vector<std::string>& list, const std::string& text) {
    return std::ranges::find(list, text) != list.end();
  };
  for (const CertificateSpec& spec : spec_.certificates) {
    if (spec.until && now >= *spec.until) continue;
    if (holds(spec.subjects, peer.subject) || holds(spec.fingerprints, peer.sha256)) return granted();
    for (const std::string& name : spec.names) {
      const auto is_name = [&](const std::string& given) { return net::equal_ignoring_case(given, name); };
      if (holds(peer.uris, name) || std::ranges::any_of(peer.dns_names, is_name)) return granted();
    }
  }
  return refused("a client certificate that is not listed, or past its end date");
}

Check Authenticator::access_token(const net::HttpRequest& request, base::WallTime now) const {
  const auto token = net::authorization(request, "Bearer");
  if (!token || !TokenIssuer::is_token(*token)) return refused("none was sent");
  return tokens_.accepts(spec_, *token, now) ? granted() : refused("an access token that is wrong or has ended");
}

Check Authenticator::jwt(const net::HttpRequest& request, base::WallTime now, JwtReader& reader, bool again) const {
  const auto token = net::authorization(request, "Bearer");
  if (!token || (!spec_.oauth.empty() && TokenIssuer::is_token(*token))) return refused("none was sent");
  Check result = refused({});
  std::optional<Check> missing;
  for (const Issuer& issuer : issuers_) {
    if (issuer.spec->until && now >= *issuer.spec->until) continue;
    const KeySource::State state = issuer.keys->state();
    const JwtCheck check = reader.check(*token, issuer.spec->rules, state.keys.get(), now);
    if (check.verdict == JwtVerdict::valid) return granted();
    // The issuer that the token names knows best why.
    if (result.reason.empty() || check.reason != "another issuer") result = refused(check.reason);
    if (check.verdict != JwtVerdict::key_unknown || missing) continue;
    if (!again) {
      missing = Check{Verdict::keys_missing, check.reason, issuer.keys.get()};
    } else if (!state.keys || !state.reachable) {
      missing = Check{Verdict::keys_missing, "the issuer's keys cannot be fetched", nullptr};
    }
  }
  if (missing) return *missing;
  return result.reason.empty() ? refused("none of its issuers is accepted any more") : result;
}

std::string Authenticator::challenge() const {
  std::string text;
  const auto add = [&](bool configured, std::string_view scheme) {
    if (configured) text.append(text.empty() ? "" : ", ").append(scheme);
  };
  add(!spec_.header_keys.empty() || !spec_.query_keys.empty(), "ApiKey");
  add(!spec_.basic.empty(), "Basic realm=\"trunkline\", charset=\"UTF-8\"");
  add(!spec_.jwt.empty() || !spec_.oauth.empty(), "Bearer");
  add(!spec_.signatures.empty() && text.empty(), "Signature");
  add(text.empty(), "Certificate");
  return text;
}

KeySource::Statistics Authenticator::key_statistics() const {
  KeySource::Statistics sum;
  for (const Issuer& issuer : issuers_) {
    const KeySource::Statistics each = issuer.keys->statistics();
    sum.fetches += each.fetches;
    sum.failures += each.failures;
  }
  return sum;
}

KeySource::Fetch http_fetch(net::IoLoop& loop, net::AddressPolicy addresses) {
  net::HttpClientOptions options;
  options.addresses = std::move(addresses);
  options.connections_per_host_max = 1;
  options.idle_connections_max = 1;
  options.requests_max = 4;
  // Made by the first fetch, since clients are made on their loop.
  std::unique_ptr<net::HttpClient> client;
  return [&loop, options, client = std::move(client)](const std::string& url, KeySource::FetchCallback done) mutable {
    if (!client) client = std::make_unique<net::HttpClient>(loop, options);
    net::ClientRequest request;
    request.method = "GET";
    request.url = url;
    request.headers = {{"Accept", "application/json"}};
    request.connect_timeout = std::chrono::milliseconds(2'000);
    request.timeout = std::chrono::milliseconds(2'500);
    request.response_bytes_max = Jwks::kBytesMax + 1;  // one more shows that it is too large
    client->send(std::move(request), [done = std::move(done)](base::Result<net::ClientResponse> answer) mutable {
      if (!answer.ok()) return done(answer.error());
      if (answer->status != 200)
        return done({base::Errc::unavailable, "the key server answered " + std::to_string(answer->status)});
      const auto control = net::find_header(answer->headers, "cache-control");
      done(KeySource::Fetched{std::move(answer->body), control ? max_age(*control) : std::nullopt});
    });
  };
}

}  // namespace trunkline::source
