#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

#include "base/crypto.hpp"
#include "net/tls_pem.hpp"

namespace trunkline::net {
namespace {

// RFC 9325 section 4.2: for TLS 1.2 forward secrecy and authenticated encryption only; all of TLS 1.3 has both.
constexpr const char* kCiphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
// A root, two intermediates and some room; a peer may send whatever chain it likes.
constexpr int kChainDepthMax = 8;
constexpr long kSessionSeconds = 3600;
// Whoever gets hold of a ticket key can read the TLS 1.2 connections of its life.
constexpr std::chrono::hours kTicketKeysLive{12};

using ContextPtr = std::shared_ptr<SSL_CTX>;

// http/1.1, or the handshake ends (RFC 7301 section 3.2): a client that insists on h2 would not understand us.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1\x08http/1.0";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOurs, sizeof(kOurs) - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

base::Error unusable(const std::string& what) {
  return {base::Errc::invalid, what + ": " + openssl_error()};
}

base::Result<ContextPtr> bare_context() {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return unusable("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (SSL_CTX_set_cipher_list(context.get(), kCiphers12) != 1) return unusable("ciphers");
  // A peer that closes without close_notify has said all it wanted: where a request ends HTTP itself says.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context.get(), 1);
  // Sessions live in the clients' tickets, not in a cache of ours.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context.get(), kSessionSeconds);
  SSL_CTX_set_alpn_select_cb(context.get(), select_protocol, nullptr);
  return context;
}

// OpenSSL refuses here what its security level forbids: keys that are too short, signatures by broken digests.
base::Result<void> put_chain(SSL_CTX& context, const std::vector<X509Ptr>& chain) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate(&context, chain.front().get()) != 1) return {base::Errc::invalid, openssl_error()};
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(&context, chain[i].get()) != 1) {
      return {base::Errc::invalid, fmt::format("certificate {} of the chain: {}", i + 1, openssl_error())};
    }
  }
  return {};
}

base::Result<void> put_key(SSL_CTX& context, EVP_PKEY& key) {
  ERR_clear_error();
  if (SSL_CTX_use_PrivateKey(&context, &key) != 1) return {base::Errc::invalid, openssl_error()};
  return {};
}

base::Result<void> trust_clients(SSL_CTX& context, const std::vector<X509Ptr>& authorities, ClientAuth mode,
                                 std::string_view pem) {
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  for (const X509Ptr& authority : authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1 || SSL_CTX_add_client_CA(&context, authority.get()) != 1) {
      return unusable("client CA");
    }
  }
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  const int required = mode == ClientAuth::require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | required, nullptr);
  SSL_CTX_set_verify_depth(&context, kChainDepthMax);
  // Without one, a resumption is refused where client certificates are asked for.
  const std::string id = base::sha256(pem);
  SSL_CTX_set_session_id_context(&context, reinterpret_cast<const unsigned char*>(id.data()),
                                 static_cast<unsigned>(id.size()));
  return {};
}

}  // namespace

struct TlsCertificates::Contents {
  base::Result<std::string> certificate;
  base::Result<std::string> key;
  base::Result<std::string> client_ca;

  static Contents read(const TlsOptions& options) {
    return {read_pem_file(options.certificate_file), read_pem_file(options.key_file),
            options.client_auth == ClientAuth::none ? base::Result<std::string>(std::string())
                                                    : read_pem_file(options.client_ca_file)};
  }
};

