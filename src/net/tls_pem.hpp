#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/tls.hpp"

// OpenSSL's objects with owners, and PEM files read into them. For net's own sources.
namespace trunkline::net {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

// What OpenSSL reported first, in its words; empties its queue.
std::string openssl_error();

// At most 1 MiB, which is some hundreds of certificates. Errc::not_found or Errc::invalid with the reason.
base::Result<std::string> read_pem_file(const std::string& path);
// At least one certificate, each well-formed; other PEM blocks between them are skipped.
base::Result<std::vector<X509Ptr>> parse_certificates(std::string_view pem);
// A key that is locked by a passphrase is an error: nobody is there to type it.
base::Result<KeyPtr> parse_key(std::string_view pem);
base::Result<void> check_pair(X509& certificate, EVP_PKEY& key);

CertificateFacts facts_of(const X509& certificate);
std::string name_text(const X509_NAME& name);  // RFC 4514, in UTF-8

}  // namespace trunkline::net
