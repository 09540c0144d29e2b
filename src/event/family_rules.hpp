#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "json/document.hpp"

namespace trunkline::event {

// What differs by topic family and is more than data: natural keys and business times. The tables are in
// family_rules.cpp; their facts come from what Genesys publishes and what was measured on real events.

// How the natural key of an event is made: the key that a republished event keeps although it carries a new envelope
// id.
enum class KeyRule : std::uint8_t {
  none,
  audit,          // id
  record,         // recordId of a metric record
  transcript,     // communicationId with every (utteranceId, isFinal); eventTime, too, while an utterance is not final
  session,        // detail events: topicName, participantId, sessionId, eventTime (and flowOutcomeId)
  agent_state,    // topicName, sessionId, currentState, currentStateStart
  evaluation,     // id, eventType, changedDate or version
  notification,   // WFM: topicName, id, timestamp, markedAsRead
  presence,       // topicName, modifiedDate, presenceDefinition.id
  configuration,  // outbound entities: topicName, id, version
  operation,      // eventEntity.id, entityId, timestamp
};
KeyRule key_rule(std::string_view pattern);

// The key's text, beginning with the rule's name; empty when a member it needs is missing. Members that change while an
// entity is re-sent are part of the key, so that a newer state is no conflict with the older one; suppression compares
// the body anyway.
void append_natural_key(std::string& out, KeyRule rule, std::string_view topic_name, json::Value body);

struct TimeRule {
  std::string_view pattern_prefix;
  std::array<std::string_view, 4> paths;  // members of eventBody; the first that holds a time counts
  bool newest = false;                    // the newest of all counts instead
  bool whole_seconds = false;             // the family writes ".000" always
  bool instant_intervals = false;         // data[].interval of the form from/to where both are equal
};
// Never fails: an unknown pattern has eventTime.
const TimeRule& time_rule(std::string_view pattern);

struct BusinessTime {
  base::WallTime at;
  bool has_millis = false;
};
std::optional<BusinessTime> business_time(const TimeRule& rule, json::Value body);

// An RFC 3339 string, or an integer of milliseconds since 1970 up to the year 9999.
std::optional<BusinessTime> read_time(json::Value value);

}  // namespace trunkline::event
