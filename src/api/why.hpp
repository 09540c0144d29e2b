#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "delivery/breaker.hpp"
#include "engine/record.hpp"

// `GET /api/v1/why/{what}`: every decision about an event, as facts and as sentences for whoever is asked at 3 a.m.
namespace trunkline::api {

struct WhyFailure {
  base::WallTime at;
  std::string outcome;         // what followed: "retry", "park", "skip", "drop"
  std::uint32_t attempts = 0;  // spent by then
  std::string error_class;
  std::string error_detail;
};

// What became of an event for one consumer. Promise I2: exactly one state.
enum class WhyState : std::uint8_t {
  not_there,  // the consumer was not there when the event was accepted
  filtered,
  unscanned,    // the queue has not come to it
  in_window,    // in its event-time window: earlier ones of its lane may still come
  waiting,      // in its lane, which is free or busy with an earlier event
  in_flight,    // given out, without a verdict
  backing_off,  // failed, and is tried again
  blocked,      // behind an event that backs off, is parked, or is in flight on disk (pulled)
  parked,
  dead_letter,
  dropped,
  expired,
  purged,
  delivered,
  gone,  // its queue was removed with what was in it
};
std::string_view name(WhyState state);

struct WhyConsumer {
  std::string name;
  WhyState state = WhyState::not_there;
  // The filter of the event's policy version; empty where it is not known or was not there.
  std::string filter_json{};  // filter::to_json
  std::string filter_text{};  // filter::to_text
  std::string group{};        // text of its message group; empty in a standard queue
  std::string mapping{};      // version of the mapping by which it was delivered, else would be now; empty: none
  std::vector<base::WallTime> delivered_at{};
  std::vector<WhyFailure> failures{};     // the last ten, oldest first
  std::uint64_t before = 0;               // unscanned: events of the log; else events of its lane that go first
  bool before_complete = true;            // false: there are more
  std::uint64_t head = 0;                 // of its lane, where another event: its sequence number
  std::uint32_t attempts = 0;             // of the head
  std::string error_class{};              // of the head's last failure
  std::string error_detail{};             // of the head's last failure
  std::optional<base::WallTime> since{};  // of the state
  std::optional<base::WallTime> until{};  // backing off: the next try; in its window: the end of it
  std::string head_state{};               // "ready", "backing_off", "parked", "leased"
  bool redriven = false;
  bool late = false;  // came after its event-time window
  // Of the consumer as a whole, now.
  bool pulled = false;
  bool paused = false;
  bool shadow = false;  // what it delivers is not sent
  delivery::BreakerState breaker = delivery::BreakerState::closed;
  base::WallTime breaker_since{};
  std::optional<base::WallTime> budget_until{};  // its requests are used up until then
  std::string last_error{};                      // why the breaker is open
};

struct WhyEvent {
  engine::RecordPtr record;
  struct Repeats {
    std::uint64_t count = 0;
    base::WallTime first;
    base::WallTime last;
    std::string last_envelope_id;
  };
  std::optional<Repeats> repeats{};
  std::vector<WhyConsumer> consumers{};
};

struct WhyReport {
  std::string asked;
  // What it is: "sequence", "envelope_id", "repeat" (the id of a suppressed one), "conversation", "quarantine".
  std::string as;
  std::vector<WhyEvent> events{};                  // in order; kWhyEventsMax of the newest
  bool complete = true;                            // false: there are more
  std::vector<engine::Quarantined> quarantined{};  // what names it and was not understood
};
inline constexpr std::size_t kWhyEventsMax = 200;
inline constexpr std::size_t kWhyQuarantinedMax = 20;

// Sentences. None ends with a new line.
std::string headline(const WhyReport& report);
std::string identity_sentence(const WhyEvent& event);
std::string sentence(const WhyConsumer& consumer, const engine::Record& record);
std::string sentence(const engine::Quarantined& entry);

std::string why_json(const WhyReport& report);

}  // namespace trunkline::api
