#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace trunkline::net {

struct TlsClientFiles {
  std::string ca_file{};           // PEM; empty: the system's authorities
  std::string certificate_file{};  // PEM, the client's own with its chain; empty: none
  std::string key_file{};          // PEM, its private key
};

// TLS 1.2 and 1.3; the server must show a certificate that an authority has signed. Errc::invalid when a file cannot be
// used.
base::Result<std::shared_ptr<ssl_ctx_st>> make_tls_client(const TlsClientFiles& files);

}  // namespace trunkline::net
