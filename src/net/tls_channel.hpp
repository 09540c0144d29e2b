#pragma once

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "net/http_types.hpp"

struct ssl_st;      // OpenSSL's SSL
struct ssl_ctx_st;  // and SSL_CTX

namespace trunkline::net {

// One end of TLS on a socket that does not block and is not owned. Calls do what can be done now and say
// `would_block` otherwise, like the socket's own; the errors are Asio's. After an error other than would_block only
// the destructor is of use. One thread.
class TlsChannel {
 public:
  TlsChannel(std::shared_ptr<ssl_ctx_st> context, int socket);
  // The client's end. The server's certificate must be for `server`, a name or an address (RFC 6125, without the fallback
  // to the common name where there are other names); the context says who may have signed it.
  TlsChannel(std::shared_ptr<ssl_ctx_st> context, int socket, const std::string& server);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Goes on with the handshake; no error: it is done.
  void handshake(boost::system::error_code& error);
  bool resumed() const;                        // after the handshake
  bool heard_nothing() const;                  // not a byte has come from the peer
  std::uint64_t socket_bytes_written() const;  // what has gone to the socket: handshake, records and all
  // Of a client certificate that was verified and is still valid.
  std::shared_ptr<const PeerCertificate> peer_certificate() const;

  // Fills the buffer with as much as there is. eof: the peer has closed its side, with a close_notify or without.
  std::size_t read_some(char* out, std::size_t size, boost::system::error_code& error);
  std::size_t write_some(const char* bytes, std::size_t size, boost::system::error_code& error);
  // Tells the peer that no more comes, as far as the socket takes it now.
  void close_notify();

  // Whether bytes may lie here that the socket knows nothing of: read again before waiting.
  bool more_to_read() const { return more_to_read_; }
  // Which way to wait after would_block: a read may need to write first, and the other way round.
  bool read_waits_to_write() const { return read_waits_to_write_; }
  bool write_waits_to_read() const { return write_waits_to_read_; }
  const std::string& failure() const { return failure_; }  // in words, after an error

 private:
  boost::system::error_code error_of(int result);

  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
  bool more_to_read_ = false;
  bool read_waits_to_write_ = false;
  bool write_waits_to_read_ = false;
  bool established_ = false;
  bool failed_ = false;
  std::string failure_;
};

}  // namespace trunkline::net
