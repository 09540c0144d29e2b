#include "event/family_rules.hpp"

#include <initializer_list>
#include <span>

#include "base/text.hpp"

namespace trunkline::event {
namespace {

using json::Type;
using json::Value;

struct KeyRow {
  std::string_view pattern_prefix;
  KeyRule rule;
};
constexpr KeyRow kKeyRows[] = {
    {"v2.audits.", KeyRule::audit},
    {"v2.analytics.conversation.{id}.metrics", KeyRule::record},
    {"v2.analytics.flow.{id}.metrics", KeyRule::record},
    {"v2.conversations.{id}.transcription", KeyRule::transcript},
    {"v2.detail.events.conversation.", KeyRule::session},
    {"v2.detail.events.agent.", KeyRule::agent_state},
    {"v2.quality.evaluations", KeyRule::evaluation},
    {"v2.users.{id}.workforcemanagement.notifications", KeyRule::notification},
    {"v2.users.{id}.presence", KeyRule::presence},
    {"v2.outbound.", KeyRule::configuration},
    {"v2.operations.events.", KeyRule::operation},
};

constexpr TimeRule kTimeRows[] = {
    {"v2.audits.", {"eventTime"}, false, true},
    {"v2.detail.events.agent.", {"currentStateStart"}},
    {"v2.users.{id}.presence", {"modifiedDate"}},
    {"v2.users.{id}.routingStatus", {"routingStatus.startTime"}},
    {"v2.users.{id}.activity",
     {"routingStatus.startTime", "presence.modifiedDate", "outOfOffice.modifiedDate", "dateActiveQueuesChanged"},
     true},
    {"v2.analytics.conversation.{id}.metrics", {"metricDate"}},
    {"v2.analytics.flow.{id}.metrics", {"metricDate"}},
    {"v2.analytics.queues.{id}.observations", {}, false, false, true},
    {"v2.operations.events.", {"timestamp"}},
    {"v2.users.{id}.workforcemanagement.notifications", {"timestamp"}},
    {"v2.users.{id}.workforcemanagement.adherence", {"adherenceChangeTime"}},
    {"v2.workforcemanagement.managementunits.{id}.adherence", {"adherenceChangeTime"}},
    {"v2.workforcemanagement.teams.{id}.adherence", {"adherenceChangeTime"}},
    // Detail events, transcription, evaluations, persistent connections, and whatever comes new.
    {"", {"eventTime"}},
};

std::optional<Value> at_path(Value value, std::string_view path) {
  while (true) {
    const std::size_t dot = path.find('.');
    const std::optional<Value> member = value.find(path.substr(0, dot));
    if (!member || dot == std::string_view::npos) return member;
    value = *member;
    path.remove_prefix(dot + 1);
  }
}

bool has_fraction(std::string_view time) {
  return time.find('.') != std::string_view::npos;
}

std::optional<BusinessTime> newest_instant(Value body) {
  std::optional<BusinessTime> newest;
  const std::optional<Value> data = body.find("data");
  for (auto item = data ? data->first() : std::nullopt; item; item = item->next()) {
    const std::string_view interval = item->string_at("interval");
    const std::size_t slash = interval.find('/');
    if (slash == std::string_view::npos || interval.substr(0, slash) != interval.substr(slash + 1)) continue;
    const auto time = base::parse_time(interval.substr(0, slash));
    if (time && (!newest || *time > newest->at)) newest = BusinessTime{*time, has_fraction(interval)};
  }
  return newest;
}

// The decoded string, or the raw text of a number or literal: what a key may hold. Nothing for containers, null and "".
std::string_view key_text(const std::optional<Value>& value) {
  if (!value) return {};
  if (value->is(Type::string)) return value->string();
  return value->is(Type::number) || value->is(Type::boolean) ? value->raw() : std::string_view();
}

std::string_view key_text(Value body, std::string_view path) {
  return key_text(at_path(body, path));
}

// name|part|part…; nothing when one of the parts is missing.
void join(std::string& out, std::string_view name, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (part.empty()) return;
  }
  out += name;
  for (const std::string_view part : parts) {
    out.push_back('|');
    out += part;
  }
}

void append_transcript_key(std::string& out, Value body) {
  const std::string_view communication = key_text(body, "communicationId");
  if (communication.empty()) return;
  const std::optional<Value> transcripts = body.find("transcripts");
  const std::size_t begin = out.size();
  if (!transcripts || transcripts->size() == 0) {
    // The end of the session has no utterance.
    join(out, "transcript", {communication, key_text(body, "status.status"), key_text(body, "status.offsetMs")});
    return;
  }
  join(out, "transcript", {communication});
  bool all_final = true;
  for (auto item = transcripts->first(); item; item = item->next()) {
    const std::string_view utterance = item->string_at("utteranceId");
    if (utterance.empty()) {
      out.resize(begin);
      return;
    }
    const std::optional<Value> final = item->find("isFinal");
    const bool is_final = final && final->boolean();
    all_final = all_final && is_final;
    out.push_back('|');
    out += utterance;
    out += is_final ? "|final" : "|interim";
  }
  if (all_final) return;
  out.push_back('|');
  out += key_text(body, "eventTime");
}

void append_session_key(std::string& out, std::string_view topic_name, Value body) {
  const std::string_view participant = key_text(body, "participantId");
  const std::string_view time = key_text(body, "eventTime");
  if (participant.empty() || time.empty()) return;
  join(out, "session", {topic_name, participant});
  // attributes and contact events name no session.
  for (const std::string_view part : {key_text(body, "sessionId"), time, key_text(body, "flowOutcomeId")}) {
    out.push_back('|');
    out += part;
  }
}

}  // namespace

