#include "source/public_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <string>
#include <utility>

namespace trunkline::source {
namespace {

constexpr std::array<std::pair<std::string_view, SignatureAlgorithm>, 6> kNames = {{
    {"RS256", SignatureAlgorithm::rs256},
    {"RS384", SignatureAlgorithm::rs384},
    {"RS512", SignatureAlgorithm::rs512},
    {"PS256", SignatureAlgorithm::ps256},
    {"ES256", SignatureAlgorithm::es256},
    {"ES384", SignatureAlgorithm::es384},
}};

constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;
constexpr std::size_t kExponentBytesMax = 4;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* pointer) const { Free(pointer); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
Number number(std::string_view bytes) {
  return Number(BN_bin2bn(octets(bytes), static_cast<int>(bytes.size()), nullptr));
}

// Empty when OpenSSL refuses.
std::shared_ptr<void> make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return {key, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }};
}

const EVP_MD* digest_of(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::rs256:
    case SignatureAlgorithm::ps256:
    case SignatureAlgorithm::es256:
      return EVP_sha256();
    case SignatureAlgorithm::rs384:
    case SignatureAlgorithm::es384:
      return EVP_sha384();
    case SignatureAlgorithm::rs512:
      break;
  }
  return EVP_sha512();
}

// OpenSSL wants ECDSA signatures in DER. Empty when the length is wrong.
std::string to_der(std::string_view signature, std::size_t coordinate_bytes) {
  if (signature.size() != 2 * coordinate_bytes) return {};
  Number r = number(signature.substr(0, coordinate_bytes));
  Number s = number(signature.substr(coordinate_bytes));
  const EcdsaSignature pair(ECDSA_SIG_new());
  if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &der);
  if (length <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view name) {
  for (const auto& [text, algorithm] : kNames) {
    if (text == name) return algorithm;
  }
  return std::nullopt;
}

std::string_view name(SignatureAlgorithm algorithm) {
  return kNames[static_cast<std::size_t>(algorithm)].first;
}

base::Result<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  if (exponent.empty() || exponent.size() > kExponentBytesMax)
    return {base::Errc::invalid, "the RSA exponent is too large"};
  const Number n = number(modulus.substr(0, kRsaBitsMax / 8 + 1));
  const Number e = number(exponent);
  if (!n || !e || modulus.size() > kRsaBitsMax / 8 || BN_num_bits(n.get()) < kRsaBitsMin) {
    return {base::Errc::invalid, "the RSA modulus has not 2048 to 8192 bits"};
  }
  if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1) return {base::Errc::invalid, "the RSA exponent is even or 1"};
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return {base::Errc::invalid, "no RSA key"};
  }
  std::shared_ptr<void> key = make_key("RSA", builder.get());
  if (!key) return {base::Errc::invalid, "no RSA key"};
  return PublicKey(Kind::rsa, std::move(key));
}

base::Result<PublicKey> PublicKey::elliptic(Curve curve, std::string_view x, std::string_view y) {
  const bool p256 = curve == Curve::p256;
  const std::size_t bytes = p256 ? 32 : 48;
  if (x.size() != bytes || y.size() != bytes) return {base::Errc::invalid, "a coordinate has the wrong length"};
  const std::string point = std::string("\x04").append(x).append(y);  // SEC 1 section 2.3.3, uncompressed
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, p256 ? "P-256" : "P-384", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return {base::Errc::invalid, "no elliptic key"};
  }
  std::shared_ptr<void> key = make_key("EC", builder.get());
  if (!key) return {base::Errc::invalid, "the point is not on the curve"};
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, static_cast<EVP_PKEY*>(key.get()), nullptr));
  if (!context || EVP_PKEY_public_check(context.get()) != 1) {
    ERR_clear_error();
    return {base::Errc::invalid, "the point is not on the curve"};
  }
  return PublicKey(p256 ? Kind::p256 : Kind::p384, std::move(key));
}

bool PublicKey::fits(SignatureAlgorithm algorithm) const {
  switch (algorithm) {
    case SignatureAlgorithm::es256:
      return kind_ == Kind::p256;
    case SignatureAlgorithm::es384:
      return kind_ == Kind::p384;
    default:
      return kind_ == Kind::rsa;
  }
}

bool PublicKey::verify(SignatureAlgorithm algorithm, std::string_view message, std::string_view signature) const {
  if (!fits(algorithm)) return false;
  std::string der;
  if (kind_ != Kind::rsa) {
    der = to_der(signature, kind_ == Kind::p256 ? 32 : 48);
    if (der.empty()) return false;
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // owned by the context
  bool valid = context && EVP_DigestVerifyInit(context.get(), &parameters, digest_of(algorithm), nullptr,
                                               static_cast<EVP_PKEY*>(key_.get())) == 1;
  if (valid && algorithm == SignatureAlgorithm::ps256) {
    // RFC 7518 section 3.5: the salt is as long as the hash.
    valid = EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  valid = valid &&
          EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message), message.size()) == 1;
  ERR_clear_error();
  return valid;
}

}  // namespace trunkline::source
