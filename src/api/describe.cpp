#include "api/describe.hpp"

#include <algorithm>

#include "api/describe_age.hpp"
#include "base/crypto.hpp"
#include "base/text.hpp"

namespace trunkline::api {
namespace {

double in_seconds(base::Millis duration) {
  return std::chrono::duration<double>(duration).count();
}
double in_seconds(base::WallTime from, base::WallTime to) {
  return std::max(0.0, in_seconds(to - from));
}

void write_seconds(json::Writer& writer, std::string_view name, base::Millis duration) {
  writer.key(name).number(in_seconds(duration));
}
void write_count(json::Writer& writer, std::string_view name, std::uint64_t count) {
  writer.member(name, count);
}

std::string_view name_of(delivery::OnExhausted value) {
  switch (value) {
    case delivery::OnExhausted::park:
      return "park";
    case delivery::OnExhausted::skip:
      return "skip";
    case delivery::OnExhausted::drop:
      return "drop";
  }
  return "unknown";
}

void write_last_error(json::Writer& writer, const delivery::Statistics& statistics) {
  writer.key("last_error");
  if (statistics.last_error_class.empty()) {
    writer.null();
    return;
  }
  writer.begin_object().member("class", statistics.last_error_class).member("detail", statistics.last_error_detail);
  write_time(writer, "at", statistics.last_error_at);
  writer.end_object();
}

// "budget": null without one.
void write_budget(json::Writer& writer, const ConsumerInfo& consumer, base::WallTime now) {
  writer.key("budget");
  const auto& budget = consumer.statistics->budget;
  if (!budget || !consumer.delivery) {
    writer.null();
    return;
  }
  const delivery::BudgetOptions& options = consumer.delivery->budget;
  writer.begin_object();
  write_count(writer, "requests", options.requests);
  write_count(writer, "reserve", options.reserve);
  write_count(writer, "used", budget->used);
  write_count(writer, "left", budget->limit - std::min(budget->limit, budget->used));
  write_seconds(writer, "per_seconds", options.per);
  writer.member("window", options.rolling ? "rolling" : "calendar");
  write_time(writer, "used_up_until", budget->used_up_until);
  writer.key("goes_on_in_seconds").number(budget->used_up_until ? in_seconds(now, *budget->used_up_until) : 0);
  writer.end_object();
}

void write_summary_members(json::Writer& writer, const ConsumerInfo& consumer, const engine::QueueStatistics& queue,
                           base::WallTime now) {
  writer.member("name", consumer.name).member("sink", consumer.sink).member("target", consumer.target);
  writer.member("order", event::name(consumer.spec.order)).member("paused", consumer.paused);
  writer.member("shadow", consumer.shadow.has_value());
  write_rest(writer, consumer.rest, now);
  write_count(writer, "waiting", queue.waiting);
  write_count(writer, "in_flight", queue.in_flight);
  write_count(writer, "backing_off", queue.backing_off);
  write_count(writer, "parked", queue.parked);
  write_count(writer, "dead_letters", queue.dead_letters);
  write_count(writer, "replaying", queue.replaying);
  write_count(writer, "delivered", queue.delivered);
  write_count(writer, "expired", queue.expired);
  write_time(writer, "oldest_waiting", queue.oldest_waiting);
  writer.key("oldest_waiting_seconds").number(queue.oldest_waiting ? in_seconds(*queue.oldest_waiting, now) : 0);
  write_age_members(writer, queue, consumer.spec, now);
  if (!consumer.statistics) return;
  writer.member("breaker", delivery::name(consumer.statistics->breaker));
  write_budget(writer, consumer, now);
  write_last_error(writer, *consumer.statistics);
}

void write_queue(json::Writer& writer, const ConsumerInfo& consumer, const engine::QueueStatistics& queue) {
  const engine::QueueSpec& spec = consumer.spec;
  writer.key("queue").begin_object();
  write_count(writer, "id", consumer.queue.value);
  write_count(writer, "lanes", queue.lanes);
  write_seconds(writer, "max_wait_seconds", spec.max_wait);
  if (spec.event_time_window.count() > 0) {
    writer.key("event_time_window").begin_object();
    write_seconds(writer, "seconds", spec.event_time_window);
    write_count(writer, "waiting", queue.in_window);
    write_count(writer, "late", queue.late);
    write_count(writer, "left_early", queue.left_early);
    writer.end_object();
  }
  writer.member("on_full", spec.on_full == engine::OnFull::refuse ? "refuse" : "expire");
  if (spec.pulled) {
    write_seconds(writer, "visibility_timeout_seconds", spec.visibility_timeout);
    write_count(writer, "max_receive_count", spec.max_receive_count);
    writer.member("on_max_receive_count", spec.park_on_max_receive ? "park" : "skip");
  }
  writer.end_object();
}

void write_delivery(json::Writer& writer, const delivery::Options& options) {
  writer.key("delivery").begin_object();
  write_count(writer, "concurrency", options.concurrency);
  writer.member("adaptive", options.adaptive);
  writer.key("rate").number(options.rate);
  write_count(writer, "batch_messages", options.batch_messages);
  write_count(writer, "batch_bytes", options.batch_bytes);
  write_seconds(writer, "batch_age_seconds", options.batch_age);
  write_count(writer, "max_attempts", options.max_attempts);
  writer.member("on_exhausted", name_of(options.exhausted()));
  write_seconds(writer, "backoff_base_seconds", options.backoff_base);
  write_seconds(writer, "backoff_cap_seconds", options.backoff_cap);
  write_seconds(writer, "retry_for_seconds", options.retry_for);
  writer.end_object();
}

template <std::size_t N>
void write_histogram(json::Writer& writer, std::string_view name, const delivery::Histogram<N>& histogram,
                     const std::array<std::uint64_t, N>& bounds) {
  writer.key(name).begin_object();
  write_count(writer, "count", histogram.total);
  write_count(writer, "sum", histogram.sum);
  writer.key("buckets").begin_array();
  for (std::size_t i = 0; i <= N; ++i) {
    writer.begin_object().key("up_to");
    if (i < N) {
      writer.unsigned_integer(bounds[i]);
    } else {
      writer.null();
    }
    writer.member("count", histogram.counts[i]).end_object();
  }
  writer.end_array().end_object();
}

void write_live(json::Writer& writer, const LiveStatistics& live) {
  writer.key("live").begin_object();
  write_count(writer, "subscribers", live.subscribers);
  write_count(writer, "agents", live.agents);
  write_count(writer, "queues", live.queues);
  write_count(writer, "conversations", live.conversations);
  write_count(writer, "evicted", live.evicted);
  write_count(writer, "cut", live.cut);
  writer.end_object();
}

void write_statistics(json::Writer& writer, const delivery::Statistics& statistics) {
  writer.key("statistics").begin_object();
  write_count(writer, "delivered", statistics.delivered);
  write_count(writer, "retry", statistics.retry);
  write_count(writer, "rejected", statistics.rejected);
  write_count(writer, "unavailable", statistics.unavailable);
  write_count(writer, "refused_batches", statistics.refused_batches);
  write_count(writer, "batches_sent", statistics.batches_sent);
  write_count(writer, "concurrency_limit", statistics.concurrency_limit);
  write_count(writer, "concurrency_fell_throttled", statistics.concurrency_fell_throttled);
  write_count(writer, "concurrency_fell_latency", statistics.concurrency_fell_latency);
  write_count(writer, "batches_in_flight", statistics.batches_in_flight);
  write_count(writer, "events_in_flight", statistics.events_in_flight);
  write_count(writer, "attempts_spent", statistics.attempts_spent);
  write_count(writer, "attempts_given_back", statistics.attempts_given_back);
  write_count(writer, "parked", statistics.parked);
  write_count(writer, "skipped", statistics.skipped);
  write_count(writer, "dropped", statistics.dropped);
  write_count(writer, "breaker_opened", statistics.breaker_opened);
  const bool delivered = statistics.last_delivered_at != base::WallTime{};
  write_time(writer, "last_delivered_at", delivered ? std::optional(statistics.last_delivered_at) : std::nullopt);
  write_histogram(writer, "batch_size", statistics.batch_size, delivery::kBatchSizeBounds);
  write_histogram(writer, "latency_millis", statistics.latency_millis, delivery::kLatencyBoundsMillis);
  writer.end_object();
}

void write_shadow_counts(json::Writer& writer, const ShadowCounts& counts) {
  writer.begin_object();
  write_time(writer, "since", counts.since);
  write_count(writer, "requests", counts.requests);
  write_count(writer, "bytes", counts.bytes);
  writer.end_object();
}

void write_if_known(json::Writer& writer, std::string_view name, const std::string& value) {
  if (!value.empty()) writer.member(name, value);
}

// Bytes of any kind: as text where they are text.
void write_bytes(json::Writer& writer, const std::string& bytes) {
  const bool text = base::is_valid_utf8(bytes);
  writer.member("encoding", text ? "utf-8" : "base64");
  writer.member("body", text ? bytes : base::base64_encode(bytes));
}

}  // namespace

void write_time(json::Writer& writer, std::string_view name, std::optional<base::WallTime> time) {
  writer.key(name);
  if (time) {
    writer.string(base::format_time(*time));
  } else {
    writer.null();
  }
}

void write_consumer_summary(json::Writer& writer, const ConsumerInfo& consumer, const engine::QueueStatistics& queue,
                            base::WallTime now) {
  writer.begin_object();
  write_summary_members(writer, consumer, queue, now);
  writer.end_object();
}

void write_consumer(json::Writer& writer, const ConsumerInfo& consumer, const engine::QueueStatistics& queue,
                    base::WallTime now) {
  writer.begin_object();
  write_summary_members(writer, consumer, queue, now);
  writer.key("filter").raw(consumer.filter.empty() ? "{}" : consumer.filter);
  writer.member("protected", consumer.mapping != nullptr && consumer.mapping->protects()).key("mapping");
  if (consumer.mapping) {
    writer.string(consumer.mapping->version());
  } else {
    writer.null();
  }
  write_queue(writer, consumer, queue);
  write_blockers(writer, queue.blockers);
  if (consumer.delivery) write_delivery(writer, *consumer.delivery);
  if (consumer.statistics) write_statistics(writer, *consumer.statistics);
  if (consumer.live) write_live(writer, *consumer.live);
  if (consumer.shadow) {
    writer.key("shadowed");
    write_shadow_counts(writer, *consumer.shadow);
  }
  writer.end_object();
}

void write_shadow(json::Writer& writer, const std::string& consumer, const ShadowReport& report) {
  writer.begin_object().member("consumer", consumer).key("shadowed");
  write_shadow_counts(writer, report.counts);
  writer.key("newest").begin_array();
  for (const ShadowRequest& request : report.newest) {
    writer.begin_object();
    write_count(writer, "number", request.number);
    write_time(writer, "at", request.at);
    writer.member("method", request.method).member("url", request.url).key("headers").begin_array();
    for (const auto& [name, value] : request.headers)
      writer.begin_object().member("name", name).member("value", value).end_object();
    writer.end_array();
    write_count(writer, "bytes", request.bytes);
    writer.member("complete", request.body.size() == request.bytes);
    write_bytes(writer, request.body);
    writer.end_object();
  }
  writer.end_array().end_object();
}

void write_message(json::Writer& writer, const engine::LeasedMessage& message) {
  const engine::Record& record = *message.record;
  writer.begin_object();
  write_count(writer, "sequence", record.sequence.value);
  write_count(writer, "receive_count", message.receive_count);
  writer.member("redriven", message.redriven);
  if (message.edited) writer.member("edited", true);
  if (message.order != 0) write_count(writer, "order", message.order);
  if (message.late) writer.member("late", true);
  if (message.replay) writer.member("replay", message.replay->value);
  writer.key("gap_before");
  if (message.gap_before) {
    writer.unsigned_integer(message.gap_before->value);
  } else {
    writer.null();
  }
  write_time(writer, "accepted_at", record.accepted_at);
  writer.member("type", record.event.event_type).member("category", record.event.category);
  writer.key("event").raw(record.event.raw).end_object();
}

void write_dead_letter(json::Writer& writer, const engine::DeadLetter& letter, bool with_event) {
  writer.begin_object();
  write_count(writer, "sequence", letter.sequence.value);
  writer.member("state", letter.parked ? "parked" : "skipped").member("group", letter.group_text);
  write_count(writer, "attempts", letter.attempts);
  writer.member("error_class", letter.error_class).member("error_detail", letter.error_detail);
  write_time(writer, "since", letter.since);
  writer.member("type", letter.record ? std::string_view(letter.record->event.event_type) : std::string_view());
  if (with_event) {
    write_time(writer, "accepted_at", letter.record ? std::optional(letter.record->accepted_at) : std::nullopt);
    writer.key("event");
    if (letter.record) {
      writer.raw(letter.record->event.raw);
    } else {
      writer.null();
    }
    writer.key("edited");
    if (letter.edited) {
      writer.raw(*letter.edited);
    } else {
      writer.null();
    }
  }
  writer.end_object();
}

void write_quarantined(json::Writer& writer, const engine::Quarantined& entry, bool with_bytes) {
  writer.begin_object();
  write_count(writer, "id", entry.id);
  write_time(writer, "received_at", entry.received_at);
  writer.member("source", entry.source_name).member("content_type", entry.content_type);
  writer.member("reason", entry.reason).member("detail", entry.detail);
  write_count(writer, "bytes", entry.bytes.size());
  if (with_bytes) write_bytes(writer, entry.bytes);
  writer.end_object();
}

void write_resubmitted(json::Writer& writer, const ResubmitOutcome& outcome) {
  constexpr std::array<std::string_view, 5> kVerdicts = {"accepted", "duplicate", "conflict", "quarantined", "failed"};
  writer.begin_object();
  write_count(writer, "id", outcome.id);
  writer.key("stored").begin_array();
  for (const engine::PublishResult& result : outcome.stored) {
    writer.begin_object().member("verdict", kVerdicts[static_cast<std::size_t>(result.verdict)]);
    writer.member("sequence", result.sequence).end_object();
  }
  writer.end_array().key("error");
  if (outcome.error) {
    writer.begin_object().member("code", base::name(outcome.error->code)).member("message", outcome.error->detail);
    writer.end_object();
  } else {
    writer.null();
  }
  writer.end_object();
}

void write_record(json::Writer& writer, const engine::Record& record, const std::vector<ConsumerInfo>& consumers) {
  const event::Event& event = record.event;
  writer.begin_object();
  write_count(writer, "sequence", record.sequence.value);
  write_time(writer, "accepted_at", record.accepted_at);
  writer.member("source", record.source_name).member("conflict", record.conflict);
  write_count(writer, "policy_version", record.policy_version.value);
  writer.key("consumers").begin_array();
  for (const ConsumerInfo& consumer : consumers) {
    if (std::binary_search(record.routes.begin(), record.routes.end(), consumer.queue)) writer.string(consumer.name);
  }
  writer.end_array().member("form", event::name(event.form));
  writer.member("type", event.event_type).member("category", event.category).member("topic", event.topic_name);
  write_if_known(writer, "envelope_id", event.envelope_id);
  write_if_known(writer, "content_key", event.content_key);
  write_if_known(writer, "org_id", event.org_id);
  write_if_known(writer, "conversation_id", event.conversation_id);
  write_if_known(writer, "user_id", event.user_id);
  write_if_known(writer, "queue_id", event.queue_id);
  write_if_known(writer, "media_type", event.media_type);
  write_time(writer, "business_time", event.business_time);
  write_time(writer, "published_at", event.published_at);
  writer.key("event").raw(event.raw).end_object();
}

}  // namespace trunkline::api
