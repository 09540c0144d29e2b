#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "net/http_stream.hpp"
#include "net/io_loop_impl.hpp"
#include "net/server_session.hpp"

namespace trunkline::net {
namespace {

// What gathers for one write of the socket; more is sent at once, so that a peer that does read is not cut.
constexpr std::size_t kGatherMax = 64 << 10;

// Held by whoever produces the body, so it must not keep the session alive.
class SessionStream final : public HttpStream {
 public:
  SessionStream(std::weak_ptr<ServerSession> session, IoLoop& loop) : session_(std::move(session)), loop_(loop) {}
  SessionStream(const SessionStream&) = delete;
  SessionStream& operator=(const SessionStream&) = delete;
  ~SessionStream() override {
    const auto session = session_.lock();
    if (session && !*done_) loop_.post([session] { session->close(); });
  }

  bool write(std::string_view bytes) override {
    const auto session = open_session();
    return session && session->stream_write(bytes);
  }
  std::size_t unfetched() const override {
    const auto session = open_session();
    return session ? session->unsent() : 0;
  }
  void close() override {
    if (const auto session = open_session()) session->stream_end();
    *done_ = true;
  }
  void on_closed(base::Task told) override {
    if (*done_) return;
    // Posted when the peer goes; close() may come before its turn.
    base::Task closed = [done = done_, told = std::move(told)]() mutable {
      if (!*done) told();
    };
    const auto session = session_.lock();
    if (session) return session->stream_on_closed(std::move(closed));
    loop_.post(std::move(closed));
  }

 private:
  std::shared_ptr<ServerSession> open_session() const { return *done_ ? nullptr : session_.lock(); }

  std::weak_ptr<ServerSession> session_;
  IoLoop& loop_;
  // Afterwards the session may serve another stream. Shared with the posted `closed`, which may outlive the stream.
  const std::shared_ptr<bool> done_ = std::make_shared<bool>(false);
};

}  // namespace

bool ServerSession::streaming() const {
  return !slots_.empty() && slots_.front().stream == Slot::Stream::open;
}

// The callback is posted: it may write, close and answer other requests, and we may be in the middle of parsing.
void ServerSession::stream_begin(Slot& slot) {
  slot.stream = Slot::Stream::open;
  slot.close |= slot.http_1_0;
  group_->loop.post([begin = std::move(slot.response.stream),
                     stream = std::make_shared<SessionStream>(weak_from_this(), group_->loop)]() mutable {
    begin(std::move(stream));
  });
}

bool ServerSession::stream_write(std::string_view bytes) {
  if (closed_ || !streaming()) return false;
  if (bytes.empty()) return true;  // in chunks, an empty one would be the end
  const auto self = shared_from_this();
  const std::size_t bound = group_->shared->options.stream_unfetched_max;
  if (unsent() + bytes.size() > std::min(bound, kGatherMax) && !send_output()) return false;
  if (unsent() > 0 && unsent() + bytes.size() > bound) {
    close();
    return false;
  }
  if (slots_.front().http_1_0) {
    output_ += bytes;
  } else {
    fmt::format_to(std::back_inserter(output_), "{:x}\r\n", bytes.size());
    output_.append(bytes).append("\r\n");
  }
  group_->flush_later(self);
  return true;
}

void ServerSession::stream_end() {
  if (closed_ || !streaming()) return;
  stream_closed_ = nullptr;
  Slot& slot = slots_.front();
  slot.stream = Slot::Stream::ended;
  if (!slot.http_1_0) output_ += "0\r\n\r\n";
  emit_answers();
  group_->flush_later(shared_from_this());
}

void ServerSession::stream_on_closed(base::Task closed) {
  stream_closed_ = std::move(closed);
  if (closed_ || group_->stopping) stream_tell_closed();
}

void ServerSession::stream_tell_closed() {
  if (stream_closed_) group_->loop.post(std::exchange(stream_closed_, nullptr));
}

// While a stream is open, what its peer sends is kept up to one read buffer; further there is nothing to read, only a
// reset to hear of.
void ServerSession::stream_watch() {
  if (!over_ && input_.size() < group_->read_buffer.size()) return wait_readable();
  if (watching_) return;
  watching_ = true;
  // Waited for once: urgent data would end each wait at once, and a write finds the reset as well.
  socket_.async_wait(boost::asio::socket_base::wait_error, [self = shared_from_this()](const auto& cancelled) {
    if (cancelled || self->closed_) return;
    boost::asio::detail::socket_option::integer<SOL_SOCKET, SO_ERROR> error;
    boost::system::error_code failed;
    self->socket_.get_option(error, failed);
    if (failed || error.value() != 0) self->close();
  });
}

}  // namespace trunkline::net
