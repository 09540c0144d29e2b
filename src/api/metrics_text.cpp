#include "api/metrics_text.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <limits>
#include <sstream>

#include "api/describe_age.hpp"
#include "base/check.hpp"

namespace trunkline::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

enum class Family : std::uint8_t {
  build_info,
  start_time,
  ready,
  accepted,
  duplicates,
  conflicts,
  publish_failures,
  slow_disk,
  unauthenticated,
  keys_missing,
  key_fetches,
  key_fetch_failures,
  unknown_topics,
  mismatches,
  quarantined,
  in_quarantine,
  requests,
  connections,
  connections_refused,
  bad_requests,
  tls_handshakes,
  tls_resumed,
  tls_failures,
  certificate_expiry,
  commits,
  commit_failures,
  store_reopens,
  sync_seconds,
  commit_events,
  disk_bytes,
  disk_free_bytes,
  disk_budget_bytes,
  store_memory_bytes,
  resident_bytes,
  delivered,
  expired,
  late,
  left_early,
  in_window,
  waiting,
  oldest_waiting,
  expiry,
  drain,
  recent_latency,
  recent_delivered,
  recent_arrived,
  in_flight,
  backing_off,
  parked,
  dead_letters,
  lanes,
  paused,
  attempts,
  attempts_given_back,
  exhausted,
  batch_events,
  breaker_state,
  breaker_opened,
  shadow,
  shadow_requests,
  shadow_bytes,
  budget_requests,
  budget_used,
  budget_used_up,
  concurrency_limit,
  concurrency_fell,
  latency,
  receive_failures,
  last_delivered,
  alarm_open,
  source_events,
  live_subscribers,
  live_items,
  live_evicted,
  live_cut,
};

