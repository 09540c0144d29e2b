#include "delivery/consumer.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace trunkline::delivery {
namespace {

constexpr base::Millis kPublishEvery{100};
constexpr const char* kBudgetKey = "requests";

Options within(Options options, const SinkLimits& limits) {
  options.batch_messages = std::min(options.batch_messages, std::max<std::size_t>(limits.max_batch_messages, 1));
  options.batch_bytes = std::min(options.batch_bytes, std::max<std::size_t>(limits.max_batch_bytes, 1));
  return options;
}

}  // namespace

Consumer::Consumer(std::string name, engine::Engine& engine, base::QueueId queue, std::unique_ptr<Sink> sink,
                   Options options, const Statistics& carried)
    : name_(std::move(name)),
      engine_(engine),
      queue_(queue),
      loop_(engine.loop_of(queue)),
      sink_(std::move(sink)),
      scheduler_(name_, within(options, sink_->limits()), carried),
      life_(std::make_shared<Life>()),
      has_budget_(options.budget.requests > 0) {
  life_->self = this;
  published_ = scheduler_.statistics();
}

Consumer::~Consumer() {
  life_->self = nullptr;
  disarm();
  if (publish_timer_) loop_.cancel(*publish_timer_);
  if (deadline_timer_) loop_.cancel(*deadline_timer_);
}

Now Consumer::now() const {
  return {loop_.clock().wall(), loop_.clock().mono()};
}

void Consumer::start() {
  TRUNKLINE_CHECK(loop_.here() && !started_, "start() once, on the queue's loop");
  started_ = true;
  if (has_budget_) restore_budget();
  sink_->rest(paused_);
  pump();
}

void Consumer::pause() {
  paused_ = true;
  scheduler_.pause();
  if (started_ && !ended_) sink_->rest(true);
  pump();
}

void Consumer::resume() {
  paused_ = false;
  scheduler_.resume();
  if (started_ && !ended_) sink_->rest(!stopped_.empty());
  pump();
}

void Consumer::share_breaker(const BreakerNote& stored) {
  TRUNKLINE_CHECK(!started_, "before start()");
  scheduler_.share_breaker();
  scheduler_.on_breaker_seen(stored, now());
}

void Consumer::breaker_seen(const BreakerNote& stored) {
  if (ended_) return;
  scheduler_.on_breaker_seen(stored, now());
  pump();
}

void Consumer::stop(base::Millis deadline, base::Task done) {
  if (ended_) return loop_.post(std::move(done));
  stopped_.push_back(std::move(done));
  scheduler_.drain();
  if (sink_) sink_->rest(true);
  const base::MonoTime at = loop_.clock().mono() + deadline;
  if (deadline_ && *deadline_ <= at) return;
  deadline_ = at;
  if (deadline_timer_) loop_.cancel(*deadline_timer_);
  deadline_timer_ = loop_.after(deadline, [life = life_] {
    if (life->self == nullptr) return;
    life->self->deadline_timer_.reset();
    life->self->scheduler_.abandon();
    life->self->pump();
    life->self->end();
  });
  pump();
}

// Neither the engine nor the sink calls back inside a call (their contracts), so this is never entered twice.
void Consumer::pump() {
  if (ended_) return;
  if (!started_) return end_if_stopped();
  scheduler_.advance(now(), actions_);
  for (Settlement& settlement : actions_.settle) engine_.settle(queue_, settlement.lease, std::move(settlement.fates));
  if (actions_.cancel_receive) engine_.cancel_receive(queue_);
  for (Batch& batch : actions_.send) send(std::move(batch));
  if (actions_.store_budget) store_budget(std::move(*actions_.store_budget));
  if (actions_.store_breaker) store_breaker(*actions_.store_breaker);
  if (actions_.receive) receive(*actions_.receive);
  arm(actions_.wake_at);
  publish_soon();
  tell_breaker();
  end_if_stopped();
}

void Consumer::tell_breaker() {
  const BreakerState now = scheduler_.breaker().state();
  if (std::exchange(told_breaker_, now) == now || !changed_) return;
  loop_.post([life = life_, now] {
    if (life->self != nullptr) life->self->changed_(now);
  });
}

void Consumer::restore_budget() {
  const auto stored = engine_.get_state(budget_owner(name_), kBudgetKey);
  if (stored.ok() && !*stored) return;
  if (stored.ok() && scheduler_.restore_budget((*stored)->bytes)) return;
  scheduler_.restore_budget("");
  base::log::error("what is used of the budget cannot be read: all of it counts as used now", "consumer", name_);
}

void Consumer::store_budget(std::string bytes) {
  engine_.update_state(budget_owner(name_), {{kBudgetKey, std::move(bytes)}}, loop_,
                       [life = life_](const base::Result<void>& stored) {
                         Consumer* self = life->self;
                         if (self == nullptr || self->ended_) return;
                         if (!stored.ok()) {
                           base::log::warn("the budget cannot be stored, delivery waits", "consumer", self->name_,
                                           "error", stored.error().detail);
                         }
                         self->scheduler_.on_budget_stored(stored.ok(), self->now());
                         self->pump();
                       });
}

