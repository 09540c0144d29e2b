#include "net/aws_signature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace trunkline::net {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

struct Url {
  std::string host;  // as the Host header has it
  std::string_view path = "/";
  std::string_view query{};
};

Url split(std::string_view url) {
  Url parts;
  const std::size_t scheme = url.find("://");
  const std::string_view rest = url.substr(scheme == std::string_view::npos ? 0 : scheme + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  parts.host = rest.substr(0, end);
  // libcurl leaves a scheme's own port out of Host.
  for (const auto& [begin, port] : {std::pair("https:", ":443"), std::pair("http:", ":80")}) {
    if (url.starts_with(begin) && parts.host.ends_with(port))
      parts.host.resize(parts.host.size() - std::string_view(port).size());
  }
  std::string_view target = rest.substr(end);
  target = target.substr(0, target.find('#'));
  const std::size_t question = std::min(target.find('?'), target.size());
  if (question > 0) parts.path = target.substr(0, question);
  if (question < target.size()) parts.query = target.substr(question + 1);
  return parts;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view each = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (each.empty()) continue;
    const std::size_t equal = std::min(each.find('='), each.size());
    const auto encoded = [](std::string_view text) {
      const auto decoded = percent_decode(text, false);
      return base::percent_encode(decoded ? std::string_view(*decoded) : text);
    };
    parameters.emplace_back(encoded(each.substr(0, equal)),
                            encoded(equal < each.size() ? each.substr(equal + 1) : std::string_view()));
  }
  std::ranges::sort(parameters);
  std::string out;
  for (const auto& [name, value] : parameters) out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, value);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Without blanks at its ends, and one blank for several.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += c;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// "20150830T123600Z"
std::string amz_date(base::WallTime now) {
  std::string text;
  for (const char c : base::format_time(now).substr(0, 19)) {
    if (c != '-' && c != ':') text += c;
  }
  return text + 'Z';
}

}  // namespace

std::string aws_authorization(std::string_view method, std::string_view url, const Headers& signed_headers,
                              std::string_view payload_sha256_hex, const AwsCredentials& credentials,
                              const AwsScope& scope, base::WallTime now) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, value] : signed_headers) headers.emplace_back(lower(name), trimmed(value));
  // Values of one name stay in their order.
  std::ranges::stable_sort(headers, {}, &std::pair<std::string, std::string>::first);
  std::string lines;
  std::string names;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const bool repeats = i > 0 && headers[i].first == headers[i - 1].first;
    if (repeats) {
      lines.back() = ',';
      lines += headers[i].second;
    } else {
      names += fmt::format("{}{}", names.empty() ? "" : ";", headers[i].first);
      lines += fmt::format("{}:{}", headers[i].first, headers[i].second);
    }
    lines += '\n';
  }
  const Url parts = split(url);
  const std::string path = scope.service == "s3" ? std::string(parts.path) : base::percent_encode(parts.path, "/");
  const std::string request = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", method, path, canonical_query(parts.query), lines,
                                          names, payload_sha256_hex);
  const std::string time = amz_date(now);
  const std::string day = time.substr(0, 8);
  const std::string credential_scope = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, credential_scope, base::hex_encode(base::sha256(request)));
  std::string key = base::hmac_sha256("AWS4" + credentials.secret_access_key, day);
  for (const std::string_view part : {std::string_view(scope.region), std::string_view(scope.service),
                                      std::string_view("aws4_request"), std::string_view(to_sign)})
    key = base::hmac_sha256(key, part);
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, credentials.access_key_id,
                     credential_scope, names, base::hex_encode(key));
}

void sign_for_aws(ClientRequest& request, const AwsCredentials& credentials, const AwsScope& scope, base::WallTime now,
                  std::string_view body_sha256_hex) {
  const std::string payload =
      body_sha256_hex.empty() ? base::hex_encode(base::sha256(request.body)) : std::string(body_sha256_hex);
  Headers added = {{"X-Amz-Content-Sha256", payload}, {"X-Amz-Date", amz_date(now)}};
  if (!credentials.session_token.empty()) added.emplace_back("X-Amz-Security-Token", credentials.session_token);
  Headers to_sign = added;
  to_sign.emplace_back("Host", split(request.url).host);
  if (const auto type = find_header(request.headers, "Content-Type"))
    to_sign.emplace_back("Content-Type", std::string(*type));
  // A server may ask for all of these.
  for (const auto& [name, value] : request.headers) {
    if (lower(name).starts_with("x-amz-")) to_sign.emplace_back(name, value);
  }
  added.emplace_back("Authorization",
                     aws_authorization(request.method, request.url, to_sign, payload, credentials, scope, now));
  for (auto& each : added) request.headers.push_back(std::move(each));
}

