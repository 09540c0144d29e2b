#include "net/server_session.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "net/content_coding.hpp"
#include "net/io_loop_impl.hpp"

namespace trunkline::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Answers that a peer does not fetch; above, its connection is not read.
constexpr std::size_t kOutputMax = 1 << 20;
// How long a peer that was refused may go on sending into the void, so that it reads the answer before a reset (RFC
// 9112 9.6).
constexpr base::Millis kLinger{2000};

bool would_block(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

std::string peer_text(const asio::ip::tcp::socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return {};
  const std::string address = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), address, endpoint.port());
}

HttpResponse unavailable(std::string_view why) {
  HttpResponse response = HttpResponse::text(503, std::string(why));
  response.body += '\n';
  return response;
}

// Answers 503 when it goes without having been called. Held by the session's user, so it must not keep the session
// alive.
class AnswerOnce {
 public:
  AnswerOnce(std::weak_ptr<ServerSession> session, std::uint64_t sequence)
      : session_(std::move(session)), sequence_(sequence) {}
  AnswerOnce(AnswerOnce&&) = default;
  AnswerOnce& operator=(AnswerOnce&&) = delete;
  ~AnswerOnce() {
    if (auto session = session_.lock()) {
      ServerSession::answer(std::move(session), sequence_, unavailable("the request was dropped unanswered"));
    }
  }
  void operator()(HttpResponse response) {
    auto session = session_.lock();
    session_.reset();
    if (session) ServerSession::answer(std::move(session), sequence_, std::move(response));
  }

 private:
  std::weak_ptr<ServerSession> session_;
  std::uint64_t sequence_;
};

}  // namespace

ServerSession::ServerSession(std::shared_ptr<SessionGroup> group, asio::ip::tcp::socket socket,
                             std::shared_ptr<ssl_ctx_st> tls)
    : group_(std::move(group)),
      socket_(std::move(socket)),
      tls_(tls ? std::make_unique<TlsChannel>(std::move(tls), socket_.native_handle()) : nullptr),
      peer_(peer_text(socket_)),
      parser_({group_->shared->options.header_bytes_max, group_->shared->options.body_bytes_max}),
      phase_(tls_ ? Phase::handshake : Phase::idle),
      phase_since_(group_->now),
      write_progress_(group_->now) {}

void ServerSession::start() {
  error_code error;
  socket_.set_option(asio::ip::tcp::no_delay(true), error);
  socket_.non_blocking(true, error);
  wait_readable();
}

void ServerSession::wait_readable() {
  if (reading_ || closed_) return;
  reading_ = true;
  auto read = [self = shared_from_this()](const error_code& error) {
    self->reading_ = false;
    if (!error && !self->closed_) self->on_readable();
  };
  const bool tls = tls_ && phase_ != Phase::lingering;
  if (tls && tls_->more_to_read()) {
    return asio::post(socket_.get_executor(), [read = std::move(read)]() mutable { read({}); });
  }
  const bool other_way = tls && tls_->read_waits_to_write();
  socket_.async_wait(other_way ? asio::socket_base::wait_write : asio::socket_base::wait_read, std::move(read));
}

std::size_t ServerSession::read_some(std::string& buffer, error_code& error) {
  return tls_ ? tls_->read_some(buffer.data(), buffer.size(), error) : socket_.read_some(asio::buffer(buffer), error);
}

std::size_t ServerSession::write_some(error_code& error) {
  const char* const bytes = output_.data() + output_sent_;
  return tls_ ? tls_->write_some(bytes, unsent(), error) : socket_.write_some(asio::buffer(bytes, unsent()), error);
}

void ServerSession::on_readable() {
  if (phase_ == Phase::lingering) return discard_input();
  if (phase_ == Phase::handshake && !handshake()) return;
  error_code error;
  std::string& buffer = group_->read_buffer;
  const std::size_t size = read_some(buffer, error);
  if (would_block(error)) return wait_readable();
  if (error == asio::error::eof && streaming()) {
    over_ = true;  // comes again when the stream has ended and what lies before it is read
    return stream_watch();
  }
  if (error == asio::error::eof) return on_end_of_input();
  if (error) return close();
  const auto self = shared_from_this();
  take_bytes(std::string_view(buffer).substr(0, size));
  proceed();
}

