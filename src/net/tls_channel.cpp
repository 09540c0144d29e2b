#include "net/tls_channel.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <utility>

#include "base/crypto.hpp"
#include "net/tls_pem.hpp"

namespace trunkline::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// OpenSSL's own socket BIO writes with write(), which raises SIGPIPE when the peer is gone.
int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_read(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(socket_of(bio), out, static_cast<std::size_t>(size), 0);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

BIO* socket_bio(int socket) {
  // A table of functions, made once and never changed.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  BIO* const bio = BIO_new(method);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  return bio;
}

// A name with a NUL or control character in it is an attempt to be taken for another one.
void add_name(std::vector<std::string>& names, const ASN1_IA5STRING& name) {
  const char* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(&name));
  std::string text(data, static_cast<std::size_t>(ASN1_STRING_length(&name)));
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (plain && !text.empty()) names.push_back(std::move(text));
}

PeerCertificate describe(X509& certificate) {
  PeerCertificate peer;
  peer.subject = name_text(*X509_get_subject_name(&certificate));
  using Names = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
  const Names names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) add_name(peer.dns_names, *name->d.dNSName);
    if (name->type == GEN_URI) add_name(peer.uris, *name->d.uniformResourceIdentifier);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(&certificate, EVP_sha256(), digest, &size) == 1) {
    peer.sha256 = base::hex_encode({reinterpret_cast<const char*>(digest), size});
  }
  return peer;
}

}  // namespace

TlsChannel::TlsChannel(std::shared_ptr<SSL_CTX> context, int socket) : ssl_(SSL_new(context.get()), SSL_free) {
  if (!ssl_) {
    failed_ = true;
    failure_ = openssl_error();
    return;
  }
  BIO* const bio = socket_bio(socket);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

TlsChannel::TlsChannel(std::shared_ptr<SSL_CTX> context, int socket, const std::string& server)
    : TlsChannel(std::move(context), socket) {
  if (failed_) return;
  SSL_set_connect_state(ssl_.get());
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(wanted, server.c_str()) == 1;
  const bool named = is_address || (SSL_set1_host(ssl_.get(), server.c_str()) == 1 &&
                                    SSL_set_tlsext_host_name(ssl_.get(), server.c_str()) == 1);
  ERR_clear_error();
  if (named) return;
  failed_ = true;
  failure_ = "no name for a certificate: " + server;
}

TlsChannel::~TlsChannel() = default;

error_code TlsChannel::error_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return asio::error::eof;
    case SSL_ERROR_SYSCALL: {
      const int number = errno;
      failed_ = true;
      failure_ = number != 0 ? error_code(number, boost::system::system_category()).message() : "connection lost";
      return number != 0 ? error_code(number, boost::system::system_category()) : asio::error::connection_reset;
    }
    default: {
      failed_ = true;
      failure_ = openssl_error();
      const long verified = SSL_get_verify_result(ssl_.get());
      if (verified != X509_V_OK) failure_ += fmt::format(": {}", X509_verify_cert_error_string(verified));
      return asio::error::connection_aborted;
    }
  }
}

void TlsChannel::handshake(error_code& error) {
  error = asio::error::connection_aborted;
  if (failed_) return;
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  read_waits_to_write_ = result != 1 && SSL_want_write(ssl_.get());
  if (result != 1) {
    error = error_of(result);
    return;
  }
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  const bool server = SSL_is_server(ssl_.get()) != 0;
  if (server && certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    failed_ = true;  // it was verified when the session began that is resumed now
    failure_ = "the client's certificate has expired since";
    return;
  }
  established_ = true;
  more_to_read_ = true;  // a request may have come with the end of the handshake
  error = {};
}

bool TlsChannel::resumed() const {
  return SSL_session_reused(ssl_.get()) != 0;
}

bool TlsChannel::heard_nothing() const {
  return !ssl_ || BIO_number_read(SSL_get_rbio(ssl_.get())) == 0;
}

std::uint64_t TlsChannel::socket_bytes_written() const {
  return ssl_ ? BIO_number_written(SSL_get_wbio(ssl_.get())) : 0;
}

std::shared_ptr<const PeerCertificate> TlsChannel::peer_certificate() const {
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return nullptr;
  return std::make_shared<const PeerCertificate>(describe(*certificate));
}

std::size_t TlsChannel::read_some(char* out, std::size_t size, error_code& error) {
  error = asio::error::connection_aborted;
  more_to_read_ = false;
  if (failed_) return 0;
  std::size_t filled = 0;
  while (filled < size) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), out + filled, size - filled, &got);
    if (result != 1) {
      read_waits_to_write_ = SSL_want_write(ssl_.get());
      error = error_of(result);
      break;
    }
    filled += got;
  }
  // An end or a failure is told by the next call, behind what came before it, and by every further one: the socket
  // need not become readable for it again.
  more_to_read_ = filled == size || error != asio::error::would_block;
  if (filled > 0) error = {};
  return filled;
}

std::size_t TlsChannel::write_some(const char* bytes, std::size_t size, error_code& error) {
  error = asio::error::connection_aborted;
  if (failed_) return 0;
  ERR_clear_error();
  errno = 0;
  std::size_t sent = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes, size, &sent);
  write_waits_to_read_ = result != 1 && SSL_want_read(ssl_.get());
  error = result == 1 ? error_code() : error_of(result);
  return result == 1 ? sent : 0;
}

void TlsChannel::close_notify() {
  if (failed_ || !established_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace trunkline::net
