#include "app/alarms.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace trunkline::app {
namespace {

using base::Result;
using watch::Incident;

const std::string kOwner = "alarms";
const std::string kRecent = "recent";
const std::string kHours = "source_hours";
const std::string kExpired = "alarm_expired";
constexpr std::size_t kStateBytesMax = 64 << 10;  // of the engine's state
constexpr std::size_t kPutsMax = 10'000;

watch::AlarmBook read_book(engine::Engine* engine) {
  if (engine == nullptr) return {{}, {}};
  std::vector<Incident> open;
  std::vector<Incident> recent;
  const auto stored = engine->list_state(kOwner);
  if (!stored.ok()) {
    base::log::error("the alarms of the last run cannot be read", "error", stored.error().detail);
    return {{}, {}};
  }
  for (const auto& [key, bytes] : *stored) {
    if (bytes.empty()) continue;
    if (key == kRecent) {
      auto incidents = watch::decode_incidents(bytes);
      if (incidents.ok()) recent = std::move(*incidents);
      continue;
    }
    auto incident = watch::decode_incident(bytes);
    if (incident.ok()) {
      open.push_back(std::move(*incident));
    } else {
      base::log::error("an alarm of the last run cannot be read", "key", key, "error", incident.error().detail);
    }
  }
  return {std::move(open), std::move(recent)};
}

void log_incident(const Incident& incident, bool resolve) {
  const std::string_view alarm = watch::name(incident.alarm);
  if (resolve) {
    base::log::info("alarm resolved", "alarm", alarm, watch::scope_of(incident.alarm), incident.subject, "outcome",
                    incident.outcome, "since", base::format_time(incident.opened_at), "id", incident.id);
  } else {
    base::log::warn("alarm", "alarm", alarm, watch::scope_of(incident.alarm), incident.subject, "detail",
                    incident.detail, "id", incident.id);
  }
}

}  // namespace

Alarms::Alarms(engine::Engine* engine, net::IoLoop& loop, base::Loop& reply_on)
    : engine_(engine), loop_(loop), reply_on_(reply_on), book_(read_book(engine)), life_(std::make_shared<Life>()) {
  life_->self = this;
  publish();
}

Alarms::~Alarms() {
  life_->self = nullptr;
}

watch::Now Alarms::now() const {
  return {loop_.clock().wall(), loop_.clock().mono()};
}

void Alarms::change(watch::Limits limits, std::unique_ptr<AlarmWebhook> webhook) {
  limits_ = std::move(limits);
  // What the former one had not sent goes to the new one.
  webhook_ = std::move(webhook);
  telling_.clear();
  for (const Incident& incident : book_.recent()) {
    if (!incident.opening_told) tell(incident.id, false);
    if (!incident.resolve_told) tell(incident.id, true);
  }
  for (const Incident& incident : book_.open()) {
    if (!incident.opening_told) tell(incident.id, false);
  }
}

void Alarms::look(watch::HubSight hub) {
  count_expired(hub);
  for (const watch::SourceSight& source : hub.sources) {
    if (!known_sources_.insert(source.name).second) continue;
    if (engine_ == nullptr) continue;
    const auto stored = engine_->get_state(kHours, source.name);
    if (!stored.ok() || !*stored) continue;
    if (const auto read = observer_.hours(source.name).decode((*stored)->bytes); !read.ok())
      base::log::error("the usual hours of a source are learned anew", "source", source.name, "error",
                       read.error().detail);
  }
  std::erase_if(known_sources_, [&](const std::string& name) {
    return std::ranges::find(hub.sources, name, &watch::SourceSight::name) == hub.sources.end();
  });
  const watch::Now at = now();
  if (!began_) began_ = at.mono;
  const std::vector<watch::Reading> readings = observer_.read(hub, limits_, at);
  for (const std::string& source : observer_.learned()) put(kHours, source, observer_.hours(source).encode(), [] {});
  if (at.mono - *began_ < kSettleIn) return;
  const watch::AlarmBook::Changes changes = book_.observe(readings, limits_.resolve_after, at);
  for (const Incident& incident : changes.opened) opened(incident);
  for (const Incident& incident : changes.resolved) resolved(incident);
  publish();
}