// A peer may have shut down its sending side only: what it has asked is answered (RFC 9112 section 9.6).
void ServerSession::on_end_of_input() {
  ended_ = true;
  last_taken_ = true;
  unread_input_ = false;
  release(std::exchange(body_held_, 0));
  note_phase();
  finish();
}

void ServerSession::discard_input() {
  error_code error;
  socket_.read_some(asio::buffer(group_->read_buffer), error);
  if (error && !would_block(error)) return close();
  wait_readable();
}

void ServerSession::take_bytes(std::string_view bytes) {
  if (input_.empty()) {
    const std::size_t used = parse(bytes);
    input_.assign(bytes.substr(used));
  } else {
    input_.append(bytes);
    input_.erase(0, parse(input_));
  }
}

bool ServerSession::may_take_request() const {
  const HttpServerOptions& options = group_->shared->options;
  return !last_taken_ && !streaming() && slots_.size() < options.pipeline_max && slots_held_ < options.body_bytes_max &&
         unsent() < kOutputMax;
}

bool ServerSession::may_read() const {
  return !ended_ && (parser_.idle() ? may_take_request() : !last_taken_);
}

std::size_t ServerSession::parse(std::string_view bytes) {
  parsing_ = true;
  starved_ = false;
  std::size_t used = 0;
  while (used < bytes.size() && may_read()) {
    const ParseProgress progress = parser_.put(bytes.substr(used));
    used += progress.consumed;
    const bool accounted = account_body();
    if (progress.status == ParseStatus::complete && accounted) {
      dispatch();
    } else if (progress.status == ParseStatus::malformed || progress.status == ParseStatus::too_large || !accounted) {
      refuse(progress.status);
    } else {
      starved_ = true;
      break;
    }
  }
  if (last_taken_ && used < bytes.size()) unread_input_ = true;
  if (last_taken_) used = bytes.size();
  parsing_ = false;
  note_phase();
  return used;
}

// False when the request's body does not fit into what the server may hold.
bool ServerSession::account_body() {
  const std::size_t grown = parser_.body_bytes() - body_held_;
  if (grown == 0) return true;
  body_held_ += grown;
  auto& total = group_->shared->buffered_bytes;
  return total.fetch_add(grown, std::memory_order_relaxed) + grown <= group_->shared->options.buffered_bytes_max;
}