KeyRule key_rule(std::string_view pattern) {
  for (const KeyRow& row : kKeyRows) {
    if (pattern.starts_with(row.pattern_prefix)) return row.rule;
  }
  return KeyRule::none;
}

const TimeRule& time_rule(std::string_view pattern) {
  const TimeRule* row = kTimeRows;
  while (!pattern.starts_with(row->pattern_prefix)) ++row;  // the last prefix is empty
  return *row;
}

void append_natural_key(std::string& out, KeyRule rule, std::string_view topic_name, Value body) {
  const auto text = [&](std::string_view path) { return key_text(body, path); };
  switch (rule) {
    case KeyRule::none:
      return;
    case KeyRule::audit:
      return join(out, "audit", {text("id")});
    case KeyRule::record:
      return join(out, "record", {text("recordId")});
    case KeyRule::transcript:
      return append_transcript_key(out, body);
    case KeyRule::session:
      return append_session_key(out, topic_name, body);
    case KeyRule::agent_state:
      return join(out, "agent_state", {topic_name, text("sessionId"), text("currentState"), text("currentStateStart")});
    case KeyRule::evaluation: {
      const std::string_view changed = text("changedDate");
      return join(out, "evaluation", {text("id"), text("eventType"), changed.empty() ? text("version") : changed});
    }
    case KeyRule::notification: {
      const std::string_view read = text("markedAsRead");
      return join(out, "notification", {topic_name, text("id"), text("timestamp"), read.empty() ? "false" : read});
    }
    case KeyRule::presence:
      return join(out, "presence", {topic_name, text("modifiedDate"), text("presenceDefinition.id")});
    case KeyRule::configuration:
      return join(out, "configuration", {topic_name, text("id"), text("version")});
    case KeyRule::operation:
      return join(out, "operation", {text("eventEntity.id"), text("entityId"), text("timestamp")});
  }
}

std::optional<BusinessTime> read_time(Value value) {
  if (value.is(Type::string)) {
    const auto time = base::parse_time(value.string());
    if (!time) return std::nullopt;
    return BusinessTime{*time, has_fraction(value.string())};
  }
  constexpr std::int64_t kYear10000Millis = 253'402'300'800'000;
  const auto millis = value.integer();
  if (!millis || *millis < 0 || *millis >= kYear10000Millis) return std::nullopt;
  return BusinessTime{base::WallTime(base::Millis(*millis)), true};
}

std::optional<BusinessTime> business_time(const TimeRule& rule, Value body) {
  if (rule.instant_intervals) return newest_instant(body);
  std::optional<BusinessTime> found;
  for (const std::string_view path : rule.paths) {
    if (path.empty()) break;
    const std::optional<Value> member = at_path(body, path);
    const std::optional<BusinessTime> time = member ? read_time(*member) : std::nullopt;
    if (!time || (found && time->at <= found->at)) continue;
    found = time;
    if (!rule.newest) break;
  }
  if (found && rule.whole_seconds) found->has_millis = false;
  return found;
}

}  // namespace trunkline::event
