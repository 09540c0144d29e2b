#include "sinks/rs256.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace trunkline::sinks {
namespace {

constexpr int kBitsMin = 2048;  // RFC 7518 section 3.3
constexpr std::size_t kPemBytesMax = 64 << 10;

// Never asks a terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

base::Result<std::string> rs256_sign(std::string_view private_key_pem, std::string_view message) {
  using base::Errc;
  if (private_key_pem.empty() || private_key_pem.size() > kPemBytesMax) return {Errc::invalid, "is no PEM private key"};
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())), BIO_free_all);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  ERR_clear_error();
  if (!key) return {Errc::invalid, "is no PEM private key, or has a passphrase"};
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key.get()) < kBitsMin)
    return {Errc::invalid, "is no RSA key of 2048 bits or more"};
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key.get())), '\0');
  std::size_t size = out.size();
  const bool good = context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                   reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  ERR_clear_error();
  if (!good) return {Errc::invalid, "does not sign"};
  out.resize(size);
  return out;
}

}  // namespace trunkline::sinks
