// What the watcher sees of a hub once a second, and the alarms that come of it.
#include "app/alarms.hpp"
#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "base/text.hpp"

namespace trunkline::app {

using base::Result;

namespace {

constexpr std::uint64_t kWorkersEvery = 2;  // looks, of one a second: a Query of the table each

}  // namespace

// Before the API can ask for them; of a configuration that check_alarms() has found good. The watcher starts later.
void Hub::make_alarms() {
  watcher_ = std::make_unique<Watcher>([this] { look(); });
  alarms_ = std::make_unique<Alarms>(embedded_, watcher_->loop(), *loops_[0]);
  change_alarms(config_);
}

Result<void> Hub::check_alarms(const config::Config& config) const {
  if (!config.alarms.webhook) return {};
  const auto made = AlarmWebhook::make(alarm_webhook_options(*config.alarms.webhook), *loops_[0], nullptr);
  if (!made.ok()) return made.error();
  return {};
}

void Hub::change_alarms(const config::Config& config) {
  watcher_->loop().post([this, limits = alarm_limits(config), webhook = config.alarms.webhook]() mutable {
    std::unique_ptr<AlarmWebhook> made;
    if (webhook) {
      AlarmWebhookOptions options = alarm_webhook_options(*webhook);
      auto sender = std::make_unique<sinks::ClientSender>(watcher_->loop(), options.client);
      auto result = AlarmWebhook::make(std::move(options), watcher_->loop(), std::move(sender));
      if (result.ok()) made = std::move(*result);
    }
    alarms_->change(std::move(limits), std::move(made));
  });
}

api::AlarmsInfo Hub::alarms() {
  return alarms_ ? alarms_->info() : api::AlarmsInfo();
}

// On the watcher's thread.
void Hub::look() {
  if (aws_ != nullptr && looks_taken_++ % kWorkersEvery == 0) take_what_workers_say();
  const base::WallTime now = clock_.wall();
  for (const auto& consumer : consumers_.all()) consumer->refresh_rest(now);
  const api::HubMetrics metrics = this->metrics();
  const api::Readiness readiness = this->readiness();
  watch::HubSight sight;
  sight.ready = readiness.ready;
  sight.reason = readiness.reason;
  sight.disk_bytes = metrics.disk_bytes;
  sight.disk_budget_bytes = metrics.disk_budget_bytes;
  for (const auto& [reason, count] : metrics.quarantined) sight.quarantined += count;
  sight.conflicts = metrics.conflicts;
  sight.refused_credentials = metrics.unauthenticated;
  sight.certificate_not_after = metrics.certificate_not_after;
  // A worker sees a part of the requests: that it gets none says nothing of the source.
  if (aws_ == nullptr) {
    for (const auto& [source, events] : metrics.source_events) sight.sources.push_back({source, events});
  }
  for (const auto& running : consumers_.all()) {
    const api::ConsumerInfo info = running->info();
    const engine::QueueStatistics queue = engine_->statistics(info.queue);
    watch::ConsumerSight seen;
    seen.name = info.name;
    if (queue.oldest_waiting) seen.oldest_age = std::max(now - *queue.oldest_waiting, base::Millis(0));
    seen.max_wait = info.spec.max_wait;
    seen.waiting = queue.waiting;
    seen.blocked_lanes = queue.backing_off + queue.parked;
    seen.expired = queue.expired;
    seen.rests_until = info.rest.rests() && info.rest.until;
    if (info.statistics) {
      seen.failed = info.statistics->parked + info.statistics->skipped + info.statistics->dropped;
      seen.downstream_out = info.statistics->breaker != delivery::BreakerState::closed;
      seen.last_error = info.statistics->last_error_class;
      if (const auto& budget = info.statistics->budget) {
        seen.budget = budget->limit;
        seen.budget_used = budget->used;
        if (budget->used_up_until) seen.budget_until = base::format_time(*budget->used_up_until);
      }
    } else {
      // Clients settle, so that what has failed shows only in what is left.
      PulledFailures& failures = pulled_failures_[info.name];
      const std::uint64_t left = queue.parked + queue.dead_letters;
      if (failures.seen && left > failures.left) failures.total += left - failures.left;
      failures.left = left;
      failures.seen = true;
      seen.failed = failures.total;
    }
    sight.consumers.push_back(std::move(seen));
  }
  alarms_->look(std::move(sight));
}

}  // namespace trunkline::app