TlsInspection inspect_tls_files(const TlsOptions& options) {
  using File = TlsProblem::File;
  TlsInspection found;
  const base::Result<ContextPtr> context = bare_context();
  if (!context) {
    found.problems.push_back({File::certificate, context.error().detail});
    return found;
  }
  const auto certificates_of = [&found](const std::string& path, File file, std::vector<CertificateFacts>& facts) {
    const base::Result<std::string> pem = read_pem_file(path);
    auto parsed = pem ? parse_certificates(*pem) : base::Result<std::vector<X509Ptr>>(pem.error());
    if (!parsed) {
      found.problems.push_back({file, pem ? path + ": " + parsed.error().detail : parsed.error().detail});
      return std::vector<X509Ptr>();
    }
    for (const X509Ptr& certificate : *parsed) facts.push_back(facts_of(*certificate));
    return std::move(*parsed);
  };
  const std::vector<X509Ptr> chain =
      options.certificate_file.empty()
          ? std::vector<X509Ptr>()
          : certificates_of(options.certificate_file, File::certificate, found.certificates);
  if (const auto put = chain.empty() ? base::Result<void>() : put_chain(**context, chain); !put) {
    found.problems.push_back({File::certificate, options.certificate_file + ": " + put.error().detail});
  }
  if (!options.key_file.empty()) {
    const base::Result<std::string> pem = read_pem_file(options.key_file);
    const auto key = pem ? parse_key(*pem) : base::Result<KeyPtr>(pem.error());
    base::Result<void> pair = key && !chain.empty() ? check_pair(*chain.front(), **key) : base::Result<void>();
    if (key && pair) pair = put_key(**context, **key);
    if (!key) {
      found.problems.push_back({File::key, pem ? options.key_file + ": " + key.error().detail : key.error().detail});
    } else if (!pair) {
      found.problems.push_back({File::key, options.key_file + ": " + pair.error().detail});
    }
  }
  if (!options.client_ca_file.empty()) certificates_of(options.client_ca_file, File::client_ca, found.client_cas);
  return found;
}

base::Result<std::shared_ptr<TlsCertificates>> TlsCertificates::load(TlsOptions options, const base::Clock& clock) {
  const std::shared_ptr<TlsCertificates> made(new TlsCertificates(std::move(options), clock));
  TRUNKLINE_TRY_VOID(made->reload());
  return made;
}

std::string TlsCertificates::fingerprint(const Contents& contents) const {
  std::string all;
  for (const auto* part : {&contents.certificate, &contents.key, &contents.client_ca}) {
    const std::string_view text = *part ? std::string_view(**part) : std::string_view(part->error().detail);
    all += base::sha256(text);
  }
  return all;
}

base::Result<void> TlsCertificates::use(const Contents& contents) {
  TRUNKLINE_TRY(const ContextPtr context, bare_context());
  for (const auto* part : {&contents.certificate, &contents.key, &contents.client_ca}) {
    if (!*part) return part->error();
  }
  auto chain = parse_certificates(*contents.certificate);
  if (!chain) return chain.error().with(options_.certificate_file);
  const auto key = parse_key(*contents.key);
  if (!key) return key.error().with(options_.key_file);
  if (const auto pair = check_pair(*chain->front(), **key); !pair) return pair.error().with(options_.key_file);
  if (const auto put = put_chain(*context, *chain); !put) return put.error().with(options_.certificate_file);
  if (const auto put = put_key(*context, **key); !put) return put.error().with(options_.key_file);
  if (options_.client_auth != ClientAuth::none) {
    const auto authorities = parse_certificates(*contents.client_ca);
    if (!authorities) return authorities.error().with(options_.client_ca_file);
    TRUNKLINE_TRY_VOID(trust_clients(*context, *authorities, options_.client_auth, *contents.client_ca));
  }
  const base::WallTime not_after = facts_of(*chain->front()).not_after;
  const std::lock_guard lock(mutex_);
  context_ = context;
  not_after_ = not_after;
  made_ = clock_.wall();
  return {};
}

base::Result<void> TlsCertificates::reload() {
  const std::lock_guard lock(reload_mutex_);
  const Contents contents = Contents::read(options_);
  tried_ = fingerprint(contents);
  return use(contents);
}

base::Result<bool> TlsCertificates::reload_if_changed() {
  const std::lock_guard lock(reload_mutex_);
  const Contents contents = Contents::read(options_);
  std::string now = fingerprint(contents);
  base::WallTime made;
  {
    const std::lock_guard copying(mutex_);
    made = made_;
  }
  if (now == tried_ && clock_.wall() - made < kTicketKeysLive) return false;
  const bool same = now == tried_;
  tried_ = std::move(now);
  const base::Result<void> used = use(contents);
  if (used) return !same;
  if (same) return false;  // said already
  return used.error();
}

base::WallTime TlsCertificates::not_after() const {
  const std::lock_guard lock(mutex_);
  return not_after_;
}

std::shared_ptr<SSL_CTX> TlsCertificates::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

}  // namespace trunkline::net
