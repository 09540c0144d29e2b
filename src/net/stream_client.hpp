#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/function.hpp"
#include "base/result.hpp"
#include "net/http_client.hpp"
#include "net/io_loop.hpp"
#include "net/tls_client.hpp"

namespace trunkline::net {

struct StreamClientOptions {
  std::string host;  // name or address
  std::uint16_t port = 0;
  bool tls = false;
  TlsClientFiles files{};  // with tls
  AddressPolicy addresses{};
  base::Millis connect_timeout = std::chrono::seconds(5);  // name, TCP and TLS together
  base::Millis timeout = std::chrono::seconds(30);         // of one write, from write() to its callback
  // How long the connection must stay open after the peer's TCP has acknowledged a write: a peer that dies with bytes
  // unread resets the connection, which is heard within a round trip.
  base::Millis hold{250};
  std::size_t unsettled_bytes_max = 64 << 20;  // of writes without their callback; more is Errc::overloaded
};

// Bytes to a peer that never answers, over TCP or TLS, as safely as TCP allows. One connection, made for the first write
// and made anew for the next write after it has broken. A write is done when the peer's TCP has acknowledged all of it
// (Linux: SIOCOUTQ) and the connection then stayed open for `hold`. That the peer's program has read it, TCP does not
// tell. When the connection breaks, every write without its callback fails, in order: whether the peer has them, nobody
// knows, and they are the caller's to send again.
//
// What the peer sends is read and thrown away; that it closes is a break. Loop thread only, but that it may be made before
// the loop starts.
class StreamClient {
 public:
  // Errc::invalid when the TLS files cannot be used. The loop must outlive it.
  static base::Result<std::unique_ptr<StreamClient>> make(IoLoop& loop, StreamClientOptions options);
  ~StreamClient();  // on the loop, or after it has stopped; writes without their callback get none
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  // The callback runs later on the loop, exactly once. Errc::unavailable: no connection, a break; Errc::timeout: not
  // acknowledged in time; Errc::invalid: an address that may not be called. Empty bytes are done when there is a connection.
  using Callback = base::UniqueFunction<void(base::Result<void>)>;
  void write(std::string bytes, Callback done);

 private:
  struct Impl;
  explicit StreamClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;  // shared with the operations under way
};

}  // namespace trunkline::net