void ServerSession::release(std::size_t bytes) {
  if (bytes > 0) group_->shared->buffered_bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

std::uint64_t ServerSession::open_slot(bool close) {
  Slot slot;
  slot.head_request = parser_.is_head();
  slot.http_1_0 = parser_.http_1_0();
  slot.close = close;
  slot.held_bytes = std::exchange(body_held_, 0);
  slots_held_ += slot.held_bytes;
  slots_.push_back(std::move(slot));
  return first_sequence_ + slots_.size() - 1;
}

void ServerSession::dispatch() {
  const HttpServerOptions& options = group_->shared->options;
  const bool last = !parser_.keep_alive() || group_->stopping;
  const std::uint64_t sequence = open_slot(last);
  last_taken_ |= last;
  continue_due_ = false;
  phase_ = Phase::idle;  // so that the next request's phases count from their own start
  HttpRequest request = parser_.take();
  request.peer = peer_;
  request.connection = weak_from_this();
  if (tls_) {
    request.tls = true;
    request.peer_certificate = certificate_;
  }
  group_->requests.store(group_->requests.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const std::size_t coded_bytes = request.body.size();
  if (decode_content(request, options.decompressed_bytes_max) == DecodeOutcome::over_bound) {
    ++group_->shared->refused;
    return answer_here(sequence, unavailable("the decompressed body is over the bound"));
  }
  if (request.body.size() > coded_bytes) {
    const std::size_t grown = request.body.size() - coded_bytes;
    slots_.back().held_bytes += grown;
    slots_held_ += grown;
    group_->shared->buffered_bytes.fetch_add(grown, std::memory_order_relaxed);
  }
  group_->shared->handler(group_->loop, std::move(request), AnswerOnce(weak_from_this(), sequence));
}

// What is no HTTP gets no answer: Event Grid drops an event that is answered 400, and where a message ends is unknown
// anyway.
void ServerSession::refuse(ParseStatus why) {
  last_taken_ = true;
  unread_input_ = true;
  if (why == ParseStatus::malformed) {
    ++group_->shared->bad_requests;
    release(std::exchange(body_held_, 0));
    return;
  }
  ++group_->shared->refused;
  answer_here(open_slot(true), unavailable(why == ParseStatus::too_large ? "the request is over the bound"
                                                                         : "the server holds too many requests"));
}

void ServerSession::answer(std::shared_ptr<ServerSession> session, std::uint64_t sequence, HttpResponse response) {
  IoLoop& loop = session->group_->loop;
  if (loop.here()) return session->answer_here(sequence, std::move(response));
  loop.post([session = std::move(session), sequence, response = std::move(response)]() mutable {
    session->answer_here(sequence, std::move(response));
  });
}

void ServerSession::answer_here(std::uint64_t sequence, HttpResponse response) {
  if (closed_ || sequence < first_sequence_ || sequence >= first_sequence_ + slots_.size()) return;
  Slot& slot = slots_[sequence - first_sequence_];
  if (slot.answered) return;
  slot.answered = true;
  slot.response = std::move(response);
  release(slot.held_bytes);
  slots_held_ -= std::exchange(slot.held_bytes, 0);
  if (sequence != first_sequence_) return;
  emit_answers();
  if (!parsing_) group_->flush_later(shared_from_this());
}

// False while it is a stream that has not ended.
bool ServerSession::emit_answer(Slot& slot) {
  if (slot.stream != Slot::Stream::none) return slot.stream == Slot::Stream::ended;
  const bool stream = static_cast<bool>(slot.response.stream);
  const bool begins = stream && !slot.head_request && has_body(slot.response.status);
  const bool close_now = slot.close || slot.response.close || (begins && slot.http_1_0);
  append_reply(output_, slot.response, {slot.head_request, close_now, slot.http_1_0, stream},
               group_->date.at(group_->loop.clock().wall()));
  if (begins) stream_begin(slot);
  return !begins;
}

void ServerSession::emit_answers() {
  std::size_t done = 0;
  bool close_now = false;
  while (done < slots_.size() && slots_[done].answered && !close_now && emit_answer(slots_[done])) {
    const Slot& slot = slots_[done++];
    close_now = slot.close || slot.response.close;
  }
  if (close_now) {
    last_taken_ = true;
    for (std::size_t i = done; i < slots_.size(); ++i) release(slots_[i].held_bytes);
    // While parsing, parse() knows better what is left.
    unread_input_ |= done < slots_.size() || (!parsing_ && (!parser_.idle() || !input_.empty()));
    done = slots_.size();
    slots_held_ = 0;
  }
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(done));
  first_sequence_ += done;
}

// In its turn: an answer to an earlier request must not come after it.
void ServerSession::send_continue_if_due() {
  if (!continue_due_ || !slots_.empty()) return;
  continue_due_ = false;
  if (!last_taken_) output_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

void ServerSession::note_phase() {
  if (phase_ == Phase::lingering) return;
  Phase phase = Phase::idle;
  if (!last_taken_ && !parser_.idle()) phase = parser_.head_done() ? Phase::body : Phase::head;
  if (phase == Phase::body && phase_ != Phase::body) continue_due_ = parser_.wants_continue();
  if (phase != phase_ || phase == Phase::idle) phase_since_ = group_->now;
  phase_ = phase;
}

void ServerSession::flush() {
  if (closed_) return;
  const auto self = shared_from_this();
  proceed();
}

// False when the connection is lost.
bool ServerSession::send_output() {
  while (unsent() > 0 && !writing_) {
    error_code error;
    const std::size_t sent = write_some(error);
    output_sent_ += sent;
    if (sent > 0) write_progress_ = group_->now;
    if (would_block(error)) {
      wait_writable();
    } else if (error) {
      close();
      return false;
    }
  }
  if (unsent() == 0) {
    output_.clear();
    output_sent_ = 0;
    if (output_.capacity() > kOutputMax) output_.shrink_to_fit();
  } else if (output_sent_ > kOutputMax && output_sent_ > output_.size() / 2) {
    output_.erase(0, std::exchange(output_sent_, 0));  // a stream may never come to its end
  }
  return true;
}

// Writes; when room has come, reads on: first what has been read already, then from the socket.
void ServerSession::proceed() {
  for (;;) {
    if (closed_) return;
    send_continue_if_due();
    if (!send_output()) return;
    if (input_.empty() || starved_ || !may_read()) break;
    take_bytes({});
  }
  finish();
}

void ServerSession::wait_writable() {
  writing_ = true;
  write_progress_ = group_->now;
  const bool other_way = tls_ && tls_->write_waits_to_read();
  const auto what = other_way ? asio::socket_base::wait_read : asio::socket_base::wait_write;
  socket_.async_wait(what, [self = shared_from_this()](const error_code& error) {
    self->writing_ = false;
    if (!error && !self->closed_) self->proceed();
  });
}

// Decides what the connection does next.
void ServerSession::finish() {
  if (closed_) return;
  if (may_read()) return wait_readable();
  if (streaming()) return stream_watch();
  if (!last_taken_ || !slots_.empty() || !output_.empty() || phase_ == Phase::lingering) return;
  error_code error;
  if (tls_) {
    tls_->close_notify();
    unread_input_ |= socket_.available(error) > 0;
  }
  if (ended_ || !unread_input_) return close();
  linger();
}

void ServerSession::linger() {
  leave_handshake();
  error_code error;
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  phase_ = Phase::lingering;
  phase_since_ = group_->now;
  wait_readable();
}

void ServerSession::stop() {
  stream_tell_closed();
  if (closed_ || last_taken_) return;
  if (!parser_.idle()) return;  // it will be the last one
  last_taken_ = true;
  unread_input_ = !input_.empty();
  if (!slots_.empty()) slots_.back().close = true;
  const auto self = shared_from_this();
  finish();
}

void ServerSession::sweep(base::MonoTime now, base::Millis period) {
  const HttpServerOptions& options = group_->shared->options;
  // Marks are up to one period old when they are made.
  const auto over = [&](base::MonoTime since, base::Millis bound) { return now - since > bound + period; };
  // Only while the peer is waited for: what an answer has just put there is tried in this turn of the loop.
  if (writing_ && over(write_progress_, options.write_timeout)) return close();
  switch (phase_) {
    case Phase::handshake:
      if (over(phase_since_, options.tls_handshake_timeout)) handshake_failed("no handshake in time", true);
      return;
    case Phase::idle:
      if (!slots_.empty() || !output_.empty()) phase_since_ = now;
      if (!over(phase_since_, options.idle_timeout)) return;
      if (tls_) tls_->close_notify();
      close();
      return;
    case Phase::head:
      if (over(phase_since_, options.header_timeout)) close();
      return;
    case Phase::body:
      if (over(phase_since_, options.body_timeout)) close();
      return;
    case Phase::lingering:
      if (over(phase_since_, kLinger)) close();
      return;
  }
}

void ServerSession::close() {
  if (closed_) return;
  const auto self = shared_from_this();
  closed_ = true;
  leave_handshake();
  stream_tell_closed();
  error_code error;
  socket_.close(error);
  release(std::exchange(body_held_, 0));
  for (const Slot& slot : slots_) release(slot.held_bytes);
  slots_.clear();
  group_->shared->connections.fetch_sub(1, std::memory_order_relaxed);
  group_->remove(*this);
}

// A connection that may be read is known to have ended when its end was read; of the others the socket tells.
bool ServerSession::gone() {
  if (closed_ || ended_ || over_) return true;
  char byte = 0;
  const ssize_t size = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void ServerSession::abandon() {
  closed_ = true;
  stream_closed_ = nullptr;
  error_code error;
  socket_.close(error);
}

}  // namespace trunkline::net
