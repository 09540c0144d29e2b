#include "net/tls_client.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/tls_pem.hpp"

namespace trunkline::net {
namespace {

using base::Errc;

base::Error unusable(const std::string& what) {
  return {Errc::invalid, fmt::format("{}: {}", what, openssl_error())};
}

}  // namespace

base::Result<std::shared_ptr<ssl_ctx_st>> make_tls_client(const TlsClientFiles& files) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return unusable("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool trusts = files.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                            : SSL_CTX_load_verify_file(context.get(), files.ca_file.c_str()) == 1;
  if (!trusts) return unusable(files.ca_file.empty() ? "the system's authorities" : files.ca_file);
  if (files.certificate_file.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate_file.c_str()) != 1)
    return unusable(files.certificate_file);
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return unusable(files.key_file);
  return context;
}

}  // namespace trunkline::net
