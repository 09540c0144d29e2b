#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace trunkline::sinks {

// Standard Webhooks 1.0.0: HMAC-SHA256 over "id.timestamp.body". Immutable: any thread.
class WebhookSigner {
 public:
  // Each secret is "whsec_" and the base64 of 24 to 64 bytes. Several sign side by side while a secret is rotated; at
  // most 8, since a receiver tries each signature.
  static base::Result<WebhookSigner> make(const std::vector<std::string>& secrets);

  bool empty() const { return keys_.empty(); }
  // The value of webhook-signature: "v1,<base64>" for each secret, separated by spaces. `id` holds no dot.
  std::string sign(std::string_view id, std::int64_t timestamp, std::string_view body) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace trunkline::sinks
