#include "net/io_loop.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

#include "base/check.hpp"
#include "net/io_loop_impl.hpp"

namespace trunkline::net {
namespace {

constexpr base::Millis kTick{10};

base::MonoTime round_up_to_tick(base::MonoTime time) {
  return base::MonoTime(
      std::chrono::ceil<std::chrono::duration<std::int64_t, std::ratio<1, 100>>>(time.time_since_epoch()));
}
static_assert(kTick == std::chrono::duration<std::int64_t, std::ratio<1, 100>>(1));

}  // namespace

// One wake-up at the earliest deadline. Re-armed only when a deadline comes before it; a wake-up for a cancelled timer
// is cheaper than arming again at every cancel.
void IoLoop::Impl::arm() {
  const std::optional<base::MonoTime> next = timers.next();
  if (!next || (armed && *armed <= *next)) return;
  armed = next;
  ticker.expires_at(*next);
  ticker.async_wait([this](const boost::system::error_code& error) {
    if (!error) run_due_timers();
  });
}

void IoLoop::Impl::run_due_timers() {
  armed.reset();
  const base::MonoTime now = clock.mono();
  while (base::Task task = timers.pop(now)) task();
  arm();
}

void IoLoop::Impl::run() {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  context.run();
}

IoLoop::IoLoop(std::string name) : impl_(std::make_unique<Impl>(std::move(name))) {}

IoLoop::~IoLoop() {
  stop();
  join();
  // Tasks may own sockets, which must go before the context does.
  impl_->closed = true;
  impl_->timers.clear();
}

void IoLoop::start() {
  TRUNKLINE_CHECK(!impl_->running.exchange(true), "the loop was started before");
  impl_->thread = std::thread([this] { impl_->run(); });
}

void IoLoop::stop() {
  if (impl_->running) impl_->context.stop();
}

void IoLoop::join() {
  if (impl_->thread.joinable()) impl_->thread.join();
}

void IoLoop::post(base::Task task) {
  if (impl_->closed) return;
  boost::asio::post(impl_->context, std::move(task));
}

IoLoop::TimerId IoLoop::after(base::Millis delay, base::Task task) {
  TRUNKLINE_CHECK(here() || !impl_->thread.joinable(), "after() from another thread");
  const base::MonoTime deadline = round_up_to_tick(impl_->clock.mono() + std::max(delay, base::Millis(0)));
  const TimerId id = impl_->timers.add(deadline, std::move(task));
  if (impl_->closed) {
    impl_->timers.cancel(id);
  } else {
    impl_->arm();
  }
  return id;
}

void IoLoop::cancel(TimerId timer) {
  TRUNKLINE_CHECK(here() || !impl_->thread.joinable(), "cancel() from another thread");
  impl_->timers.cancel(timer);
}

bool IoLoop::here() const {
  return impl_->context.get_executor().running_in_this_thread();
}

const base::Clock& IoLoop::clock() const {
  return impl_->clock;
}

}  // namespace trunkline::net