void Consumer::store_breaker(const BreakerNote& note) {
  engine_.put_state(kConsumersOwner, breaker_key(name_), note.version - 1, encode(note), loop_,
                    [life = life_](const base::Result<void>& stored) {
                      Consumer* self = life->self;
                      if (self == nullptr || self->ended_) return;
                      const bool conflict = !stored.ok() && stored.error().code == base::Errc::conflict;
                      self->scheduler_.on_breaker_stored(stored.ok() ? NoteStored::yes
                                                         : conflict  ? NoteStored::conflict
                                                                     : NoteStored::unknown,
                                                         self->now());
                      self->pump();
                    });
}

void Consumer::receive(const engine::ReceiveLimits& limits) {
  engine_.receive(queue_, limits, [life = life_](base::Result<std::vector<engine::Lease>> result) {
    Consumer* self = life->self;
    if (self == nullptr || self->ended_) return;
    if (result.ok()) {
      self->scheduler_.on_leases(std::move(*result), self->now());
    } else {
      self->scheduler_.on_receive_failed(result.error(), self->now());
    }
    self->pump();
  });
}

void Consumer::send(Batch batch) {
  const std::uint64_t id = batch.id;
  sink_->send(std::move(batch), [life = life_, id](BatchVerdict verdict) {
    Consumer* self = life->self;
    if (self == nullptr || self->ended_) return;
    self->scheduler_.on_verdict(id, std::move(verdict), self->now());
    self->pump();
  });
}

void Consumer::arm(std::optional<base::MonoTime> at) {
  if (at && wake_ && wake_->at <= *at) return;  // it wakes early enough, and asks again
  disarm();
  if (!at) return;
  const auto delay = std::max(std::chrono::ceil<base::Millis>(*at - loop_.clock().mono()), base::Millis(0));
  const base::Loop::TimerId timer = loop_.after(delay, [life = life_] {
    if (life->self == nullptr) return;
    life->self->wake_.reset();
    life->self->pump();
  });
  wake_ = Armed{timer, *at};
}

void Consumer::disarm() {
  if (wake_) loop_.cancel(wake_->timer);
  wake_.reset();
}

void Consumer::end_if_stopped() {
  if (!stopped_.empty() && scheduler_.idle() && !scheduler_.receiving()) end();
}

void Consumer::end() {
  if (ended_) return;
  ended_ = true;
  disarm();
  if (deadline_timer_) loop_.cancel(*deadline_timer_);
  deadline_timer_.reset();
  if (auto rest = scheduler_.give_back_budget())
    engine_.update_state(budget_owner(name_), {{kBudgetKey, std::move(*rest)}}, loop_, [](const auto&) {});
  publish();
  for (base::Task& done : std::exchange(stopped_, {})) loop_.post(std::move(done));
}

void Consumer::publish_soon() {
  if (publish_timer_) return;
  publish_timer_ = loop_.after(kPublishEvery, [life = life_] {
    if (life->self == nullptr) return;
    life->self->publish_timer_.reset();
    life->self->publish();
  });
}

void Consumer::publish() {
  Statistics statistics = scheduler_.statistics();
  log_breaker(statistics);
  log_budget(statistics);
  const std::scoped_lock lock(published_mutex_);
  published_ = std::move(statistics);
}

void Consumer::log_budget(const Statistics& statistics) {
  const bool used_up = statistics.budget && statistics.budget->used_up_until;
  if (used_up == std::exchange(logged_budget_, used_up)) return;
  if (used_up) {
    base::log::warn("the budget is used up, delivery waits", "consumer", name_, "requests", statistics.budget->limit,
                    "until", base::format_time(*statistics.budget->used_up_until));
  } else {
    base::log::info("the budget has requests again", "consumer", name_);
  }
}

// A breaker that opens and closes within 100 ms is not said; open and half-open are one state to people.
void Consumer::log_breaker(const Statistics& statistics) {
  const bool was_closed = logged_breaker_ == BreakerState::closed;
  const bool is_closed = statistics.breaker == BreakerState::closed;
  logged_breaker_ = statistics.breaker;
  if (was_closed == is_closed) return;
  if (is_closed) {
    base::log::info("downstream is back", "consumer", name_);
  } else {
    base::log::warn("downstream unavailable, delivery waits", "consumer", name_, "since",
                    base::format_time(statistics.breaker_since), "error", statistics.last_error_class, "detail",
                    statistics.last_error_detail);
  }
}

Statistics Consumer::statistics() const {
  const std::scoped_lock lock(published_mutex_);
  return published_;
}

}  // namespace trunkline::delivery