struct Row {
  Family family;
  std::string_view name;
  MetricType type;
  std::string_view labels;
  std::string_view help;
};
constexpr std::array kTable = {
    Row{Family::build_info, "trunkline_build_info", MetricType::Gauge, "version, revision",
        "Always 1; what is running is in the labels."},
    Row{Family::start_time, "trunkline_start_time_seconds", MetricType::Gauge, "", "When the process started."},
    Row{Family::ready, "trunkline_ready", MetricType::Gauge, "", "1 while /readyz answers 200."},
    Row{Family::accepted, "trunkline_events_accepted_total", MetricType::Counter, "",
        "Events stored, conflicts included."},
    Row{Family::duplicates, "trunkline_events_duplicate_total", MetricType::Counter, "",
        "Events suppressed because their twin is stored."},
    Row{Family::conflicts, "trunkline_events_conflict_total", MetricType::Counter, "",
        "Events stored although their identity was known with another body. Worth an alarm."},
    Row{Family::publish_failures, "trunkline_publish_failures_total", MetricType::Counter, "",
        "Items that were not stored; their senders were told to try again."},
    Row{Family::slow_disk, "trunkline_ingest_slow_disk_total", MetricType::Counter, "",
        "Requests answered 503 because the disk took longer than a sender waits. Worth an alarm."},
    Row{Family::unauthenticated, "trunkline_ingest_unauthenticated_total", MetricType::Counter, "",
        "Requests to sources and to /oauth/token without a valid credential. Worth an alarm: a sender gives up some "
        "day."},
    Row{Family::keys_missing, "trunkline_ingest_keys_unavailable_total", MetricType::Counter, "",
        "Requests answered 503 because the keys of their token's issuer could not be fetched. Worth an alarm."},
    Row{Family::key_fetches, "trunkline_key_fetches_total", MetricType::Counter, "",
        "Times the keys of a token issuer were asked for."},
    Row{Family::key_fetch_failures, "trunkline_key_fetch_failures_total", MetricType::Counter, "",
        "Of these, without success. Worth an alarm: cached keys serve for a day."},
    Row{Family::unknown_topics, "trunkline_events_unknown_topic_total", MetricType::Counter, "",
        "Events of a topic that no table row names; they are carried."},
    Row{Family::mismatches, "trunkline_events_detail_type_mismatch_total", MetricType::Counter, "",
        "Events whose detail-type is not the pattern of their topicName; topicName decided."},
    Row{Family::quarantined, "trunkline_events_quarantined_total", MetricType::Counter, "reason",
        "Inputs that could not be understood, taken into the quarantine."},
    Row{Family::in_quarantine, "trunkline_quarantine_entries", MetricType::Gauge, "", "Inputs in the quarantine now."},
    Row{Family::requests, "trunkline_ingest_requests_total", MetricType::Counter, "source, status",
        "Requests to a source by the HTTP status they were answered."},
    Row{Family::connections, "trunkline_http_connections", MetricType::Gauge, "", "Open HTTP connections."},
    Row{Family::connections_refused, "trunkline_http_refused_total", MetricType::Counter, "",
        "Connections and requests refused because a bound was reached."},
    Row{Family::bad_requests, "trunkline_http_bad_requests_total", MetricType::Counter, "",
        "Connections closed because what came was not HTTP or was framed ambiguously."},
    Row{Family::tls_handshakes, "trunkline_tls_handshakes_total", MetricType::Counter, "",
        "TLS handshakes that were finished."},
    Row{Family::tls_resumed, "trunkline_tls_handshakes_resumed_total", MetricType::Counter, "",
        "Of them, those that resumed a session."},
    Row{Family::tls_failures, "trunkline_tls_handshake_failures_total", MetricType::Counter, "",
        "TLS handshakes that failed or took too long: no TLS, an old version, a client certificate that was refused."},
    Row{Family::certificate_expiry, "trunkline_tls_certificate_expiry_timestamp_seconds", MetricType::Gauge, "",
        "When the certificate in tls.cert that is in use ends; absent without TLS. Worth an alarm."},
    Row{Family::commits, "trunkline_commits_total", MetricType::Counter, "", "Atomic writes to the store."},
    Row{Family::commit_failures, "trunkline_commit_failures_total", MetricType::Counter, "",
        "Writes or syncs that failed. Worth an alarm."},
    Row{Family::store_reopens, "trunkline_store_reopens_total", MetricType::Counter, "",
        "Times the store was opened again after a disk error."},
    Row{Family::sync_seconds, "trunkline_commit_sync_seconds", MetricType::Histogram, "", "Time of one fsync."},
    Row{Family::commit_events, "trunkline_commit_events", MetricType::Histogram, "", "Events that shared one fsync."},
    Row{Family::disk_bytes, "trunkline_store_disk_bytes", MetricType::Gauge, "", "Bytes of the store's files."},
    Row{Family::disk_free_bytes, "trunkline_store_disk_free_bytes", MetricType::Gauge, "",
        "Free bytes of the store's device."},
    Row{Family::disk_budget_bytes, "trunkline_store_disk_budget_bytes", MetricType::Gauge, "",
        "store.disk_budget; 0 where the device alone bounds the store."},
    Row{Family::store_memory_bytes, "trunkline_store_memory_bytes", MetricType::Gauge, "",
        "Write buffers and block cache of the store."},
    Row{Family::resident_bytes, "trunkline_resident_memory_bytes", MetricType::Gauge, "",
        "Resident memory of the process."},
    Row{Family::delivered, "trunkline_consumer_delivered_total", MetricType::Counter, "consumer",
        "Events delivered to the sink, or settled as delivered by a pulling client."},
    Row{Family::expired, "trunkline_consumer_expired_total", MetricType::Counter, "consumer",
        "Events that waited longer than max_wait, or were given up on a full disk. Worth an alarm."},
    Row{Family::late, "trunkline_consumer_late_total", MetricType::Counter, "consumer",
        "Events that came after their event-time window and went behind later ones; of consumers with a window."},
    Row{Family::left_early, "trunkline_consumer_left_early_total", MetricType::Counter, "consumer",
        "Events that left their event-time window before its end, since too many were in it; of consumers with a "
        "window."},
    Row{Family::in_window, "trunkline_consumer_window_events", MetricType::Gauge, "consumer",
        "Of the waiting events, those in their event-time window; of consumers with a window."},
    Row{Family::waiting, "trunkline_consumer_waiting_events", MetricType::Gauge, "consumer",
        "Events accepted and not settled, those behind a blocked lane included."},
    Row{Family::oldest_waiting, "trunkline_consumer_oldest_waiting_seconds", MetricType::Gauge, "consumer",
        "Age of the oldest event that is not settled; 0 when there is none."},
    Row{Family::expiry, "trunkline_consumer_expiry_seconds", MetricType::Gauge, "consumer",
        "Until the oldest waiting event is older than max_wait and expires; absent when nothing waits. Worth an "
        "alarm."},
    Row{Family::drain, "trunkline_consumer_drain_seconds", MetricType::Gauge, "consumer",
        "Until nothing waits any more, at the rates of the last minute; 0 when nothing waits, +Inf when it grows or "
        "nothing is delivered."},
    Row{Family::recent_latency, "trunkline_consumer_recent_latency_seconds", MetricType::Gauge,
        "consumer, window, quantile",
        "From accepted to delivered, of what was delivered in the last minute (window 1m) or quarter of an hour (15m); "
        "absent when nothing was. At most 1/8 too high."},
    Row{Family::recent_delivered, "trunkline_consumer_recent_delivered_per_second", MetricType::Gauge,
        "consumer, window", "Events delivered a second, over the same windows."},
    Row{Family::recent_arrived, "trunkline_consumer_recent_arrived_per_second", MetricType::Gauge, "consumer, window",
        "Events routed to the consumer a second, over the same windows."},
    Row{Family::in_flight, "trunkline_consumer_in_flight_events", MetricType::Gauge, "consumer",
        "Events leased and not settled."},
    Row{Family::backing_off, "trunkline_consumer_backing_off_lanes", MetricType::Gauge, "consumer",
        "Lanes whose first event waits for its next attempt."},
    Row{Family::parked, "trunkline_consumer_parked_lanes", MetricType::Gauge, "consumer",
        "Lanes that wait for a redrive."},
    Row{Family::dead_letters, "trunkline_consumer_dead_letters", MetricType::Gauge, "consumer",
        "Skipped events in the dead-letter queue."},
    Row{Family::lanes, "trunkline_consumer_lanes", MetricType::Gauge, "consumer", "Lanes held in memory."},
    Row{Family::paused, "trunkline_consumer_paused", MetricType::Gauge, "consumer", "1 while paused."},
    Row{Family::attempts, "trunkline_consumer_verdicts_total", MetricType::Counter, "consumer, verdict",
        "Events sent to the sink by verdict: delivered, retry, rejected, unavailable; refused counts batches."},
    Row{Family::attempts_given_back, "trunkline_consumer_attempts_given_back_total", MetricType::Counter, "consumer",
        "Attempts not held against events, because the downstream was out."},
    Row{Family::exhausted, "trunkline_consumer_exhausted_total", MetricType::Counter, "consumer, outcome",
        "Events whose attempts ran out: parked, skipped, dropped."},
    Row{Family::batch_events, "trunkline_consumer_batch_events", MetricType::Histogram, "consumer",
        "Events in one request to the sink."},
    Row{Family::breaker_state, "trunkline_consumer_breaker_state", MetricType::Gauge, "consumer, state",
        "1 for the state that holds now: closed, open, half_open."},
    Row{Family::breaker_opened, "trunkline_consumer_breaker_opened_total", MetricType::Counter, "consumer",
        "Times the breaker opened."},
    Row{Family::shadow, "trunkline_consumer_shadow", MetricType::Gauge, "consumer",
        "1 where the consumer is a shadow: what it delivers is rendered and not sent."},
    Row{Family::shadow_requests, "trunkline_shadow_requests_total", MetricType::Counter, "consumer",
        "Requests that a shadow has rendered since it began."},
    Row{Family::shadow_bytes, "trunkline_shadow_bytes_total", MetricType::Counter, "consumer",
        "Bytes of their bodies."},
    Row{Family::budget_requests, "trunkline_consumer_budget_requests", MetricType::Gauge, "consumer",
        "Requests of the consumer's budget, less the reserve; absent without one."},
    Row{Family::budget_used, "trunkline_consumer_budget_used_requests", MetricType::Gauge, "consumer",
        "Requests that count against it now."},
    Row{Family::budget_used_up, "trunkline_consumer_budget_used_up", MetricType::Gauge, "consumer",
        "1 while the consumer waits because its budget is used up. Worth an alarm."},
    Row{Family::concurrency_limit, "trunkline_consumer_concurrency_limit", MetricType::Gauge, "consumer",
        "Deliveries that may be under way now, at most `concurrency`; 0 while the breaker is open."},
    Row{Family::concurrency_fell, "trunkline_consumer_concurrency_fell_total", MetricType::Counter, "consumer, reason",
        "Times that limit fell: the downstream said not now (`throttled`), or took much longer than usual "
        "(`latency`)."},
    Row{Family::latency, "trunkline_consumer_latency_seconds", MetricType::Histogram, "consumer",
        "From accepted (on disk) to delivered."},
    Row{Family::receive_failures, "trunkline_consumer_receive_failures_total", MetricType::Counter, "consumer",
        "Times the queue could not be read."},
    Row{Family::last_delivered, "trunkline_consumer_last_delivered_timestamp_seconds", MetricType::Gauge, "consumer",
        "When an event was delivered last; absent before the first."},
    Row{Family::alarm_open, "trunkline_alarm_open", MetricType::Gauge, "alarm, subject",
        "1 for each alarm that is open; the subject is a consumer or a source, empty for the hub."},
    Row{Family::source_events, "trunkline_source_events_total", MetricType::Counter, "source",
        "Events and other inputs of a source that were stored, suppressed as duplicates or quarantined."},
    Row{Family::live_subscribers, "trunkline_live_subscribers", MetricType::Gauge, "consumer",
        "Subscribers of a live feed."},
    Row{Family::live_items, "trunkline_live_items", MetricType::Gauge, "consumer, part",
        "Agents, queues and conversations held by a live feed."},
    Row{Family::live_evicted, "trunkline_live_evicted_total", MetricType::Counter, "consumer",
        "Those that a live feed let go for want of room."},
    Row{Family::live_cut, "trunkline_live_cut_total", MetricType::Counter, "consumer",
        "Subscribers that were cut because they took nothing."},
};

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].family) != i) return false;
  }
  return true;
}
static_assert(in_enum_order());