// What expires while the hub starts, after a long absence, is in no earlier look of this run.
void Alarms::count_expired(watch::HubSight& hub) {
  for (watch::ConsumerSight& consumer : hub.consumers) {
    const std::uint64_t total = consumer.expired;
    if (!expired_.contains(consumer.name)) {
      std::optional<std::uint64_t> before;
      const auto stored = engine_ != nullptr ? engine_->get_state(kExpired, consumer.name)
                                             : Result<std::optional<engine::Engine::StateValue>>(std::nullopt);
      if (stored.ok() && *stored) before = base::ByteReader((*stored)->bytes).u64();
      // Without a record it is a new queue, or one of a version that kept none. A queue that was made anew under an old
      // name counts from nothing.
      expired_[consumer.name] = {std::min(before.value_or(total), total), before.value_or(0)};
    }
    Expired& known = expired_[consumer.name];
    consumer.expired = total - std::min(known.before, total);
    if (known.stored == total) continue;
    known.stored = total;
    std::string bytes;
    base::put_u64(bytes, total);
    put(kExpired, consumer.name, std::move(bytes), [] {});
  }
}

void Alarms::opened(const Incident& incident) {
  put(kOwner, incident.key(), watch::encode(incident), [this, incident] {
    log_incident(incident, false);
    tell(incident.id, false);
  });
}

// First the new list, then the removal: a crash in between leaves an incident that is resolved once more, under the same
// webhook-id, and none that is forgotten.
void Alarms::resolved(const Incident& incident) {
  store_recent([] {});
  put(kOwner, incident.key(), "", [this, incident] {
    log_incident(incident, true);
    tell(incident.id, true);
  });
}

void Alarms::tell(const std::string& id, bool resolve) {
  const auto incident = book_.find(id);
  if (!incident) return;
  if (!webhook_) return told(id, resolve);
  if (!telling_.insert(id + (resolve ? "-" : "+")).second) return;
  webhook_->tell(*incident, resolve, [life = life_, id, resolve](bool) {
    if (life->self != nullptr) life->self->told(id, resolve);
  });
}

void Alarms::told(const std::string& id, bool resolve) {
  telling_.erase(id + (resolve ? "-" : "+"));
  if (!book_.told(id, resolve)) return;
  const auto incident = book_.find(id);
  if (incident && !incident->resolved_at) {
    put(kOwner, incident->key(), watch::encode(*incident), [] {});
  } else {
    store_recent([] {});
  }
}

void Alarms::store_recent(base::UniqueFunction<void()> then) {
  std::vector<Incident> recent = book_.recent();
  std::string bytes = watch::encode(recent);
  while (bytes.size() > kStateBytesMax && !recent.empty()) {
    recent.pop_back();
    bytes = watch::encode(recent);
  }
  put(kOwner, kRecent, std::move(bytes), std::move(then));
}

void Alarms::put(std::string owner, std::string key, std::string bytes, base::UniqueFunction<void()> then) {
  if (engine_ == nullptr || puts_.size() >= kPutsMax)
    return then();  // a disk that has hung for hours; what can be told is told
  puts_.push_back({std::move(owner), std::move(key), std::move(bytes), std::move(then)});
  put_next();
}

void Alarms::put_next() {
  if (putting_ || puts_.empty()) return;
  putting_ = true;
  const std::uint64_t turn = ++put_turn_;
  const auto end = [life = life_, turn](const Result<void>& stored) {
    Alarms* self = life->self;
    if (self == nullptr || self->put_turn_ != turn || !self->putting_) return;
    Put put = std::move(self->puts_.front());
    self->puts_.pop_front();
    self->putting_ = false;
    if (!stored.ok())
      base::log::error("the state of alarms is not stored", "key", put.key, "error", stored.error().detail);
    put.then();
    self->put_next();
  };
  const Put& put = puts_.front();
  const auto stored = engine_->get_state(put.owner, put.key);
  const std::uint64_t version = stored.ok() && *stored ? (*stored)->version : 0;
  engine_->put_state(put.owner, put.key, version, put.bytes, reply_on_, [&loop = loop_, end](Result<void> result) {
    loop.post([end, result = std::move(result)] { end(result); });
  });
  loop_.after(kStoreWithin, [end] { end(base::Error{base::Errc::timeout, "the store does not answer"}); });
}

void Alarms::publish() {
  api::AlarmsInfo fresh{book_.open(), book_.recent()};
  const std::scoped_lock lock(mutex_);
  info_ = std::move(fresh);
}

api::AlarmsInfo Alarms::info() const {
  const std::scoped_lock lock(mutex_);
  return info_;
}

}  // namespace trunkline::app
