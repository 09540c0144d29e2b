// Every decision about an event, put together from what is stored: `trunkline why`.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "app/from_config.hpp"
#include "app/hub.hpp"
#include "app/policy_store.hpp"
#include "app/why_consumer.hpp"
#include "event/identity.hpp"
#include "filter/explain.hpp"
#include "queue/listing.hpp"
#include "queue/search.hpp"

namespace trunkline::app {

using base::Errc;
using base::Error;
using base::Result;
using base::Sequence;

namespace {

// Ids are scoped by organisation, and who asks does not say which: those of the newest events are tried.
constexpr std::uint64_t kOrganisationsFrom = 1'000;
constexpr std::size_t kQuarantineMax = 10'000;              // entries looked at
constexpr base::Millis kWithin = std::chrono::seconds(20);  // a client waits for a minute

std::optional<Sequence> as_sequence(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ptr != end || parsed.ec != std::errc()) return std::nullopt;
  return Sequence{value};
}

// A consumer's filter in a policy version.
struct Subscribed {
  base::QueueId queue;
  std::string scope;
  std::string policy;
};
using Policies = std::map<std::string, Subscribed>;  // by consumer

// Lines of queue, consumer, scope and policy, separated by tabs.
Policies parse_policies(std::string_view text) {
  Policies parsed;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    std::array<std::string_view, 3> parts;
    for (std::string_view& part : parts) {
      part = line.substr(0, line.find('\t'));
      line.remove_prefix(std::min(line.size(), part.size() + 1));
    }
    std::uint32_t queue = 0;
    std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), queue);
    parsed.emplace(parts[1], Subscribed{{queue}, std::string(parts[2]), std::string(line)});
  }
  return parsed;
}

std::string_view outcome_of(engine::Fate fate) {
  switch (fate) {
    case engine::Fate::retry:
      return "retry";
    case engine::Fate::park:
      return "park";
    case engine::Fate::skip:
      return "skip";
    case engine::Fate::drop:
      return "drop";
    case engine::Fate::delivered:
    case engine::Fate::release:
      break;
  }
  return "none";
}

std::string_view name_of(queue::LaneState state) {
  switch (state) {
    case queue::LaneState::ready:
      return "ready";
    case queue::LaneState::backing_off:
      return "backing_off";
    case queue::LaneState::parked:
      return "parked";
    case queue::LaneState::leased:
      return "leased";
  }
  return "unknown";
}

base::WallTime wall(std::int64_t millis) {
  return base::WallTime(base::Millis(millis));
}

// Where it stands in its lane decides: the head of a lane that backs off is the one that failed.
api::WhyState lane_state(const queue::Standing& standing, Sequence sequence) {
  if (standing.leased) return api::WhyState::in_flight;
  if (standing.window_ends_ms) return api::WhyState::in_window;
  if (!standing.lane) return api::WhyState::waiting;
  const bool is_head = standing.before == 0 || standing.lane->head == sequence;
  switch (standing.lane->state) {
    case queue::LaneState::ready:
      return api::WhyState::waiting;
    case queue::LaneState::leased:
      return standing.before < standing.lane->leased ? api::WhyState::in_flight : api::WhyState::blocked;
    case queue::LaneState::backing_off:
      return is_head ? api::WhyState::backing_off : api::WhyState::blocked;
    case queue::LaneState::parked:
      return is_head ? api::WhyState::parked : api::WhyState::blocked;
  }
  return api::WhyState::waiting;
}

api::WhyState state_of(const queue::Standing& standing, Sequence sequence) {
  using Kind = queue::Standing::Kind;
  switch (standing.kind) {
    case Kind::unscanned:
      return api::WhyState::unscanned;
    case Kind::in_memory:
    case Kind::listed:
      return lane_state(standing, sequence);
    case Kind::parked:
      return api::WhyState::parked;
    case Kind::dead_letter:
      return api::WhyState::dead_letter;
    case Kind::dropped:
      return api::WhyState::dropped;
    case Kind::expired:
      return api::WhyState::expired;
    case Kind::purged:
      return api::WhyState::purged;
    case Kind::delivered:
      return api::WhyState::delivered;
  }
  return api::WhyState::waiting;
}

void take_lane(api::WhyConsumer& why, const queue::Standing& standing, Sequence sequence) {
  why.before = why.state == api::WhyState::unscanned ? standing.unscanned : standing.before;
  why.before_complete = standing.before_complete;
  why.redriven = standing.redriven;
  why.late = standing.late;
  if (standing.entry) {
    why.attempts = standing.entry->attempts;
    why.error_class = standing.entry->error_class;
    why.error_detail = standing.entry->error_detail;
    why.since = wall(standing.entry->since_ms);
  } else if (standing.lane) {
    const queue::LaneHeader& lane = *standing.lane;
    why.head_state = name_of(lane.state);
    if (lane.head.value != 0 && lane.head != sequence) why.head = lane.head.value;
    why.attempts = lane.attempts;
    why.error_class = lane.error_class;
    why.error_detail = lane.error_detail;
    if (lane.since_ms != 0) why.since = wall(lane.since_ms);
    if (lane.state == queue::LaneState::backing_off) why.until = wall(lane.until_ms);
  }
  if (standing.window_ends_ms) why.until = wall(*standing.window_ends_ms);
}