namespace {

struct Claim {
  std::string access_key_id;
  std::string day;
  AwsScope scope;
  std::string signed_headers;
  std::string signature;
};

std::string_view part_of(std::string_view fields, std::string_view name) {
  while (!fields.empty()) {
    const std::size_t end = std::min(fields.find(','), fields.size());
    std::string_view field = fields.substr(0, end);
    fields.remove_prefix(std::min(end + 1, fields.size()));
    while (field.starts_with(' ')) field.remove_prefix(1);
    while (field.ends_with(' ')) field.remove_suffix(1);
    if (field.starts_with(name) && field.substr(name.size()).starts_with('=')) return field.substr(name.size() + 1);
  }
  return {};
}

// Nothing, and what AWS says of it, when it is not what it must be.
std::optional<Claim> read_claim(std::string_view authorization, std::string& fault) {
  const std::string_view fields = authorization.substr(kAlgorithm.size());
  const std::string_view credential = part_of(fields, "Credential");
  Claim claim;
  claim.signed_headers = part_of(fields, "SignedHeaders");
  claim.signature = part_of(fields, "Signature");
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string_view>("Credential", credential),
        std::pair<std::string_view, std::string_view>("Signature", claim.signature),
        std::pair<std::string_view, std::string_view>("SignedHeaders", claim.signed_headers)}) {
    if (value.empty()) fault += fmt::format("Authorization header requires '{}' parameter. ", name);
  }
  if (!fault.empty()) return std::nullopt;
  // The key's id may hold slashes of its own; the scope is the last four parts.
  std::array<std::string_view, 4> parts;
  std::string_view rest = credential;
  for (std::size_t i = parts.size(); i-- > 0;) {
    const std::size_t slash = rest.rfind('/');
    if (slash == std::string_view::npos) {
      fault = fmt::format(
          "Credential must have at least 5 slash-delimited elements (e.g., "
          "keyid/date/region/service/term), got '{}'",
          credential);
      return std::nullopt;
    }
    parts[i] = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
  }
  if (parts[3] != "aws4_request") {
    fault = fmt::format("Credential should be scoped with a valid terminator: 'aws4_request', not '{}'.", parts[3]);
    return std::nullopt;
  }
  claim.access_key_id = rest;
  claim.day = parts[0];
  claim.scope = {std::string(parts[1]), std::string(parts[2])};
  return claim;
}

// "20150830T123600Z"
std::optional<base::WallTime> parse_amz_date(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  return base::parse_time(fmt::format("{}-{}-{}:{}:{}", text.substr(0, 4), text.substr(4, 2), text.substr(6, 5),
                                      text.substr(11, 2), text.substr(13)));
}

// Empty when the time is good.
std::string time_fault(std::string_view signed_at, base::WallTime at, base::WallTime now) {
  const auto text = [](base::WallTime time) { return amz_date(time); };
  if (at + kAwsClockSkew < now)
    return fmt::format("Signature expired: {} is now earlier than {} ({} - 5 min.)", signed_at,
                       text(now - kAwsClockSkew), text(now));
  if (at > now + kAwsClockSkew)
    return fmt::format("Signature not yet current: {} is still later than {} ({} + 5 min.)", signed_at,
                       text(now + kAwsClockSkew), text(now));
  return {};
}

bool is_signed(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(';'), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

// The first header that must be signed and is not; empty when there is none.
std::string unsigned_header(const HttpRequest& request, const Claim& claim) {
  if (!is_signed(claim.signed_headers, "host")) return "Host";
  for (const auto& [name, value] : request.headers) {
    const std::string small = lower(name);
    if (small.starts_with("x-amz-") && small != "x-amz-user-agent" && !is_signed(claim.signed_headers, small))
      return small;
  }
  return {};
}

std::string expected_authorization(const HttpRequest& request, const Claim& claim, const std::string& secret,
                                   base::WallTime signed_at) {
  Headers headers;
  for (const auto& [name, value] : request.headers) {
    if (is_signed(claim.signed_headers, lower(name))) headers.emplace_back(name, value);
  }
  std::string url = "http://host" + base::percent_encode(request.path, "/");
  if (!request.query.empty()) url += "?" + request.query;
  return aws_authorization(request.method, url, headers, base::hex_encode(base::sha256(request.body)),
                           {claim.access_key_id, secret}, claim.scope, signed_at);
}

}  // namespace

AwsSignatureCheck verify_aws_signature(const HttpRequest& request, const AwsSecretOf& secret_of, base::WallTime now) {
  using Fault = AwsSignatureFault;
  const auto authorization = request.header("Authorization");
  if (!authorization) return {Fault::absent, "Request is missing Authentication Token"};
  if (!authorization->starts_with(kAlgorithm) || !authorization->substr(kAlgorithm.size()).starts_with(' '))
    return {Fault::incomplete, "Unsupported AWS 'algorithm', only AWS4-HMAC-SHA256 is known here."};
  AwsSignatureCheck check;
  const auto claim = read_claim(*authorization, check.detail);
  if (!claim) return {Fault::incomplete, check.detail};
  const auto date = request.header("X-Amz-Date");
  const auto signed_at = date ? parse_amz_date(*date) : std::nullopt;
  if (!signed_at) return {Fault::incomplete, "Authorization header requires existence of a valid 'X-Amz-Date' header."};
  check.access_key_id = claim->access_key_id;
  check.scope = claim->scope;
  const auto secret = secret_of(claim->access_key_id);
  if (!secret) {
    check.fault = Fault::unknown_key;
    check.detail = "The security token included in the request is invalid.";
    return check;
  }
  if (!date->starts_with(claim->day) || claim->day.size() != 8) {
    check.detail = fmt::format(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: '{}' != '{}', from '{}'.",
        claim->day, date->substr(0, 8), *date);
  } else if (const std::string name = unsigned_header(request, *claim); !name.empty()) {
    check.detail = fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", name);
  } else {
    check.detail = time_fault(*date, *signed_at, now);
  }
  if (check.detail.empty()) {
    const std::string expected = expected_authorization(request, *claim, *secret, *signed_at);
    if (!base::equal_constant_time(part_of(expected, "Signature"), claim->signature))
      check.detail =
          "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
          "Access Key and signing method. Consult the service documentation for details.";
  }
  if (!check.detail.empty()) check.fault = Fault::wrong;
  return check;
}

}  // namespace trunkline::net
