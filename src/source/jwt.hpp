#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "json/document.hpp"
#include "source/jwks.hpp"

namespace trunkline::source {

// What a token must say to be let in.
struct JwtRules {
  std::string issuer;                   // equal to `iss`
  std::vector<std::string> audiences;   // one of them is `aud`, or in it
  std::vector<std::string> subjects{};  // empty: any; else `sub` is one of them
  // Every claim named must have the text: be it, hold it in its list, or (`scope`, `scp`) among its words.
  std::vector<std::pair<std::string, std::string>> claims{};
  std::vector<SignatureAlgorithm> algorithms{};
  base::Millis clock_skew = std::chrono::seconds(60);
};

enum class JwtVerdict : std::uint8_t {
  valid,
  refused,
  key_unknown,  // all but the signature is right, and there is no such key: a newer key set may have it
};
struct JwtCheck {
  JwtVerdict verdict = JwtVerdict::refused;
  std::string_view reason{};  // for the log; holds nothing of the token
};

// Checks JSON Web Tokens in the compact form of JWS (RFC 7519, RFC 7515; rules of RFC 8725). The algorithm must be one
// of the rules' and the key's; `none`, HMAC, encrypted tokens, `crit`, repeated members, padded or loose base64url,
// nesting and sizes beyond the bounds are refused. Claims are looked at before the signature: a forged token costs no
// arithmetic and never makes the keys be fetched. Reuses its buffers: one per thread.
class JwtReader {
 public:
  // A request head has 32 KiB; Microsoft's tokens have 2.
  static constexpr std::size_t kBytesMax = 16 << 10;
  static constexpr std::size_t kDepthMax = 16;

  // No key set: every token that is right otherwise is key_unknown.
  JwtCheck check(std::string_view token, const JwtRules& rules, const Jwks* keys, base::WallTime now);

 private:
  std::array<json::Document, 2> documents_;  // header, claims
};

}  // namespace trunkline::source
