#include "api/why.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/describe.hpp"
#include "api/handlers.hpp"
#include "api/view.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::api {
namespace {

using base::format_time;

constexpr std::size_t kAskedMax = 256;  // ids of Genesys have 36 characters, of AWS no more

std::string duration(base::Millis time) {
  const std::int64_t millis = std::max<std::int64_t>(time.count(), 0);
  if (millis < 10'000) return fmt::format("{}.{:03} s", millis / 1'000, millis % 1'000);
  const std::int64_t seconds = millis / 1'000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  const std::int64_t minutes = seconds / 60;
  if (minutes < 120) return fmt::format("{} min", minutes);
  return minutes < 48 * 60 ? fmt::format("{} h {} min", minutes / 60, minutes % 60)
                           : fmt::format("{} days {} h", minutes / 1'440, minutes / 60 % 24);
}

std::string failure_words(const std::string& error_class, const std::string& detail) {
  if (error_class.empty()) return detail.empty() ? "no reason was given" : detail;
  return detail.empty() ? error_class : error_class + ": " + detail;
}

std::string since_words(const WhyConsumer& consumer) {
  return consumer.since ? " since " + format_time(*consumer.since) : "";
}

std::string count_of(std::uint64_t count, bool complete, std::string_view one, std::string_view many) {
  return fmt::format("{}{} {}", complete ? "" : "more than ", count, count == 1 ? one : many);
}

std::string delivered_words(const WhyConsumer& consumer, const engine::Record& record) {
  if (consumer.delivered_at.empty()) return "delivered; when is not on record";
  std::string out = fmt::format("{} {}, {} after it was accepted", consumer.pulled ? "settled" : "delivered",
                                format_time(consumer.delivered_at.front()),
                                duration(consumer.delivered_at.front() - record.accepted_at));
  if (!consumer.mapping.empty()) out += fmt::format(" by mapping {}", consumer.mapping);
  if (consumer.delivered_at.size() > 1)
    out += fmt::format(", and again {} (a crash, a redrive or a replay repeats a delivery)",
                       format_time(consumer.delivered_at.back()));
  if (!consumer.failures.empty())
    out += fmt::format(", behind {}",
                       count_of(consumer.failures.size(), consumer.failures.size() < 10, "failed try", "failed tries"));
  return out;
}

// Why nothing of the consumer goes out, whatever the lane; empty when it does.
std::string held_words(const WhyConsumer& consumer) {
  if (consumer.paused) return fmt::format("the consumer is paused: `trunkline resume {}` lets it go on", consumer.name);
  if (consumer.budget_until)
    return fmt::format("the consumer's budget of requests is used up until {}: it goes on by itself then",
                       format_time(*consumer.budget_until));
  if (consumer.breaker == delivery::BreakerState::closed) return {};
  return fmt::format(
      "its downstream is unavailable since {} ({}); it is probed until it answers, and no attempt of this "
      "event is spent meanwhile",
      format_time(consumer.breaker_since), consumer.last_error.empty() ? "no reason was given" : consumer.last_error);
}

std::string blocked_words(const WhyConsumer& consumer) {
  const std::string count =
      count_of(consumer.before, consumer.before_complete, "event of its lane goes", "events of its lane go");
  if (consumer.head_state == "parked")
    return fmt::format(
        "waits behind event {}, which is parked{} after {} ({}): `trunkline dlq redrive {} --sequence {}` or "
        "`purge` lets the lane go on; {} first",
        consumer.head, since_words(consumer), count_of(consumer.attempts, true, "attempt", "attempts"),
        failure_words(consumer.error_class, consumer.error_detail), consumer.name, consumer.head, count);
  if (consumer.head_state == "backing_off")
    return fmt::format("waits behind event {}, which has failed ({}) and is tried again{}; {} first", consumer.head,
                       failure_words(consumer.error_class, consumer.error_detail),
                       consumer.until ? " at " + format_time(*consumer.until) : "", count);
  return fmt::format("waits behind event {}, which is in flight; {} first", consumer.head, count);
}

std::string waiting_words(const WhyConsumer& consumer) {
  const std::string held = held_words(consumer);
  if (!held.empty()) return "waits: " + held;
  if (consumer.state == WhyState::unscanned)
    return consumer.before == 0 ? "waits: it is the next that the queue comes to"
                                : fmt::format("waits: the queue has {} of the log before it",
                                              count_of(consumer.before, true, "event", "events"));
  if (consumer.state == WhyState::in_window)
    return fmt::format("waits in its event-time window until {}, for what may still come before it{}",
                       consumer.until ? format_time(*consumer.until) : "its end",
                       consumer.before == 0
                           ? ""
                           : fmt::format("; {} first", count_of(consumer.before, true, "event of its lane goes",
                                                                "events of its lane go")));
  if (consumer.state == WhyState::blocked) return blocked_words(consumer);
  if (consumer.before == 0 && !consumer.before_complete)
    return "waits in its queue, or has been given out and has no verdict yet";
  if (consumer.before > 0)
    return fmt::format("waits its turn: {} first", count_of(consumer.before, consumer.before_complete,
                                                            "event of its lane goes", "events of its lane go"));
  return consumer.pulled ? "waits to be received" : "waits its turn: it is the next of its lane";
}

std::string backing_off_words(const WhyConsumer& consumer) {
  std::string out = fmt::format("failed ({}), {} spent", failure_words(consumer.error_class, consumer.error_detail),
                                count_of(consumer.attempts, true, "attempt", "attempts"));
  if (consumer.until) out += ", is tried again at " + format_time(*consumer.until);
  const std::string held = held_words(consumer);
  return held.empty() ? out : out + "; " + held;
}

std::string parked_words(const WhyConsumer& consumer, const engine::Record& record) {
  return fmt::format(
      "parked{} after {} ({}): it holds its lane until `trunkline dlq redrive {} --sequence {}` or `purge`",
      since_words(consumer), count_of(consumer.attempts, true, "attempt", "attempts"),
      failure_words(consumer.error_class, consumer.error_detail), consumer.name, record.sequence.value);
}

void write_failure(json::Writer& writer, const WhyFailure& failure) {
  writer.begin_object();
  write_time(writer, "at", failure.at);
  writer.member("outcome", failure.outcome).member("attempts", std::uint64_t{failure.attempts});
  writer.member("error_class", failure.error_class).member("error_detail", failure.error_detail).end_object();
}

void write_lane(json::Writer& writer, const WhyConsumer& consumer) {
  writer.key("lane").begin_object().member("group", consumer.group).member("before", consumer.before);
  writer.member("before_complete", consumer.before_complete);
  if (consumer.head != 0) writer.member("head", consumer.head).member("head_state", consumer.head_state);
  writer.member("attempts", std::uint64_t{consumer.attempts}).member("error_class", consumer.error_class);
  writer.member("error_detail", consumer.error_detail);
  write_time(writer, "since", consumer.since);
  write_time(writer, "until", consumer.until);
  writer.member("redriven", consumer.redriven);
  if (consumer.late) writer.member("late", true);
  writer.end_object();
}

void write_consumer(json::Writer& writer, const WhyConsumer& consumer, const engine::Record& record) {
  writer.begin_object().member("consumer", consumer.name).member("state", name(consumer.state));
  writer.member("answer", sentence(consumer, record));
  if (!consumer.filter_json.empty())
    writer.key("filter").raw(consumer.filter_json).member("filter_text", consumer.filter_text);
  writer.key("delivered_at").begin_array();
  for (const base::WallTime at : consumer.delivered_at) writer.string(format_time(at));
  writer.end_array().key("failures").begin_array();
  for (const WhyFailure& failure : consumer.failures) write_failure(writer, failure);
  writer.end_array();
  if (consumer.state >= WhyState::unscanned && consumer.state <= WhyState::dead_letter) write_lane(writer, consumer);
  if (!consumer.mapping.empty()) writer.member("mapping", consumer.mapping);
  writer.member("paused", consumer.paused).member("breaker", delivery::name(consumer.breaker));
  if (consumer.shadow) writer.member("shadow", true);
  if (consumer.budget_until) writer.member("budget_used_up_until", format_time(*consumer.budget_until));
  writer.end_object();
}

void write_event(json::Writer& writer, const WhyEvent& event) {
  const engine::Record& record = *event.record;
  writer.begin_object().member("sequence", record.sequence.value).member("envelope_id", record.event.envelope_id);
  writer.member("type", record.event.event_type).member("category", record.event.category);
  writer.member("conversation_id", record.event.conversation_id).member("source", record.source_name);
  writer.member("form", event::name(record.event.form));
  write_time(writer, "accepted_at", record.accepted_at);
  write_time(writer, "business_time", record.event.business_time);
  writer.member("policy_version", std::uint64_t{record.policy_version.value}).member("conflict", record.conflict);
  writer.member("identity", identity_sentence(event)).key("repeats");
  if (event.repeats) {
    writer.begin_object().member("count", event.repeats->count);
    write_time(writer, "first_at", event.repeats->first);
    write_time(writer, "last_at", event.repeats->last);
    writer.member("last_envelope_id", event.repeats->last_envelope_id).end_object();
  } else {
    writer.null();
  }
  writer.key("consumers").begin_array();
  for (const WhyConsumer& consumer : event.consumers) write_consumer(writer, consumer, record);
  writer.end_array().end_object();
}

}  // namespace

std::string_view name(WhyState state) {
  switch (state) {
    case WhyState::not_there:
      return "not_there";
    case WhyState::filtered:
      return "filtered";
    case WhyState::unscanned:
      return "unscanned";
    case WhyState::in_window:
      return "in_window";
    case WhyState::waiting:
      return "waiting";
    case WhyState::in_flight:
      return "in_flight";
    case WhyState::backing_off:
      return "backing_off";
    case WhyState::blocked:
      return "blocked";
    case WhyState::parked:
      return "parked";
    case WhyState::dead_letter:
      return "dead_letter";
    case WhyState::dropped:
      return "dropped";
    case WhyState::expired:
      return "expired";
    case WhyState::purged:
      return "purged";
    case WhyState::delivered:
      return "delivered";
    case WhyState::gone:
      return "gone";
  }
  return "unknown";
}

std::string headline(const WhyReport& report) {
  const std::uint64_t events = report.events.size();
  const std::string_view more = report.complete ? "" : " (the newest; there are more)";
  if (report.as == "conversation")
    return fmt::format("conversation {}: {}{}", report.asked, count_of(events, true, "event", "events"), more);
  if (report.as == "repeat" && !report.events.empty())
    return fmt::format(
        "{} came for an event that was stored already, as {}: it was suppressed, and what became of that "
        "one is this",
        report.asked, report.events.front().record->sequence.value);
  if (report.as == "quarantine") return fmt::format("{} was not understood and stands in the quarantine", report.asked);
  return fmt::format("{}: {}{}", report.asked, count_of(events, true, "event", "events"), more);
}

std::string identity_sentence(const WhyEvent& event) {
  const event::Event& known = event.record->event;
  std::string out = event.record->conflict
                        ? "stored and marked `conflict`: an identity of it was known with another body, or its two "
                          "identities point at two events"
                    : !known.envelope_identity && !known.content_identity
                        ? "stored: it has neither an envelope id nor a natural key, so nothing is known to repeat it"
                        : "stored: neither its envelope id nor its content was known";
  if (!event.repeats) return out;
  const bool anew = event.repeats->last_envelope_id != known.envelope_id;
  const std::string often =
      event.repeats->count == 1 ? "once, at" : fmt::format("{} times, the last at", event.repeats->count);
  out += fmt::format("; it came again {} {}{}, equal, and was suppressed", often, format_time(event.repeats->last),
                     anew ? " published anew as " + event.repeats->last_envelope_id : "");
  return out;
}

std::string sentence(const WhyConsumer& consumer, const engine::Record& record) {
  switch (consumer.state) {
    case WhyState::not_there:
      return "was no consumer yet when the event was accepted";
    case WhyState::filtered:
      return fmt::format("filtered out by its filter of policy version {}", record.policy_version.value);
    case WhyState::unscanned:
    case WhyState::in_window:
    case WhyState::waiting:
    case WhyState::blocked:
      return consumer.late ? "came after its event-time window, behind later ones; " + waiting_words(consumer)
                           : waiting_words(consumer);
    case WhyState::in_flight:
      return consumer.pulled ? "received, and not settled yet" : "in flight: sent, or about to be; no verdict yet";
    case WhyState::backing_off:
      return backing_off_words(consumer);
    case WhyState::parked:
      return parked_words(consumer, record);
    case WhyState::dead_letter:
      return fmt::format("in the dead-letter queue{} after {} ({}); its lane went on: `trunkline dlq show {} {}`",
                         since_words(consumer), count_of(consumer.attempts, true, "attempt", "attempts"),
                         failure_words(consumer.error_class, consumer.error_detail), consumer.name,
                         record.sequence.value);
    case WhyState::dropped:
      return "dropped when its attempts had run out, as the consumer's configuration says";
    case WhyState::expired:
      return "expired: it waited longer than max_wait, or made room on a full disk as on_full says";
    case WhyState::purged:
      return "purged by an operator";
    case WhyState::delivered:
      return delivered_words(consumer, record) +
             (consumer.shadow ? "; the consumer is a shadow now: what it delivers is not sent" : "");
    case WhyState::gone:
      return "its queue was removed, with what was in it";
  }
  return "unknown";
}

std::string sentence(const engine::Quarantined& entry) {
  return fmt::format(
      "quarantined {} from source {}: {} ({}). `trunkline quarantine show {}` shows it, `resubmit` takes it "
      "in once it is understood",
      format_time(entry.received_at), entry.source_name, entry.reason, entry.detail, entry.id);
}

std::string why_json(const WhyReport& report) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("asked", report.asked).member("as", report.as).member("answer", headline(report));
  writer.member("complete", report.complete).key("events").begin_array();
  for (const WhyEvent& event : report.events) write_event(writer, event);
  writer.end_array().key("quarantined").begin_array();
  for (const engine::Quarantined& entry : report.quarantined) {
    writer.begin_object().member("id", entry.id).member("answer", sentence(entry));
    writer.member("source", entry.source_name).member("reason", entry.reason).member("detail", entry.detail);
    write_time(writer, "received_at", entry.received_at);
    writer.end_object();
  }
  writer.end_array().end_object();
  return out;
}

void get_why(CallPtr call) {
  std::string asked = call->captures[0];
  if (asked.size() > kAskedMax) {
    return call->fail({base::Errc::invalid, fmt::format("'{}…' is longer than any id", asked.substr(0, 40))});
  }
  auto mapping = view_mapping(call->hub, nullptr);
  with_view(std::move(call), std::move(mapping), [asked = std::move(asked)](CallPtr answering, View view) mutable {
    Hub& hub = answering->hub;
    base::Loop& loop = answering->loop;
    hub.why(std::move(asked), loop,
            [call = std::move(answering), view = std::move(view)](base::Result<WhyReport> report) mutable {
              if (!report.ok())
                return call->fail(report.error(),
                                  "`trunkline why` takes a sequence number, an envelope id or a conversation id");
              show(*report, view);
              call->answer(why_json(*report));
            });
  });
}

}  // namespace trunkline::api
