#include "base/log.hpp"
#include "net/io_loop_impl.hpp"
#include "net/server_session.hpp"

#include <boost/asio/error.hpp>

namespace trunkline::net {
namespace {

// A line for each failed handshake would let anyone fill the log; none would hide a sender whose CA has expired.
constexpr base::Millis kLogPause = std::chrono::seconds(60);

}  // namespace

// False while it is under way, and when it has failed.
bool ServerSession::handshake() {
  boost::system::error_code error;
  tls_->handshake(error);
  if (error == boost::asio::error::would_block) {
    wait_readable();
    return false;
  }
  // A probe that only connects is none of the failures that an operator should look into.
  if (error == boost::asio::error::eof && tls_->heard_nothing()) {
    close();
    return false;
  }
  if (error) {
    const bool lost = error != boost::asio::error::connection_aborted;
    handshake_failed(error == boost::asio::error::eof ? "given up by the peer" : tls_->failure(), lost);
    return false;
  }
  leave_handshake();
  ++group_->shared->tls_handshakes;
  if (tls_->resumed()) ++group_->shared->tls_resumed;
  certificate_ = tls_->peer_certificate();
  return true;
}

// The alert that says why is in the socket: it must not be reset away under it, unless nobody is there to read it.
void ServerSession::handshake_failed(std::string_view why, bool lost) {
  ++group_->shared->tls_failures;
  if (!lost && group_->may_log_handshake()) {
    base::log::warn("TLS handshake failed", "peer", peer_, "why", why, "failures", group_->shared->tls_failures.load());
  }
  if (lost) return close();
  last_taken_ = true;
  linger();
}

void ServerSession::leave_handshake() {
  if (phase_ != Phase::handshake) return;
  phase_ = Phase::idle;
  phase_since_ = group_->now;
  group_->shared->tls_under_way.fetch_sub(1, std::memory_order_relaxed);
}

bool SessionGroup::may_log_handshake() {
  if (logged_handshake_ && now - *logged_handshake_ < kLogPause) return false;
  logged_handshake_ = now;
  return true;
}

}  // namespace trunkline::net