void explain_filter(api::WhyConsumer& why, const engine::Record& record, const Subscribed& subscribed) {
  const auto policy = policy_of(subscribed.policy, subscribed.scope == "MessageBody");
  if (!policy.ok()) return;
  const source::EventMessage message(record.event);
  const filter::Explanation explanation = filter::explain(*policy, message.message());
  why.filter_json = filter::to_json(explanation);
  why.filter_text = filter::to_text(explanation);
}

// What the id that was asked for turned out to be.
std::string named_by(const api::WhyReport& report) {
  const auto any = [&](std::string event::Event::* id) {
    return std::ranges::any_of(report.events,
                               [&](const api::WhyEvent& event) { return event.record->event.*id == report.asked; });
  };
  if (report.events.empty()) return "quarantine";
  if (any(&event::Event::envelope_id)) return "envelope_id";
  return any(&event::Event::conversation_id) ? "conversation" : "repeat";
}

}  // namespace

// ---- finding

Result<std::vector<Sequence>> Hub::find_in_newest(const std::string& what) {
  std::vector<Sequence> found;
  TRUNKLINE_TRY_VOID(read_log(first_of_newest(kLookedAtMax), [&](const engine::Record& record) {
    if (record.event.envelope_id == what || record.event.conversation_id == what) found.push_back(record.sequence);
    return !stopping_.load(std::memory_order_relaxed);
  }));
  return found;
}

// Oldest first.
Result<std::vector<Sequence>> Hub::find_identified(const std::set<std::string>& organisations,
                                                   const std::string& what) {
  std::set<Sequence> found;
  std::string scratch;
  for (const std::string& organisation : organisations) {
    const base::Hash128 identity = event::envelope_identity(organisation, what, scratch);
    TRUNKLINE_TRY(const std::vector<Sequence> known,
                  aws_ != nullptr ? aws_->find_identity(identity) : queue::find_identity(embedded_->store(), identity));
    found.insert(known.begin(), known.end());
  }
  return std::vector<Sequence>(found.begin(), found.end());
}

Result<std::vector<Sequence>> Hub::find_events(const std::string& what, api::WhyReport& report) {
  std::set<std::string> organisations{""};
  TRUNKLINE_TRY_VOID(read_log(first_of_newest(kOrganisationsFrom), [&](const engine::Record& record) {
    organisations.insert(record.event.org_id);
    return true;
  }));
  report.as = "envelope_id";
  TRUNKLINE_TRY(std::vector<Sequence> identified, find_identified(organisations, what));
  if (!identified.empty()) return identified;
  std::set<Sequence> found;
  for (const std::string& organisation : organisations) {
    event::Event like;
    like.org_id = organisation;
    like.conversation_id = what;
    TRUNKLINE_TRY(const queue::FoundEvents events,
                  queue::find_group(embedded_->store(), event::Order::conversation,
                                    event::group_text(like, event::Order::conversation), api::kWhyEventsMax,
                                    [this] { return stopping_.load(std::memory_order_relaxed); }));
    report.complete = report.complete && events.complete;
    found.insert(events.sequences.begin(), events.sequences.end());
  }
  report.as = "conversation";
  if (!found.empty()) return std::vector<Sequence>(found.begin(), found.end());
  report.as = "repeat";
  TRUNKLINE_TRY(std::vector<Sequence> repeated, queue::find_repeat(embedded_->store(), what));
  if (!repeated.empty()) return repeated;
  return find_in_newest(what);
}

Result<void> Hub::find_quarantined(const std::string& what, api::WhyReport& report) {
  // Read in pages, in the order of their ids: the bodies may be 8 MiB each.
  engine::Page page{0, 32};
  const base::MonoTime begun = clock_.mono();
  for (std::size_t seen = 0; seen < kQuarantineMax && !stopping_.load(std::memory_order_relaxed);) {
    if (clock_.mono() - begun > kWithin) {
      report.complete = false;
      break;
    }
    TRUNKLINE_TRY(std::vector<engine::Quarantined> entries,
                  aws_ != nullptr ? aws_->read_quarantine(page) : queue::read_quarantine(embedded_->store(), page));
    for (engine::Quarantined& entry : entries) {
      page.after = entry.id;
      if (entry.bytes.find(what) == std::string::npos || report.quarantined.size() >= api::kWhyQuarantinedMax) continue;
      entry.bytes.clear();
      report.quarantined.push_back(std::move(entry));
    }
    seen += entries.size();
    if (entries.size() < page.limit) break;
  }
  return {};
}

// ---- answering

