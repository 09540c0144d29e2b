#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace trunkline::net {

enum class ClientAuth : std::uint8_t {
  none,     // clients are not asked for a certificate
  request,  // asked; one that is not verified ends the handshake, none is well
  require,  // asked; without a verified one there is no connection
};

struct TlsOptions {
  std::string certificate_file{};  // PEM: the server's own certificate first, then the chain towards its root
  std::string key_file{};          // PEM, without a passphrase
  // PEM: what client certificates are verified against. Every certificate in it is trusted as it is, so it may be an
  // intermediate one.
  std::string client_ca_file{};
  ClientAuth client_auth = ClientAuth::none;
};

// What a certificate file holds, for whoever looks at it before it is used.
struct CertificateFacts {
  std::string subject;  // RFC 4514
  base::WallTime not_before;
  base::WallTime not_after;
};

// The files of one end of TLS, checked: readable, a certificate with its key, both taken by OpenSSL (whose security level
// refuses short keys), CAs that are certificates. What has no path is not looked at. An expired certificate is no error here: peers decide. `file` tells which option is to blame.
struct TlsProblem {
  enum class File : std::uint8_t { certificate, key, client_ca } file;
  std::string detail;
};
struct TlsInspection {
  std::vector<TlsProblem> problems;            // in order of the options
  std::vector<CertificateFacts> certificates;  // of certificate_file, the server's own first
  std::vector<CertificateFacts> client_cas;
};
TlsInspection inspect_tls_files(const TlsOptions& options);

// The certificate, key and client CAs of a TLS listener. New connections use what was loaded last; open ones keep what
// they began with. Any thread. TLS 1.2 and 1.3, only ciphers with forward secrecy (RFC 9325); sessions are resumed by
// tickets, whose keys live for half a day and never outlive a reload.
class TlsCertificates {
 public:
  // Errc::not_found or Errc::invalid when a file cannot be read or used. The clock, which must outlive the object, is
  // for the life of ticket keys.
  static base::Result<std::shared_ptr<TlsCertificates>> load(TlsOptions options, const base::Clock& clock);
  TlsCertificates(const TlsCertificates&) = delete;
  TlsCertificates& operator=(const TlsCertificates&) = delete;

  // Reads the files anew. An error leaves what is in use.
  base::Result<void> reload();
  // The same when a file is another or has another content than what was tried last, or when the ticket keys are old.
  // True when something new is in use. Files that cannot be used are reported once, and tried again when they change.
  base::Result<bool> reload_if_changed();

  base::WallTime not_after() const;             // of the server's own certificate in use
  std::shared_ptr<ssl_ctx_st> context() const;  // for net's own sources
  const TlsOptions& options() const { return options_; }

 private:
  struct Contents;
  TlsCertificates(TlsOptions options, const base::Clock& clock) : options_(std::move(options)), clock_(clock) {}
  base::Result<void> use(const Contents& contents);
  std::string fingerprint(const Contents& contents) const;

  const TlsOptions options_;
  const base::Clock& clock_;
  mutable std::mutex mutex_;  // taken for copies only, by the accepting side once a connection
  std::shared_ptr<ssl_ctx_st> context_;
  base::WallTime not_after_;
  base::WallTime made_;
  std::mutex reload_mutex_;  // one reload at a time; guards the fingerprint
  std::string tried_;
};

}  // namespace trunkline::net
