#include "app/consumer_set.hpp"

#include <algorithm>
#include <utility>

#include "app/from_config.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace trunkline::app {
namespace {

// Every send ends within its sink's own time-out, which the tables bound by an hour.
constexpr base::Millis kDrain = std::chrono::hours(2);

}  // namespace

RunningConsumer::RunningConsumer(const config::Consumer& config, base::QueueId queue, net::IoLoop& loop,
                                 engine::Engine& engine, watch::PauseState pause, base::WallTime now)
    : name_(config.name),
      queue_(queue),
      loop_(loop),
      engine_(engine),
      paused_(false),
      config_(config),
      pause_(std::move(pause)) {
  rest_ = watch::rest_of(pause_, maintenance_windows(config_), now);
  paused_.store(rest_.rests());
}

void RunningConsumer::make(MadeSink made, const config::Consumer& config, const delivery::Statistics& carried) {
  auto consumer = std::make_unique<delivery::Consumer>(name_, engine_, queue_, std::move(made.sink),
                                                       delivery_options(config), carried);
  if (paused_.load()) consumer->pause();
  const auto note = breaker();
  if (note) consumer->share_breaker(*note);
  consumer->start();
  const std::scoped_lock lock(mutex_);
  consumer_ = std::move(consumer);
  feed_ = std::move(made.feed);
  shadow_ = std::move(made.shadow);
}

void RunningConsumer::take_mapping(const MadeSink& made) {
  if (!made.mapping) return;
  const std::scoped_lock lock(mutex_);
  mapping_ = *made.mapping;
}

void RunningConsumer::start(MadeSink made) {
  if (made.sink) make(std::move(made), config(), {});
}

void RunningConsumer::describe(const config::Consumer& config) {
  const std::scoped_lock lock(mutex_);
  config_ = config;
}

void RunningConsumer::change(const config::Consumer& config, MadeSink made) {
  describe(config);
  take_mapping(made);
  loop_.post([self = shared_from_this(), next = Next{config, std::move(made)}]() mutable {
    self->begin_change(std::move(next));
  });
}

void RunningConsumer::begin_change(Next next) {
  if (!consumer_ || stopping_) return;
  const bool draining = next_.has_value();
  // A change that keeps the sink keeps the one that was to come.
  if (draining && !next.made.sink) next.made = std::move(next_->made);
  next_ = std::move(next);
  if (draining) return;
  consumer_->stop(kDrain, [self = shared_from_this()] { self->replace(); });
}

void RunningConsumer::replace() {
  if (stopping_ || !next_) return;
  Next next = std::move(*next_);
  next_.reset();
  std::unique_ptr<delivery::Consumer> former;
  {
    const std::scoped_lock lock(mutex_);
    former = std::move(consumer_);
  }
  delivery::Statistics carried = former->statistics();
  MadeSink made = std::move(next.made);
  if (!made.sink) made = {former->take_sink(), feed(), shadow(), {}};
  // With it goes its sink, when there is a new one: a file is closed before its successor opens it.
  former.reset();
  make(std::move(made), next.config, carried);
}

void RunningConsumer::stop(base::Millis deadline, base::Task done) {
  loop_.post([self = shared_from_this(), deadline, done = std::move(done)]() mutable {
    self->stopping_ = true;
    self->next_.reset();
    if (!self->consumer_) return done();
    self->consumer_->stop(deadline, std::move(done));
  });
}

void RunningConsumer::go_on() {
  loop_.post([self = shared_from_this()] {
    self->stopping_ = false;
    self->begin_change({self->config(), {}});
  });
}

void RunningConsumer::destroy() {
  next_.reset();
  std::unique_ptr<delivery::Consumer> last;
  const std::scoped_lock lock(mutex_);
  last = std::move(consumer_);
  feed_.reset();
}

void RunningConsumer::set_pause(watch::PauseState pause, base::WallTime now) {
  {
    const std::scoped_lock lock(mutex_);
    pause_ = std::move(pause);
  }
  refresh_rest(now);
}