Result<api::WhyConsumer> Hub::why_routed(const api::ConsumerInfo& consumer, const engine::Record& record) {
  if (aws_ != nullptr) return why_in_table(consumer, record);
  api::WhyConsumer why;
  take_consumer(why, consumer);
  auto standing = embedded_->standing(consumer.queue, record);
  if (!standing.ok() && standing.error().code == Errc::not_found) {
    why.state = api::WhyState::gone;
    return why;
  }
  if (!standing.ok()) return standing.error();
  why.state = state_of(*standing, record.sequence);
  why.group = event::group_text(record.event, consumer.spec.order);
  why.delivered_at = standing->deliveries.at;
  const base::WallTime at = why.delivered_at.empty() ? clock_.wall() : why.delivered_at.front();
  TRUNKLINE_TRY(why.mapping, mapping_at(consumer.name, at));
  for (const queue::FailedDelivery& failure : standing->failures)
    why.failures.push_back({wall(failure.at_ms), std::string(outcome_of(failure.fate)), failure.attempts,
                            failure.error_class, failure.error_detail});
  take_lane(why, *standing, record.sequence);
  return why;
}

Result<api::WhyEvent> Hub::why_event(const engine::RecordPtr& record, const std::string& policies) {
  api::WhyEvent event{record};
  std::optional<queue::Repeats> repeats;
  if (embedded_ != nullptr) {
    TRUNKLINE_TRY(repeats, queue::read_repeats(embedded_->store(), record->sequence));
  }
  if (repeats)
    event.repeats = {repeats->count, wall(repeats->first_ms), wall(repeats->last_ms), repeats->last_envelope_id};
  const Policies then = parse_policies(policies);
  for (const api::ConsumerInfo& consumer : consumers()) {
    const auto subscribed = then.find(consumer.name);
    api::WhyConsumer why;
    if (std::ranges::binary_search(record->routes, consumer.queue)) {
      TRUNKLINE_TRY(why, why_routed(consumer, *record));
    } else {
      take_consumer(why, consumer);
      // A consumer that was removed and came back has another queue than it had then.
      const bool was_routed =
          subscribed != then.end() && std::ranges::binary_search(record->routes, subscribed->second.queue);
      why.state = was_routed                 ? api::WhyState::gone
                  : subscribed == then.end() ? api::WhyState::not_there
                                             : api::WhyState::filtered;
    }
    if (subscribed != then.end()) explain_filter(why, *record, subscribed->second);
    event.consumers.push_back(std::move(why));
  }
  return event;
}

Result<void> Hub::why_events(const std::vector<Sequence>& sequences, api::WhyReport& report) {
  const base::MonoTime begun = clock_.mono();
  std::map<std::uint32_t, std::string> policies;
  for (const Sequence sequence : sequences) {
    if (clock_.mono() - begun > kWithin || stopping_.load(std::memory_order_relaxed)) {
      report.complete = false;
      return {};
    }
    TRUNKLINE_TRY(const engine::RecordPtr record, stored_event(sequence));
    // Swept meanwhile; or of another conversation whose hash is the same.
    if (!record || (report.as == "conversation" && record->event.conversation_id != report.asked)) continue;
    const auto [policy, is_new] = policies.try_emplace(record->policy_version.value);
    if (is_new) {
      TRUNKLINE_TRY(policy->second, policy_text(*engine_, record->policy_version));
    }
    TRUNKLINE_TRY(api::WhyEvent event, why_event(record, policy->second));
    report.events.push_back(std::move(event));
  }
  return {};
}

Result<api::WhyReport> Hub::run_why(const std::string& what) {
  api::WhyReport report;
  report.asked = what;
  report.as = "sequence";
  std::vector<Sequence> sequences;
  if (const auto sequence = as_sequence(what)) {
    sequences.push_back(*sequence);
  } else if (aws_ != nullptr) {
    TRUNKLINE_TRY(sequences, find_in_table(what, report));
  } else {
    TRUNKLINE_TRY(sequences, find_events(what, report));
    TRUNKLINE_TRY_VOID(find_quarantined(what, report));
  }
  if (sequences.size() > api::kWhyEventsMax) {
    sequences.erase(sequences.begin(), sequences.end() - api::kWhyEventsMax);
    report.complete = false;
  }
  TRUNKLINE_TRY_VOID(why_events(sequences, report));
  if (report.as != "sequence") report.as = named_by(report);
  if (!report.events.empty() || !report.quarantined.empty()) return report;
  if (aws_ != nullptr)
    return Error{Errc::not_found, fmt::format("the table has no event, conversation or quarantined input '{}'{}", what,
                                              report.complete ? "" : ", as far as it was read")};
  if (report.as == "sequence")
    return Error{Errc::not_found, fmt::format("there is no event {}: the newest is {}, and what is older than `retain` "
                                              "and settled is swept",
                                              what, embedded_->end().value)};
  return Error{Errc::not_found,
               fmt::format("no event, conversation or quarantined input that is still stored has the id '{}'", what)};
}

void Hub::why(std::string what, base::Loop& reply_on, WhyCallback done) {
  looks_->ask(reply_on, std::move(done), [this, what = std::move(what)] { return run_why(what); });
}

}  // namespace trunkline::app
