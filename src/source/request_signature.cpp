#include "source/request_signature.hpp"

#include <charconv>

#include "base/crypto.hpp"

namespace trunkline::source {
namespace {

constexpr std::size_t kSignaturesMax = 16;  // a sender that changes its key sends two

std::vector<std::string> signatures_of(const SignatureSpec& spec, std::string_view field) {
  std::vector<std::string> found;
  // A prefix may hold a comma itself ("v1,"), so words are cut at spaces first.
  const std::string_view separators = spec.prefix.find(',') == std::string::npos ? " ," : " ";
  while (!field.empty() && found.size() < kSignaturesMax) {
    const std::size_t end = field.find_first_of(separators);
    std::string_view word = field.substr(0, end);
    field.remove_prefix(end == field.npos ? field.size() : end + 1);
    if (!word.starts_with(spec.prefix)) continue;
    word.remove_prefix(spec.prefix.size());
    const auto bytes =
        spec.encoding == SignatureSpec::Encoding::hex ? base::hex_decode(word) : base::base64_decode(word);
    if (bytes && !bytes->empty()) found.push_back(*bytes);
  }
  return found;
}

// Nothing when a header that is signed is missing.
std::optional<std::string> content_of(const SignatureSpec& spec, const net::HttpRequest& request) {
  std::string out;
  out.reserve(request.body.size() + 64);
  std::string_view rest = spec.content;
  while (!rest.empty()) {
    const std::size_t open = rest.find('{');
    out += rest.substr(0, open);
    if (open == rest.npos) break;
    const std::size_t close = rest.find('}', open);
    if (close == rest.npos) return std::nullopt;
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    if (name == "body") {
      out += request.body;
    } else if (const auto value = request.header(name)) {
      out += *value;
    } else {
      return std::nullopt;
    }
    rest.remove_prefix(close + 1);
  }
  return out;
}

bool is_fresh(const SignatureSpec& spec, const net::HttpRequest& request, base::WallTime now) {
  if (spec.timestamp_header.empty()) return true;
  const auto text = request.header(spec.timestamp_header);
  std::int64_t seconds = 0;
  if (!text) return false;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  // Years up to 9999, so that the difference below cannot overflow.
  constexpr std::int64_t kSecondsMax = 253'402'300'800;
  if (error != std::errc() || end != text->data() + text->size() || seconds < 0 || seconds > kSecondsMax) return false;
  const base::Millis age = now - base::WallTime(std::chrono::seconds(seconds));
  return age <= spec.tolerance && age >= -spec.tolerance;
}

}  // namespace

bool is_signed(const SignatureSpec& spec, const net::HttpRequest& request, base::WallTime now) {
  const auto field = request.header(spec.header);
  if (!field || !is_fresh(spec, request, now)) return false;
  const std::vector<std::string> given = signatures_of(spec, *field);
  if (given.empty()) return false;
  const auto content = content_of(spec, request);
  if (!content) return false;
  bool valid = false;
  for (const SignatureSpec::Secret& secret : spec.secrets) {
    const std::string expected = spec.algorithm == SignatureSpec::Algorithm::sha256
                                     ? base::hmac_sha256(secret.secret, *content)
                                     : base::hmac_sha512(secret.secret, *content);
    for (const std::string& signature : given) {
      const bool equal = base::equal_constant_time(expected, signature);
      valid |= equal && (!secret.until || now < *secret.until);
    }
  }
  return valid;
}

}  // namespace trunkline::source
