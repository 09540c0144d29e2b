#include "sns/signer.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/crypto.hpp"

namespace trunkline::sns {
namespace {

constexpr long kValidSeconds = 20L * 365 * 24 * 3600;
constexpr long kEarlySeconds = 24L * 3600;  // receivers' clocks differ

using Pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

// Never asks a terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

bool fill(X509* certificate, EVP_PKEY* key, base::WallTime now) {
  const std::time_t at = std::chrono::system_clock::to_time_t(now);
  X509_NAME* name = X509_get_subject_name(certificate);
  const std::string common = "Trunkline notifications";
  const std::string serial = base::random_bytes(8);
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate),
                                 static_cast<unsigned char>(serial[0]) + (std::uint64_t{1} << 32U)) == 1 &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), at - kEarlySeconds) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), at + kValidSeconds) != nullptr &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common.data()),
                                    static_cast<int>(common.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         X509_sign(certificate, key, EVP_sha256()) != 0;
}

}  // namespace

struct Signer::Key {
  Pkey key{nullptr, EVP_PKEY_free};
};

Signer::Signer() : key_(std::make_unique<Key>()) {}
Signer::~Signer() = default;

base::Result<std::string> Signer::make(base::WallTime now) {
  const base::Error failed{base::Errc::unavailable, "no key for signing notifications could be made"};
  const Pkey key(EVP_RSA_gen(2048), EVP_PKEY_free);
  const Certificate certificate(X509_new(), X509_free);
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
  const bool good = key && certificate && bio && fill(certificate.get(), key.get(), now) &&
                    PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
                    PEM_write_bio_X509(bio.get(), certificate.get()) == 1;
  ERR_clear_error();
  if (!good) return failed;
  return text_of(bio.get());
}

base::Result<std::shared_ptr<const Signer>> Signer::open(const std::string& pem) {
  const base::Error corrupt{base::Errc::corrupt, "the stored key for signing notifications cannot be read"};
  const Bio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  const std::shared_ptr<Signer> signer(new Signer());
  signer->key_->key.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  const Certificate certificate(PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr), X509_free);
  const Bio out(BIO_new(BIO_s_mem()), BIO_free_all);
  const bool good = signer->key_->key && certificate && out && PEM_write_bio_X509(out.get(), certificate.get()) == 1;
  ERR_clear_error();
  if (!good) return corrupt;
  signer->certificate_ = text_of(out.get());
  signer->path_ = fmt::format("/SimpleNotificationService-{}.pem",
                              base::hex_encode(base::sha256(signer->certificate_)).substr(0, 32));
  return std::shared_ptr<const Signer>(signer);
}

base::Result<std::string> Signer::sign(std::string_view text, int version) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY* key = key_->key.get();
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  std::size_t size = out.size();
  const EVP_MD* digest = version == 2 ? EVP_sha256() : EVP_sha1();
  const bool good = context && EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
                    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  ERR_clear_error();
  if (!good) return {base::Errc::unavailable, "a notification could not be signed"};
  out.resize(size);
  return base::base64_encode(out);
}

}  // namespace trunkline::sns
