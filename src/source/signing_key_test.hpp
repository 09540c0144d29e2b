#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "base/crypto.hpp"

namespace trunkline::source::testing {

// A private key of an issuer, made anew in each test run. For tests.
class SigningKey {
 public:
  static SigningKey rsa(unsigned bits = 2048) { return SigningKey(EVP_RSA_gen(bits), "RSA", 0); }
  static SigningKey p256() { return SigningKey(EVP_EC_gen("P-256"), "P-256", 32); }
  static SigningKey p384() { return SigningKey(EVP_EC_gen("P-384"), "P-384", 48); }

  // Its public half; `more` is further members: R"(,"use":"sig")".
  std::string jwk(std::string_view id, std::string_view more = {}) const {
    std::string text = coordinate_bytes_ == 0 ? R"({"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N, 0) +
                                                    R"(","e":")" + number(OSSL_PKEY_PARAM_RSA_E, 0)
                                              : R"({"kty":"EC","crv":")" + kind_ + R"(","x":")" +
                                                    number(OSSL_PKEY_PARAM_EC_PUB_X, coordinate_bytes_) + R"(","y":")" +
                                                    number(OSSL_PKEY_PARAM_EC_PUB_Y, coordinate_bytes_);
    text += R"(","kid":")";
    return text.append(id).append("\"").append(more).append("}");
  }
  std::string modulus() const { return number(OSSL_PKEY_PARAM_RSA_N, 0); }

  // A signature as JOSE writes it; `algorithm` is its name: "RS256".
  std::string sign(std::string_view algorithm, std::string_view message) const {
    const EVP_MD* digest = algorithm.ends_with("256")   ? EVP_sha256()
                           : algorithm.ends_with("384") ? EVP_sha384()
                                                        : EVP_sha512();
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_PKEY_CTX* parameters = nullptr;
    bool good = EVP_DigestSignInit(context.get(), &parameters, digest, nullptr, key_.get()) == 1;
    if (algorithm.starts_with("PS")) {
      good = good && EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    std::string out(1024, '\0');
    std::size_t size = out.size();
    good = good && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                  reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
    TRUNKLINE_CHECK(good, "the test's key does not sign");
    out.resize(size);
    return coordinate_bytes_ == 0 ? out : from_der(out);
  }

  // A token with this header and these claims, signed as `algorithm` whatever the header says.
  std::string token(std::string_view algorithm, std::string_view header, std::string_view claims) const {
    const std::string message = base::base64url_encode(header) + "." + base::base64url_encode(claims);
    return message + "." + base::base64url_encode(sign(algorithm, message));
  }

 private:
  SigningKey(EVP_PKEY* key, std::string kind, std::size_t coordinate_bytes)
      : key_(key, EVP_PKEY_free), kind_(std::move(kind)), coordinate_bytes_(coordinate_bytes) {
    TRUNKLINE_CHECK(key != nullptr, "no key for the test");
  }
  std::string number(const char* name, std::size_t size) const {
    BIGNUM* value = nullptr;
    TRUNKLINE_CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1, name);
    const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> owner(value, BN_free);
    std::string bytes(size == 0 ? static_cast<std::size_t>(BN_num_bytes(value)) : size, '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    return base::base64url_encode(bytes);
  }
  std::string from_der(std::string_view der) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> pair(
        d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())), ECDSA_SIG_free);
    std::string out(2 * coordinate_bytes_, '\0');
    auto* at = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), at, static_cast<int>(coordinate_bytes_));
    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), at + coordinate_bytes_, static_cast<int>(coordinate_bytes_));
    return out;
  }

  std::shared_ptr<EVP_PKEY> key_;
  std::string kind_;
  std::size_t coordinate_bytes_;
};

}  // namespace trunkline::source::testing
