#include "source/jwks.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "json/document.hpp"

namespace trunkline::source {
namespace {

using json::Type;
using json::Value;

constexpr std::size_t kDepthMax = 8;  // the set, the list, a key, its certificates

std::optional<std::string> octets_of(Value key, std::string_view name) {
  return base::base64url_decode(key.string_at(name));
}

std::string left_padded(std::string bytes, std::size_t size) {
  // RFC 7518 section 6.2.1.2 wants full length; some issuers cut leading zeros.
  if (bytes.size() < size) bytes.insert(0, size - bytes.size(), '\0');
  return bytes;
}

bool is_for_signatures(Value key) {
  if (const auto use = key.find("use"); use && use->string() != "sig") return false;
  const auto operations = key.find("key_ops");
  if (!operations) return true;
  for (auto each = operations->first(); each; each = each->next()) {
    if (each->string() == "verify") return true;
  }
  return false;
}

std::optional<PublicKey> key_of(Value value) {
  const std::string_view kind = value.string_at("kty");
  std::optional<PublicKey> key;
  if (kind == "RSA") {
    const auto n = octets_of(value, "n");
    const auto e = octets_of(value, "e");
    if (!n || !e) return std::nullopt;
    if (auto made = PublicKey::rsa(*n, *e); made.ok()) key = std::move(*made);
  } else if (kind == "EC") {
    const std::string_view curve = value.string_at("crv");
    if (curve != "P-256" && curve != "P-384") return std::nullopt;
    const bool p256 = curve == "P-256";
    const auto x = octets_of(value, "x");
    const auto y = octets_of(value, "y");
    if (!x || !y) return std::nullopt;
    const std::size_t size = p256 ? 32 : 48;
    auto made = PublicKey::elliptic(p256 ? PublicKey::Curve::p256 : PublicKey::Curve::p384, left_padded(*x, size),
                                    left_padded(*y, size));
    if (made.ok()) key = std::move(*made);
  }
  return key;
}

}  // namespace

base::Result<Jwks> Jwks::parse(std::string_view text) {
  if (text.size() > kBytesMax) return {base::Errc::invalid, "the key set is larger than 256 KiB"};
  json::Document document;
  const auto parsed = document.parse(text, kDepthMax);
  if (!parsed.ok()) return parsed.error().with("the key set");
  const auto list = parsed->find("keys");
  if (!list || !list->is(Type::array)) return {base::Errc::invalid, "the key set has no list of keys"};
  if (list->size() > kKeysMax) return {base::Errc::invalid, "the key set has more than 128 keys"};
  Jwks set;
  std::vector<std::string> ambiguous;
  for (auto each = list->first(); each; each = each->next()) {
    if (!each->is(Type::object) || !is_for_signatures(*each)) continue;
    const std::string_view algorithm = each->string_at("alg");
    const auto only = parse_signature_algorithm(algorithm);
    if (!algorithm.empty() && !only) continue;
    const std::string id(each->string_at("kid"));
    std::optional<PublicKey> key = id.size() > kIdBytesMax ? std::nullopt : key_of(*each);
    if (!key) continue;
    const bool repeated = std::ranges::any_of(set.entries_, [&](const Entry& entry) { return entry.id == id; });
    if (repeated && !id.empty()) ambiguous.push_back(id);
    set.entries_.push_back({id, only, std::move(*key)});
  }
  std::erase_if(set.entries_,
                [&](const Entry& entry) { return std::ranges::find(ambiguous, entry.id) != ambiguous.end(); });
  if (set.entries_.empty()) return {base::Errc::invalid, "the key set has no key that can be used"};
  return set;
}

const PublicKey* Jwks::find(std::optional<std::string_view> id, SignatureAlgorithm algorithm) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (!entry.fits(algorithm) || (id && entry.id != *id)) continue;
    if (found != nullptr) return nullptr;
    found = &entry;
  }
  return found == nullptr ? nullptr : &found->key;
}

}  // namespace trunkline::source
