#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "net/io_loop_impl.hpp"
#include "net/server_session.hpp"

namespace trunkline::net {
namespace {

constexpr std::size_t kReadBuffer = 64 << 10;
constexpr base::Millis kSweepMax{100};
constexpr base::Millis kSweepMin{10};

// Time-outs are exact to one sweep; short ones (tests) get a shorter period.
base::Millis sweep_period(const HttpServerOptions& options) {
  const base::Millis least = std::min({options.header_timeout, options.body_timeout, options.idle_timeout,
                                       options.write_timeout, options.tls_handshake_timeout});
  return std::clamp(least / 4, kSweepMin, kSweepMax);
}

}  // namespace

SessionGroup::SessionGroup(IoLoop& group_loop, std::shared_ptr<ServerShared> server_shared)
    : loop(group_loop),
      shared(std::move(server_shared)),
      read_buffer(kReadBuffer, '\0'),
      now(group_loop.clock().mono()),
      sweep_period_(sweep_period(shared->options)) {}

void SessionGroup::add(boost::asio::ip::tcp::socket socket, std::shared_ptr<ssl_ctx_st> tls) {
  now = loop.clock().mono();
  auto session = std::make_shared<ServerSession>(shared_from_this(), std::move(socket), std::move(tls));
  session->index = sessions_.size();
  sessions_.push_back(session);
  session->start();
  if (stopping) session->stop();
  arm_sweep();
}

void SessionGroup::remove(ServerSession& session) {
  const std::size_t index = session.index;
  const std::shared_ptr<ServerSession> removed = std::move(sessions_[index]);
  if (index + 1 != sessions_.size()) {
    sessions_[index] = std::move(sessions_.back());
    sessions_[index]->index = index;
  }
  sessions_.pop_back();
  if (sessions_.empty() && stopping && when_empty_) std::exchange(when_empty_, nullptr)();
}

void SessionGroup::arm_sweep() {
  if (sweep_armed_ || sessions_.empty()) return;
  sweep_armed_ = true;
  loop.after(sweep_period_, [group = weak_from_this()] {
    if (const auto self = group.lock()) self->sweep();
  });
}

void SessionGroup::sweep() {
  sweep_armed_ = false;
  now = loop.clock().mono();
  // From the back: a session that closes is replaced by one that was seen already.
  for (std::size_t i = sessions_.size(); i-- > 0;) {
    if (i < sessions_.size()) std::shared_ptr(sessions_[i])->sweep(now, sweep_period_);
  }
  arm_sweep();
}

void SessionGroup::flush_later(std::shared_ptr<ServerSession> session) {
  if (session->flush_due) return;
  session->flush_due = true;
  to_flush_.push_back(std::move(session));
  if (to_flush_.size() > 1) return;
  boost::asio::post(loop.impl().context, [group = weak_from_this()] {
    if (const auto self = group.lock()) self->flush_all();
  });
}

void SessionGroup::flush_all() {
  const std::vector<std::shared_ptr<ServerSession>> due = std::exchange(to_flush_, {});
  for (const auto& session : due) {
    session->flush_due = false;
    session->flush();
  }
}

void SessionGroup::stop(base::Task when_empty) {
  stopping = true;
  when_empty_ = std::move(when_empty);
  const std::vector<std::shared_ptr<ServerSession>> all = sessions_;
  for (const auto& session : all) session->stop();
  if (sessions_.empty() && when_empty_) std::exchange(when_empty_, nullptr)();
}

void SessionGroup::cut_all() {
  const std::vector<std::shared_ptr<ServerSession>> all = sessions_;
  for (const auto& session : all) session->close();
}

void SessionGroup::abandon() {
  for (const auto& session : sessions_) session->abandon();
  sessions_.clear();
  to_flush_.clear();
  when_empty_ = nullptr;
}

}  // namespace trunkline::net
