#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace trunkline::source {

// The asymmetric algorithms of JSON Web Algorithms that are taken (RFC 7518 section 3.1). There is no HMAC and no
// "none" among them, so that neither can be asked for.
enum class SignatureAlgorithm : std::uint8_t { rs256, rs384, rs512, ps256, es256, es384 };

std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view name);  // "RS256", in this case only
std::string_view name(SignatureAlgorithm algorithm);

// A key that checks signatures, over OpenSSL. A cheap copy; any thread.
class PublicKey {
 public:
  // Big-endian numbers. 2,048 to 8,192 bits and an odd exponent of 32 bits at most: beyond that a check takes
  // milliseconds, and no issuer uses it.
  static base::Result<PublicKey> rsa(std::string_view modulus, std::string_view exponent);

  enum class Curve : std::uint8_t { p256, p384 };
  // Coordinates of full length (32 or 48 bytes); a point that is not on the curve is refused.
  static base::Result<PublicKey> elliptic(Curve curve, std::string_view x, std::string_view y);

  // Whether this kind of key belongs to the algorithm (RFC 7518 sections 3.3 to 3.5).
  bool fits(SignatureAlgorithm algorithm) const;
  // False for a key that does not fit. ECDSA signatures are r and s of full length, one behind the other.
  bool verify(SignatureAlgorithm algorithm, std::string_view message, std::string_view signature) const;

 private:
  enum class Kind : std::uint8_t { rsa, p256, p384 };
  PublicKey(Kind kind, std::shared_ptr<void> key) : kind_(kind), key_(std::move(key)) {}

  Kind kind_;
  std::shared_ptr<void> key_;  // EVP_PKEY; shared by the copies, since it is never changed
};

}  // namespace trunkline::source
