#include "sinks/signature.hpp"

#include <fmt/format.h>

#include "base/crypto.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kSecretsMax = 8;

}  // namespace

base::Result<WebhookSigner> WebhookSigner::make(const std::vector<std::string>& secrets) {
  if (secrets.size() > kSecretsMax) return {Errc::invalid, fmt::format("at most {} secrets", kSecretsMax)};
  WebhookSigner signer;
  for (std::string_view secret : secrets) {
    // The texts never show a secret.
    if (!secret.starts_with(kPrefix)) return {Errc::invalid, "a secret must begin with whsec_"};
    auto key = base::base64_decode(secret.substr(kPrefix.size()));
    if (!key) return {Errc::invalid, "a secret must be base64 after whsec_"};
    if (key->size() < 24 || key->size() > 64)
      return {Errc::invalid, fmt::format("a secret must have 24 to 64 bytes, this one has {}", key->size())};
    signer.keys_.push_back(std::move(*key));
  }
  return signer;
}

std::string WebhookSigner::sign(std::string_view id, std::int64_t timestamp, std::string_view body) const {
  const std::string content = fmt::format("{}.{}.{}", id, timestamp, body);
  std::string signatures;
  for (const std::string& key : keys_) {
    if (!signatures.empty()) signatures += ' ';
    signatures += "v1,";
    signatures += base::base64_encode(base::hmac_sha256(key, content));
  }
  return signatures;
}

}  // namespace trunkline::sinks
