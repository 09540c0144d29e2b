#include "source/jwt.hpp"

#include <algorithm>
#include <cmath>

#include "base/crypto.hpp"

namespace trunkline::source {
namespace {

using json::Type;
using json::Value;

// Tokens with more members than this are nobody's; the check for repeated names is quadratic.
constexpr std::size_t kMembersMax = 128;

JwtCheck refused(std::string_view reason) {
  return {JwtVerdict::refused, reason};
}

// The first of two readers that take different ones of two equal members can be fooled by the second (RFC 7519 section
// 4).
bool has_repeated_members(Value object) {
  for (auto each = object.first(); each; each = each->next()) {
    for (auto other = each->next(); other; other = other->next()) {
      if (each->name() == other->name()) return true;
    }
  }
  return false;
}

std::optional<Value> object_of(json::Document& document, std::string_view text) {
  const auto parsed = document.parse(text, JwtReader::kDepthMax);
  if (!parsed.ok() || !parsed->is(Type::object) || parsed->size() > kMembersMax) return std::nullopt;
  if (has_repeated_members(*parsed)) return std::nullopt;
  return *parsed;
}

// Seconds since 1970, maybe with a fraction (RFC 7519 section 2, NumericDate).
std::optional<double> date_of(Value claims, std::string_view name) {
  const auto claim = claims.find(name);
  const auto number = claim ? claim->number() : std::nullopt;
  if (!number || !std::isfinite(*number) || *number < 0) return std::nullopt;
  return number;
}

bool is_or_holds(Value claim, std::string_view text) {
  if (claim.is(Type::string)) return claim.string() == text;
  if (!claim.is(Type::array)) return false;
  for (auto each = claim.first(); each; each = each->next()) {
    if (each->is(Type::string) && each->string() == text) return true;
  }
  return false;
}

// RFC 8693 section 4.2: scopes are words with a space between.
bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t space = words.find(' ');
    if (words.substr(0, space) == word) return true;
    words.remove_prefix(space == words.npos ? words.size() : space + 1);
  }
  return false;
}

bool claim_holds(Value claims, const std::string& name, const std::string& text) {
  const auto claim = claims.find(name);
  if (!claim) return false;
  if (is_or_holds(*claim, text)) return true;
  if (claim->is(Type::string)) return (name == "scope" || name == "scp") && has_word(claim->string(), text);
  return (claim->is(Type::number) || claim->is(Type::boolean)) && claim->raw() == text;
}

// Empty when all is as the rules want it.
std::string_view fault_in_dates(Value claims, const JwtRules& rules, base::WallTime now) {
  const double seconds = static_cast<double>(now.time_since_epoch().count()) / 1000;
  const double skew = static_cast<double>(rules.clock_skew.count()) / 1000;
  const auto expires = date_of(claims, "exp");
  if (!expires) return "no expiry";
  if (seconds >= *expires + skew) return "expired";
  for (const std::string_view name : {"nbf", "iat"}) {
    if (!claims.find(name)) continue;
    const auto from = date_of(claims, name);
    if (!from) return "a date that is no number";
    if (seconds < *from - skew) return "not valid yet";
  }
  return {};
}

std::string_view fault_in_claims(Value claims, const JwtRules& rules, base::WallTime now) {
  if (claims.string_at("iss") != rules.issuer) return "another issuer";
  const auto audience = claims.find("aud");
  const bool meant = audience && std::ranges::any_of(rules.audiences, [&](const std::string& mine) {
                       return is_or_holds(*audience, mine);
                     });
  if (!meant) return "another audience";
  if (const std::string_view fault = fault_in_dates(claims, rules, now); !fault.empty()) return fault;
  if (!rules.subjects.empty() && std::ranges::find(rules.subjects, claims.string_at("sub")) == rules.subjects.end())
    return "another subject";
  for (const auto& [name, text] : rules.claims) {
    if (!claim_holds(claims, name, text)) return "a required claim is missing or another";
  }
  return {};
}

}  // namespace

JwtCheck JwtReader::check(std::string_view token, const JwtRules& rules, const Jwks* keys, base::WallTime now) {
  if (token.size() > kBytesMax) return refused("larger than 16 KiB");
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return refused("not three parts");
  const auto header_text = base::base64url_decode(token.substr(0, first));
  const auto claims_text = base::base64url_decode(token.substr(first + 1, second - first - 1));
  const auto signature = base::base64url_decode(token.substr(second + 1));
  if (!header_text || !claims_text || !signature) return refused("not base64url");
  const auto header = object_of(documents_[0], *header_text);
  if (!header) return refused("the header is not a plain JSON object");
  if (header->find("crit")) return refused("the header has critical extensions");
  const auto algorithm = parse_signature_algorithm(header->string_at("alg"));
  if (!algorithm || std::ranges::find(rules.algorithms, *algorithm) == rules.algorithms.end())
    return refused("an algorithm that is not taken");
  std::optional<std::string_view> key_id;
  if (const auto member = header->find("kid")) {
    if (!member->is(Type::string)) return refused("the key id is no text");
    key_id = member->string();
  }
  const auto claims = object_of(documents_[1], *claims_text);
  if (!claims) return refused("the claims are not a plain JSON object");
  if (const std::string_view fault = fault_in_claims(*claims, rules, now); !fault.empty()) return refused(fault);
  const PublicKey* key = keys != nullptr ? keys->find(key_id, *algorithm) : nullptr;
  if (key == nullptr) return {JwtVerdict::key_unknown, "the issuer has no such key"};
  if (!key->verify(*algorithm, token.substr(0, second), *signature)) return refused("a wrong signature");
  return {JwtVerdict::valid, {}};
}

}  // namespace trunkline::source
