#include "net/tls_pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace trunkline::net {
namespace {

constexpr std::size_t kFileMax = 1 << 20;

base::WallTime wall_time(const ASN1_TIME& time) {
  tm parts{};
  if (ASN1_TIME_to_tm(&time, &parts) != 1) return {};
  return base::WallTime(std::chrono::seconds(::timegm(&parts)));
}

BioPtr memory(std::string_view bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

base::Result<std::string> read_pem_file(const std::string& path) {
  if (path.empty()) return {base::Errc::not_found, "no file is named"};
  std::ifstream file(path, std::ios::binary);
  if (!file) return {base::Errc::not_found, path + ": " + std::strerror(errno)};
  std::string content(kFileMax + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad() || (file.fail() && !file.eof())) return {base::Errc::invalid, path + ": cannot be read"};
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kFileMax) return {base::Errc::invalid, path + ": longer than 1 MiB"};
  return content;
}

base::Result<std::vector<X509Ptr>> parse_certificates(std::string_view pem) {
  const BioPtr bio = memory(pem);
  std::vector<X509Ptr> certificates;
  ERR_clear_error();
  while (X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string error = openssl_error();
  if (!at_end) return {base::Errc::invalid, "damaged certificate: " + error};
  if (certificates.empty()) return {base::Errc::invalid, "no PEM certificate in it"};
  return certificates;
}

base::Result<KeyPtr> parse_key(std::string_view pem) {
  const BioPtr bio = memory(pem);
  ERR_clear_error();
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (key) return key;
  const bool locked = pem.find("ENCRYPTED") != std::string_view::npos;
  const bool nothing = pem.find("PRIVATE KEY-----") == std::string_view::npos;
  const std::string error = openssl_error();
  if (locked) return {base::Errc::invalid, "the private key is locked by a passphrase"};
  if (nothing) return {base::Errc::invalid, "no PEM private key in it"};
  return {base::Errc::invalid, "damaged private key: " + error};
}

base::Result<void> check_pair(X509& certificate, EVP_PKEY& key) {
  if (X509_check_private_key(&certificate, &key) == 1) return {};
  return {base::Errc::invalid, "the private key is not that of the certificate: " + openssl_error()};
}

std::string name_text(const X509_NAME& name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), &name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

CertificateFacts facts_of(const X509& certificate) {
  return {name_text(*X509_get_subject_name(&certificate)), wall_time(*X509_get0_notBefore(&certificate)),
          wall_time(*X509_get0_notAfter(&certificate))};
}

}  // namespace trunkline::net
