#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/http_parser.hpp"
#include "net/http_reply.hpp"
#include "net/http_server.hpp"
#include "net/tls_channel.hpp"

namespace trunkline::net {

class ServerSession;

// What all loops of one server share.
struct ServerShared {
  ServerShared(HttpServerOptions server_options, HttpServer::Handler request_handler)
      : options(server_options), handler(std::move(request_handler)) {}

  const HttpServerOptions options;
  const HttpServer::Handler handler;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> buffered_bytes{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> bad_requests{0};
  std::atomic<std::size_t> tls_under_way{0};
  std::atomic<std::uint64_t> tls_handshakes{0};
  std::atomic<std::uint64_t> tls_resumed{0};
  std::atomic<std::uint64_t> tls_failures{0};
};

// The sessions of one loop and what they share: the read buffer, so that an idle connection holds none, the Date line,
// the sweep for time-outs, the list of those with answers to send. Loop thread only, but for `requests`.
class SessionGroup : public std::enable_shared_from_this<SessionGroup> {
 public:
  SessionGroup(IoLoop& loop, std::shared_ptr<ServerShared> shared);

  // With a TLS context, the connection is counted in `tls_under_way`.
  void add(boost::asio::ip::tcp::socket socket, std::shared_ptr<ssl_ctx_st> tls);
  void remove(ServerSession& session);
  // Answers given in one turn of the loop leave in one write: the session is flushed after the handlers that are queued
  // now.
  void flush_later(std::shared_ptr<ServerSession> session);

  void stop(base::Task when_empty);  // once
  void cut_all();
  // The loop has stopped and the server goes: nothing may touch the group any more.
  void abandon();

  bool may_log_handshake();  // one failed handshake a minute

  IoLoop& loop;
  const std::shared_ptr<ServerShared> shared;
  std::string read_buffer;
  DateLine date;
  base::MonoTime now;  // of the last sweep: at most one sweep period behind
  bool stopping = false;
  std::atomic<std::uint64_t> requests{0};  // written by the loop alone

 private:
  void arm_sweep();
  void sweep();
  void flush_all();

  std::vector<std::shared_ptr<ServerSession>> sessions_;
  std::vector<std::shared_ptr<ServerSession>> to_flush_;
  base::Millis sweep_period_;
  bool sweep_armed_ = false;
  std::optional<base::MonoTime> logged_handshake_;
  base::Task when_empty_;
};

// One accepted connection. Reads as long as its bounds allow, hands each request on at once, keeps the answers until
// their turn. Lives on one loop; the group owns it until close(), outstanding socket operations keep it alive a little
// longer.
class ServerSession final : public Peer, public std::enable_shared_from_this<ServerSession> {
 public:
  ServerSession(std::shared_ptr<SessionGroup> group, boost::asio::ip::tcp::socket socket,
                std::shared_ptr<ssl_ctx_st> tls);

  void start();
  // Any thread; the first answer to a request counts.
  static void answer(std::shared_ptr<ServerSession> session, std::uint64_t sequence, HttpResponse response);
  // Sends what can be sent, and goes on as far as that allows.
  void flush();
  void stop();
  void sweep(base::MonoTime now, base::Millis period);
  void close();
  void abandon();
  bool gone() override;

  // The open stream, for its HttpStream.
  bool stream_write(std::string_view bytes);
  void stream_end();
  void stream_on_closed(base::Task closed);
  std::size_t unsent() const { return output_.size() - output_sent_; }

  std::size_t index = 0;   // in the group
  bool flush_due = false;  // is in the group's list

 private:
  enum class Phase : std::uint8_t { handshake, idle, head, body, lingering };
  struct Slot {  // a request whose answer has not been put into out_
    bool answered = false;
    bool head_request = false;
    bool http_1_0 = false;
    bool close = false;
    enum class Stream : std::uint8_t { none, open, ended } stream = Stream::none;
    std::size_t held_bytes = 0;
    HttpResponse response;
  };

  void wait_readable();
  void wait_writable();
  void on_readable();
  bool handshake();
  void handshake_failed(std::string_view why, bool lost);
  void leave_handshake();
  void linger();
  std::size_t read_some(std::string& buffer, boost::system::error_code& error);
  std::size_t write_some(boost::system::error_code& error);
  void on_end_of_input();
  void discard_input();
  void take_bytes(std::string_view bytes);
  std::size_t parse(std::string_view bytes);
  void dispatch();
  void refuse(ParseStatus why);
  void answer_here(std::uint64_t sequence, HttpResponse response);
  std::uint64_t open_slot(bool close);
  void emit_answers();
  bool emit_answer(Slot& slot);
  bool streaming() const;
  void stream_begin(Slot& slot);
  void stream_tell_closed();
  void stream_watch();
  bool account_body();
  void release(std::size_t bytes);
  bool may_take_request() const;
  bool may_read() const;
  void send_continue_if_due();
  void note_phase();
  bool send_output();
  void proceed();
  void finish();

  const std::shared_ptr<SessionGroup> group_;
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<TlsChannel> tls_;  // none: plain
  std::shared_ptr<const PeerCertificate> certificate_;
  std::string peer_;
  RequestParser parser_;
  std::string input_;  // read but not consumed: at most a read buffer and a head
  std::string output_;
  std::size_t output_sent_ = 0;
  std::vector<Slot> slots_;
  std::uint64_t first_sequence_ = 0;  // of slots_[0]
  std::size_t body_held_ = 0;         // of the request being read
  std::size_t slots_held_ = 0;        // of the open ones
  Phase phase_ = Phase::idle;
  base::MonoTime phase_since_;
  base::MonoTime write_progress_;
  bool parsing_ = false;
  bool starved_ = false;  // input_ can only be parsed on with more behind it
  bool reading_ = false;  // an operation is outstanding
  bool writing_ = false;
  bool continue_due_ = false;
  bool last_taken_ = false;    // no further request is read
  bool unread_input_ = false;  // closing now would reset the connection under the last answer
  bool ended_ = false;         // the peer sends no more
  bool over_ = false;          // the same, while it cannot be acted on because a stream is open
  bool watching_ = false;      // for a reset, since the stream began
  bool closed_ = false;
  base::Task stream_closed_;
};

}  // namespace trunkline::net
