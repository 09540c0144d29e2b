#include "net/aws_signature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace trunkline::net {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string uri_encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
    if (unreserved) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

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
      return uri_encode(decoded ? std::string_view(*decoded) : text, false);
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
  const std::string request = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", method, uri_encode(parts.path, true),
                                          canonical_query(parts.query), lines, names, payload_sha256_hex);
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

void sign_for_aws(ClientRequest& request, const AwsCredentials& credentials, const AwsScope& scope,
                  base::WallTime now) {
  const std::string payload = base::hex_encode(base::sha256(request.body));
  Headers added = {{"X-Amz-Content-Sha256", payload}, {"X-Amz-Date", amz_date(now)}};
  if (!credentials.session_token.empty()) added.emplace_back("X-Amz-Security-Token", credentials.session_token);
  Headers to_sign = added;
  to_sign.emplace_back("Host", split(request.url).host);
  if (const auto type = find_header(request.headers, "Content-Type"))
    to_sign.emplace_back("Content-Type", std::string(*type));
  added.emplace_back("Authorization",
                     aws_authorization(request.method, request.url, to_sign, payload, credentials, scope, now));
  for (auto& each : added) request.headers.push_back(std::move(each));
}

}  // namespace trunkline::net