void RunningConsumer::refresh_rest(base::WallTime now) {
  watch::Rest rest;
  {
    const std::scoped_lock lock(mutex_);
    rest = watch::rest_of(pause_, maintenance_windows(config_), now);
    if (rest == rest_) return;
    rest_ = rest;
    paused_.store(rest.rests());
  }
  if (rest.rests()) {
    base::log::info("consumer paused", "consumer", name_, "by", watch::name(rest.by), "reason", rest.reason, "until",
                    rest.until ? base::format_time(*rest.until) : "it is resumed");
  } else {
    base::log::info("consumer resumed", "consumer", name_);
  }
  loop_.post([self = shared_from_this()] {
    if (!self->consumer_) return;
    if (self->paused_.load()) {
      self->consumer_->pause();
    } else {
      self->consumer_->resume();
    }
  });
}

void RunningConsumer::set_breaker(const delivery::BreakerNote& note) {
  {
    const std::scoped_lock lock(mutex_);
    breaker_ = note;
  }
  loop_.post([self = shared_from_this(), note] {
    if (self->consumer_) self->consumer_->breaker_seen(note);
  });
}

std::optional<delivery::BreakerNote> RunningConsumer::breaker() const {
  const std::scoped_lock lock(mutex_);
  return breaker_;
}

std::shared_ptr<sinks::LiveFeed> RunningConsumer::feed() const {
  const std::scoped_lock lock(mutex_);
  return feed_;
}

std::shared_ptr<sinks::ShadowLog> RunningConsumer::shadow() const {
  const std::scoped_lock lock(mutex_);
  return shadow_;
}

config::Consumer RunningConsumer::config() const {
  const std::scoped_lock lock(mutex_);
  return config_;
}

api::ConsumerInfo RunningConsumer::info() const {
  const std::scoped_lock lock(mutex_);
  api::ConsumerInfo info;
  info.name = name_;
  info.queue = queue_;
  info.spec = queue_spec(config_);
  info.sink = sink_kind(config_);
  info.target = sink_target(config_);
  info.filter = config_.filter.json;
  info.mapping = mapping_;
  info.rest = rest_;
  info.paused = rest_.rests();
  if (!is_pulled(config_)) {
    info.delivery = delivery_options(config_);
    info.statistics = consumer_ ? consumer_->statistics() : delivery::Statistics();
  }
  if (shadow_) {
    const sinks::ShadowLog::Counts counts = shadow_->counts();
    info.shadow = api::ShadowCounts{counts.since, counts.requests, counts.bytes};
  }
  if (feed_) {
    const board::Board::Sizes sizes = feed_->sizes();
    info.live = api::LiveStatistics{feed_->subscribers(), sizes.agents,  sizes.queues,
                                    sizes.conversations,  sizes.evicted, feed_->cut()};
  }
  return info;
}

void ConsumerSet::add(std::shared_ptr<RunningConsumer> consumer) {
  const std::scoped_lock lock(mutex_);
  list_.push_back(std::move(consumer));
}

void ConsumerSet::remove(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(list_, [&](const auto& consumer) { return consumer->name() == name; });
}

void ConsumerSet::sort(const std::vector<std::string>& names) {
  const std::scoped_lock lock(mutex_);
  std::ranges::stable_sort(
      list_, {}, [&](const auto& consumer) { return std::ranges::find(names, consumer->name()) - names.begin(); });
}

std::shared_ptr<RunningConsumer> ConsumerSet::find(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found =
      std::ranges::find(list_, name, [](const auto& consumer) -> std::string_view { return consumer->name(); });
  return found == list_.end() ? nullptr : *found;
}

std::vector<std::shared_ptr<RunningConsumer>> ConsumerSet::all() const {
  const std::scoped_lock lock(mutex_);
  return list_;
}

}  // namespace trunkline::app