using Labels = std::vector<ClientMetric::Label>;

double epoch_seconds(base::WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// Collects values under their families; writes only families that have a value.
class Page {
 public:
  Page() : families_(kTable.size()) {
    for (std::size_t i = 0; i < kTable.size(); ++i) {
      families_[i].name = kTable[i].name;
      families_[i].help = kTable[i].help;
      families_[i].type = kTable[i].type;
    }
  }

  void add(Family family, double value, Labels labels = {}) {
    MetricFamily& into = families_[static_cast<std::size_t>(family)];
    ClientMetric& metric = into.metric.emplace_back();
    metric.label = std::move(labels);
    (into.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  void add(Family family, std::uint64_t value, Labels labels = {}) {
    add(family, static_cast<double>(value), std::move(labels));
  }
  void add(Family family, const Histogram& histogram, Labels labels = {}) {
    TRUNKLINE_CHECK(histogram.counts.size() == histogram.bounds.size() + 1, "one bucket lies above all bounds");
    ClientMetric& metric = families_[static_cast<std::size_t>(family)].metric.emplace_back();
    metric.label = std::move(labels);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
      cumulative += histogram.counts[i];
      metric.histogram.bucket.push_back({cumulative, histogram.bounds[i]});
    }
    metric.histogram.sample_count = cumulative + histogram.counts.back();
    metric.histogram.sample_sum = histogram.sum;
  }

  std::string text() {
    std::erase_if(families_, [](const MetricFamily& family) { return family.metric.empty(); });
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  std::vector<MetricFamily> families_;
};

// `divisor`: what is counted in milliseconds is shown in seconds.
template <std::size_t N>
Histogram converted(const delivery::Histogram<N>& from, const std::array<std::uint64_t, N>& bounds, double divisor) {
  Histogram to;
  for (const std::uint64_t bound : bounds) to.bounds.push_back(static_cast<double>(bound) / divisor);
  to.counts.assign(from.counts.begin(), from.counts.end());
  to.sum = static_cast<double>(from.sum) / divisor;
  return to;
}

void add_hub(Page& page, const HubMetrics& hub, bool ready, const AlarmsInfo& alarms) {
  page.add(Family::build_info, 1.0, {{"version", hub.version}, {"revision", hub.revision}});
  page.add(Family::start_time, epoch_seconds(hub.started_at));
  page.add(Family::ready, ready ? 1.0 : 0.0);
  page.add(Family::accepted, hub.accepted);
  page.add(Family::duplicates, hub.duplicates);
  page.add(Family::conflicts, hub.conflicts);
  page.add(Family::publish_failures, hub.publish_failures);
  page.add(Family::slow_disk, hub.slow_disk);
  page.add(Family::unauthenticated, hub.unauthenticated);
  page.add(Family::keys_missing, hub.keys_missing);
  page.add(Family::key_fetches, hub.key_fetches);
  page.add(Family::key_fetch_failures, hub.key_fetch_failures);
  page.add(Family::unknown_topics, hub.unknown_topics);
  page.add(Family::mismatches, hub.mismatches);
  for (const auto& [reason, count] : hub.quarantined) page.add(Family::quarantined, count, {{"reason", reason}});
  page.add(Family::in_quarantine, hub.in_quarantine);
  for (const HubMetrics::Requests& row : hub.requests)
    page.add(Family::requests, row.count, {{"source", row.source}, {"status", std::to_string(row.status)}});
  page.add(Family::connections, hub.connections);
  page.add(Family::connections_refused, hub.connections_refused);
  page.add(Family::bad_requests, hub.bad_requests);
  page.add(Family::tls_handshakes, hub.tls_handshakes);
  page.add(Family::tls_resumed, hub.tls_resumed);
  page.add(Family::tls_failures, hub.tls_failures);
  if (hub.certificate_not_after) page.add(Family::certificate_expiry, epoch_seconds(*hub.certificate_not_after));
  page.add(Family::commits, hub.commits);
  page.add(Family::commit_failures, hub.commit_failures);
  page.add(Family::store_reopens, hub.store_reopens);
  for (const watch::Incident& incident : alarms.open)
    page.add(Family::alarm_open, 1.0,
             {{"alarm", std::string(watch::name(incident.alarm))}, {"subject", incident.subject}});
  for (const auto& [source, count] : hub.source_events) page.add(Family::source_events, count, {{"source", source}});
  if (!hub.sync_seconds.counts.empty()) page.add(Family::sync_seconds, hub.sync_seconds);
  if (!hub.commit_events.counts.empty()) page.add(Family::commit_events, hub.commit_events);
  page.add(Family::disk_bytes, hub.disk_bytes);
  page.add(Family::disk_free_bytes, hub.disk_free_bytes);
  page.add(Family::disk_budget_bytes, hub.disk_budget_bytes);
  page.add(Family::store_memory_bytes, hub.store_memory_bytes);
  page.add(Family::resident_bytes, hub.resident_bytes);
}

double in_seconds(base::Millis duration) {
  return std::chrono::duration<double>(duration).count();
}

void add_age(Page& page, const ConsumerView& consumer, base::WallTime now) {
  const engine::QueueStatistics& queue = consumer.queue;
  const std::string& name = consumer.info.name;
  const auto expiry = until_expiry(queue, consumer.info.spec, now);
  if (expiry) page.add(Family::expiry, in_seconds(*expiry), {{"consumer", name}});
  const engine::Drain drain = drain_of(queue);
  const bool empty = drain.outlook == engine::Drain::Outlook::empty;
  const double never = std::numeric_limits<double>::infinity();
  page.add(Family::drain, empty ? 0 : drain.left ? in_seconds(*drain.left) : never, {{"consumer", name}});
  for (const auto& [window, recent] : {std::pair("1m", &queue.minute), std::pair("15m", &queue.quarter)}) {
    for (const auto& [quantile, value] : {std::pair("0.5", recent->p50), std::pair("0.99", recent->p99)}) {
      if (value)
        page.add(Family::recent_latency, in_seconds(*value),
                 {{"consumer", name}, {"window", window}, {"quantile", quantile}});
    }
    page.add(Family::recent_delivered, recent->delivered_per_second(), {{"consumer", name}, {"window", window}});
    page.add(Family::recent_arrived, recent->arrived_per_second(), {{"consumer", name}, {"window", window}});
  }
}

void add_queue(Page& page, const ConsumerView& consumer, const Labels& labels, base::WallTime now) {
  const engine::QueueStatistics& queue = consumer.queue;
  const double age = queue.oldest_waiting ? std::chrono::duration<double>(now - *queue.oldest_waiting).count() : 0;
  page.add(Family::delivered, queue.delivered, labels);
  page.add(Family::expired, queue.expired, labels);
  if (consumer.info.spec.event_time_window.count() > 0) {
    page.add(Family::late, queue.late, labels);
    page.add(Family::left_early, queue.left_early, labels);
    page.add(Family::in_window, queue.in_window, labels);
  }
  page.add(Family::waiting, queue.waiting, labels);
  page.add(Family::oldest_waiting, std::max(age, 0.0), labels);
  add_age(page, consumer, now);
  page.add(Family::in_flight, queue.in_flight, labels);
  page.add(Family::backing_off, queue.backing_off, labels);
  page.add(Family::parked, queue.parked, labels);
  page.add(Family::dead_letters, queue.dead_letters, labels);
  page.add(Family::lanes, queue.lanes, labels);
  page.add(Family::paused, consumer.info.paused ? 1.0 : 0.0, labels);
}

void add_delivery(Page& page, const std::string& consumer, const delivery::Statistics& statistics) {
  const Labels labels = {{"consumer", consumer}};
  const auto with = [&](std::string name, std::string_view value) {
    return Labels{{"consumer", consumer}, {std::move(name), std::string(value)}};
  };
  page.add(Family::attempts, statistics.delivered, with("verdict", "delivered"));
  page.add(Family::attempts, statistics.retry, with("verdict", "retry"));
  page.add(Family::attempts, statistics.rejected, with("verdict", "rejected"));
  page.add(Family::attempts, statistics.unavailable, with("verdict", "unavailable"));
  page.add(Family::attempts, statistics.refused_batches, with("verdict", "refused"));
  page.add(Family::attempts_given_back, statistics.attempts_given_back, labels);
  page.add(Family::exhausted, statistics.parked, with("outcome", "parked"));
  page.add(Family::exhausted, statistics.skipped, with("outcome", "skipped"));
  page.add(Family::exhausted, statistics.dropped, with("outcome", "dropped"));
  page.add(Family::batch_events, converted(statistics.batch_size, delivery::kBatchSizeBounds, 1), labels);
  using delivery::BreakerState;
  for (const BreakerState state : {BreakerState::closed, BreakerState::open, BreakerState::half_open})
    page.add(Family::breaker_state, statistics.breaker == state ? 1.0 : 0.0, with("state", delivery::name(state)));
  page.add(Family::breaker_opened, statistics.breaker_opened, labels);
  if (const auto& budget = statistics.budget) {
    page.add(Family::budget_requests, budget->limit, labels);
    page.add(Family::budget_used, budget->used, labels);
    page.add(Family::budget_used_up, budget->used_up_until ? 1.0 : 0.0, labels);
  }
  page.add(Family::concurrency_limit, std::uint64_t{statistics.concurrency_limit}, labels);
  page.add(Family::concurrency_fell, statistics.concurrency_fell_throttled, with("reason", "throttled"));
  page.add(Family::concurrency_fell, statistics.concurrency_fell_latency, with("reason", "latency"));
  page.add(Family::latency, converted(statistics.latency_millis, delivery::kLatencyBoundsMillis, 1000), labels);
  page.add(Family::receive_failures, statistics.receive_failures, labels);
  if (statistics.last_delivered_at != base::WallTime{})
    page.add(Family::last_delivered, epoch_seconds(statistics.last_delivered_at), labels);
}

void add_live(Page& page, const std::string& consumer, const LiveStatistics& live) {
  const Labels labels = {{"consumer", consumer}};
  const auto items = [&](std::string part, std::size_t count) {
    page.add(Family::live_items, std::uint64_t{count}, {{"consumer", consumer}, {"part", std::move(part)}});
  };
  page.add(Family::live_subscribers, std::uint64_t{live.subscribers}, labels);
  items("agents", live.agents);
  items("queues", live.queues);
  items("conversations", live.conversations);
  page.add(Family::live_evicted, live.evicted, labels);
  page.add(Family::live_cut, live.cut, labels);
}

std::string_view type_word(MetricType type) {
  if (type == MetricType::Counter) return "counter";
  return type == MetricType::Gauge ? "gauge" : "histogram";
}

}  // namespace

std::string metrics_text(const HubMetrics& hub, bool ready, const AlarmsInfo& alarms,
                         const std::vector<ConsumerView>& consumers, base::WallTime now) {
  Page page;
  add_hub(page, hub, ready, alarms);
  for (const ConsumerView& consumer : consumers) {
    add_queue(page, consumer, {{"consumer", consumer.info.name}}, now);
    if (consumer.info.statistics) add_delivery(page, consumer.info.name, *consumer.info.statistics);
    page.add(Family::shadow, consumer.info.shadow ? 1.0 : 0.0, {{"consumer", consumer.info.name}});
    if (const auto& shadow = consumer.info.shadow) {
      page.add(Family::shadow_requests, shadow->requests, {{"consumer", consumer.info.name}});
      page.add(Family::shadow_bytes, shadow->bytes, {{"consumer", consumer.info.name}});
    }
    if (consumer.info.live) add_live(page, consumer.info.name, *consumer.info.live);
  }
  return page.text();
}

std::string metrics_page() {
  std::string out =
      "# Metrics\n\n"
      "<!-- Made from the table in src/api/metrics_text.cpp by `TRUNKLINE_WRITE_DOCS=1 trunkline_api_test`; a test "
      "compares it. -->\n\n"
      "`GET /metrics` answers in the Prometheus text format, with a key or a user where `api.keys` or `api.users` are "
      "configured. Counters "
      "count "
      "from the\nstart of the process. Consumers without a sink (pulled) have no metrics of delivery: verdicts, "
      "batches, "
      "breaker, latency.\n\n"
      "| name | type | labels | meaning |\n|---|---|---|---|\n";
  for (const Row& row : kTable)
    out += fmt::format("| `{}` | {} | {} | {} |\n", row.name, type_word(row.type), row.labels, row.help);
  out +=
      "\nThe hub raises [alarms of its own](operations.md#alarms); `trunkline_alarm_open` shows them.\n\nEvents per "
      "second: `rate(trunkline_events_accepted_total[1m])`, and per consumer\n"
      "`rate(trunkline_consumer_delivered_total[1m])`. Worth an alarm: "
      "`trunkline_consumer_oldest_waiting_seconds > 300`,\n"
      "`trunkline_consumer_parked_lanes > 0`, `trunkline_consumer_dead_letters > 0`, "
      "`increase(trunkline_consumer_expired_total[1h]) > 0`,\n"
      "`increase(trunkline_events_conflict_total[1h]) > 0`, `trunkline_quarantine_entries > 0`, `trunkline_ready == "
      "0`.\n";
  return out;
}

}  // namespace trunkline::api
