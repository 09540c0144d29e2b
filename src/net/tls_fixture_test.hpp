#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "net/raw_client_test.hpp"
#include "net/tls_pem.hpp"

namespace trunkline::net::testing {

// A directory that goes with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "trunkline-tls-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << content;
    return (path_ / name).string();
  }
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Credentials {
  X509Ptr certificate;
  KeyPtr key;

  std::string certificate_pem() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return text(*bio);
  }
  std::string key_pem(const char* passphrase = nullptr) const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    const auto* const cipher = passphrase != nullptr ? EVP_aes_128_cbc() : nullptr;
    PEM_write_bio_PrivateKey(bio.get(), key.get(), cipher, nullptr, 0, nullptr, const_cast<char*>(passphrase));
    return text(*bio);
  }

 private:
  static std::string text(BIO& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(&bio, &data);
    return {data, static_cast<std::size_t>(size)};
  }
};

struct CertificateWish {
  std::string common_name = "localhost";
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1";
  bool authority = false;
  int from_days = -1;
  int to_days = 90;
  std::string organisation = "Example";
  unsigned rsa_bits = 0;  // 0: P-256
};

// Signed by `issuer` or, without one, by itself.
inline Credentials issue(const CertificateWish& wish, const Credentials* issuer = nullptr) {
  Credentials made{X509Ptr(X509_new()), KeyPtr(wish.rsa_bits > 0 ? EVP_RSA_gen(wish.rsa_bits) : EVP_EC_gen("P-256"))};
  X509& certificate = *made.certificate;
  static std::atomic<long> serial{1000};
  X509_set_version(&certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(&certificate), ++serial);
  X509_time_adj_ex(X509_getm_notBefore(&certificate), wish.from_days, 0, nullptr);
  X509_time_adj_ex(X509_getm_notAfter(&certificate), wish.to_days, 0, nullptr);
  X509_set_pubkey(&certificate, made.key.get());
  X509_NAME* const name = X509_get_subject_name(&certificate);
  const auto add = [name](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.c_str()), -1,
                               -1, 0);
  };
  add("O", wish.organisation);
  add("CN", wish.common_name);
  X509* const signer = issuer != nullptr ? issuer->certificate.get() : &certificate;
  X509_set_issuer_name(&certificate, X509_get_subject_name(signer));
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer, &certificate, nullptr, nullptr, 0);
  const auto extend = [&](int nid, const std::string& value) {
    using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(&certificate, extension.get(), -1);
  };
  extend(NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!wish.alternative_names.empty()) extend(NID_subject_alt_name, wish.alternative_names);
  EXPECT_GT(X509_sign(&certificate, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256()), 0);
  return made;
}

inline Credentials make_authority(const std::string& name) {
  return issue({.common_name = name, .alternative_names = "", .authority = true});
}

struct TlsClientOptions {
  const Credentials* trust = nullptr;     // none: the server is not verified
  const Credentials* identity = nullptr;  // the client's own certificate
  std::string host = "localhost";         // verified when `trust` is set
  int version_min = TLS1_2_VERSION;
  int version_max = 0;
  std::vector<std::string> protocols{};  // ALPN
  SSL_SESSION* resume = nullptr;
};

// A blocking TLS client over a raw socket. Reads have the socket's deadline of 20 s.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const TlsClientOptions& options)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(nullptr) {
    SSL_CTX_set_min_proto_version(context_.get(), options.version_min);
    SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
    SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    if (options.trust != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), options.trust->certificate.get());
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    if (options.identity != nullptr) {
      SSL_CTX_use_certificate(context_.get(), options.identity->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), options.identity->key.get());
    }
    std::string protocols;
    for (const std::string& each : options.protocols) protocols += static_cast<char>(each.size()) + each;
    SSL_CTX_set_alpn_protos(context_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned>(protocols.size()));
    ssl_.reset(SSL_new(context_.get()));
    if (options.trust != nullptr) SSL_set1_host(ssl_.get(), options.host.c_str());
    if (options.resume != nullptr) SSL_set_session(ssl_.get(), options.resume);
    SSL_set_fd(ssl_.get(), raw_.descriptor());
    ERR_clear_error();
    connected_ = SSL_connect(ssl_.get()) == 1;
    if (!connected_) error_ = openssl_error();
  }
  ~TlsClient() = default;
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  const std::string& error() const { return error_; }
  RawClient& raw() { return raw_; }
  SSL& ssl() { return *ssl_; }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  bool resumed() const { return SSL_session_reused(ssl_.get()) != 0; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string server_name() const {
    X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    return certificate == nullptr ? "" : name_text(*X509_get_subject_name(certificate));
  }

  bool send(std::string_view bytes) {
    ERR_clear_error();
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }
  void close_notify() { SSL_shutdown(ssl_.get()); }
  std::string read_until(std::string_view end) {
    while (kept_.find(end) == std::string::npos) {
      if (!receive()) return std::exchange(kept_, {});
    }
    return take(kept_.find(end) + end.size());
  }
  std::string read_exactly(std::size_t size) {
    while (kept_.size() < size) {
      if (!receive()) return std::exchange(kept_, {});
    }
    return take(size);
  }
  std::string read_all() {
    while (receive()) {
    }
    return std::exchange(kept_, {});
  }
  // After a read that came to an end: whether the server has said so with a close_notify.
  bool ended_cleanly() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  RawClient::Answer read_answer() {
    RawClient::Answer answer;
    answer.head = read_until("\r\n\r\n");
    const std::size_t at = answer.head.find("Content-Length: ");
    if (at == std::string::npos) return answer;
    const std::size_t length = std::stoul(answer.head.substr(at + 16));
    answer.body = read_exactly(length);
    if (answer.body.size() == length) answer.status = std::stoi(answer.head.substr(9, 3));
    return answer;
  }

 private:
  bool receive() {
    char buffer[16384];
    ERR_clear_error();
    const int size = SSL_read(ssl_.get(), buffer, sizeof(buffer));
    if (size > 0) kept_.append(buffer, static_cast<std::size_t>(size));
    if (size <= 0) error_ = openssl_error();
    return size > 0;
  }
  std::string take(std::size_t size) {
    std::string taken = kept_.substr(0, size);
    kept_.erase(0, size);
    return taken;
  }

  RawClient raw_;
  std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
  bool connected_ = false;
  std::string error_;
  std::string kept_;
};

}  // namespace trunkline::net::testing
