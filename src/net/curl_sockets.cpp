#include "net/curl_sockets.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

#include "net/io_loop_impl.hpp"

namespace trunkline::net {

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;

// One socket. At most one wait for each direction is outstanding; a wait that nobody wants any more is left to end by
// itself.
struct CurlSockets::Watch : std::enable_shared_from_this<CurlSockets::Watch> {
  Watch(IoLoop& loop, curl_socket_t socket, bool opened_here, std::weak_ptr<Ready> ready)
      : descriptor(loop.impl().context, socket), fd(socket), ours(opened_here), on_ready(std::move(ready)) {}

  void arm() {
    if (gone) return;
    if ((wanted & CURL_POLL_IN) != 0 && !reading) {
      reading = true;
      wait(Descriptor::wait_read, CURL_POLL_IN, CURL_CSELECT_IN, reading);
    }
    if ((wanted & CURL_POLL_OUT) != 0 && !writing) {
      writing = true;
      wait(Descriptor::wait_write, CURL_POLL_OUT, CURL_CSELECT_OUT, writing);
    }
  }
  void wait(Descriptor::wait_type type, int direction, int ready_bit, bool& outstanding) {
    descriptor.async_wait(
        type, [self = shared_from_this(), direction, ready_bit, &outstanding](const boost::system::error_code& error) {
          outstanding = false;
          if (self->gone || error == asio::error::operation_aborted) return;
          if ((self->wanted & direction) == 0) return;
          if (const auto ready = self->on_ready.lock()) (*ready)(self->fd, error ? CURL_CSELECT_ERR : ready_bit);
          self->arm();
        });
  }
  // The descriptor forgets the socket without closing it.
  void release() {
    gone = true;
    descriptor.release();
  }

  Descriptor descriptor;
  const curl_socket_t fd;
  const bool ours;
  const std::weak_ptr<Ready> on_ready;
  int wanted = 0;
  bool reading = false;
  bool writing = false;
  bool gone = false;
};

CurlSockets::CurlSockets(IoLoop& loop, Ready on_ready)
    : loop_(loop), on_ready_(std::make_shared<Ready>(std::move(on_ready))) {}

CurlSockets::~CurlSockets() {
  for (const auto& [socket, watch] : watches_) watch->release();
}

CurlSockets::Watch& CurlSockets::watch(curl_socket_t socket, bool ours) {
  std::shared_ptr<Watch>& found = watches_[socket];
  if (!found) found = std::make_shared<Watch>(loop_, socket, ours, on_ready_);
  return *found;
}

void CurlSockets::want(curl_socket_t socket, int what) {
  if (what != CURL_POLL_REMOVE) {
    Watch& found = watch(socket, false);
    found.wanted = what;
    return found.arm();
  }
  const auto found = watches_.find(socket);
  if (found == watches_.end()) return;
  found->second->wanted = 0;
  if (found->second->ours) return;
  // The resolver's own pair: libcurl closes it right after this call.
  found->second->release();
  watches_.erase(found);
}

curl_socket_t CurlSockets::open(const curl_sockaddr& address) {
  const curl_socket_t socket =
      ::socket(address.family, address.socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.protocol);
  if (socket != CURL_SOCKET_BAD) watch(socket, true);
  return socket;
}

void CurlSockets::close(curl_socket_t socket) {
  const auto found = watches_.find(socket);
  if (found != watches_.end()) {
    found->second->release();
    watches_.erase(found);
  }
  ::close(socket);
}

}  // namespace trunkline::net
