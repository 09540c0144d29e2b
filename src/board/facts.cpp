#include "board/facts.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/text.hpp"
#include "event/body.hpp"
#include "event/family_rules.hpp"

namespace trunkline::board {
namespace {

using json::Type;
using json::Value;

constexpr std::size_t kItemsMax = 200;

Time millis(base::WallTime time) {
  return time.time_since_epoch().count();
}

Time time_at(Value object, std::string_view name) {
  const auto member = object.find(name);
  const auto time = member ? event::read_time(*member) : std::nullopt;
  return time ? millis(time->at) : 0;
}

Time when(const engine::Record& record) {
  const event::Event& event = record.event;
  if (event.business_time) return millis(*event.business_time);
  return millis(event.published_at.value_or(record.accepted_at));
}

std::string_view id_of(Value object, std::string_view direct, std::string_view nested) {
  if (const std::string_view id = object.string_at(direct); !id.empty()) return id;
  const auto inner = object.find(nested);
  return inner ? inner->string_at("id") : std::string_view();
}

struct Reading {
  const event::Event& event;
  Value body;
  Time at;
  Facts& facts;
};

// ---- detail events: one session each

SessionFact session_of(const Reading& in) {
  SessionFact fact;
  fact.conversation = in.event.conversation_id;
  fact.session = in.body.string_at("sessionId");
  if (fact.session.empty()) fact.session = in.body.string_at("participantId");
  fact.queue = in.body.string_at("queueId");
  fact.media = in.body.string_at("mediaType");
  fact.direction = in.body.string_at("direction");
  fact.at = in.at;
  return fact;
}

WaitEnd wait_end_of(std::string_view outcome) {
  if (outcome == "ANSWERED") return WaitEnd::answered;
  if (outcome == "ABANDON") return WaitEnd::abandoned;
  return outcome == "FLOW_OUT" ? WaitEnd::flowed_out : WaitEnd::unsaid;
}

bool is_positive(Value body, std::string_view name) {
  const auto member = body.find(name);
  const auto number = member ? member->integer() : std::nullopt;
  return number && *number > 0;
}

void read_agent_session(const Reading& in, SessionFact fact, bool ended) {
  fact.role = Role::agent;
  fact.user = in.body.string_at("userId");
  if (ended) {
    fact.interacted = is_positive(in.body, "interactingDurationMs");
    const std::string_view why = in.body.string_at("disconnectType");
    fact.consult_left = why == "CONSULT_TRANSFER" || why == "CONFERENCE_TRANSFER";
  }
  in.facts.sessions.push_back(fact);
}

// The part of the topic behind the conversation's id.
void read_detail(const Reading& in, std::string_view what) {
  SessionFact fact = session_of(in);
  const bool ended = what.ends_with(".end");
  (ended ? fact.ended : fact.started) = in.at;
  if (what == "user.start" || what == "user.end") return read_agent_session(in, fact, ended);
  if (what == "acw" || what == "wrapup") {
    fact.role = Role::agent;
    fact.user = in.body.string_at("userId");
    fact.started = 0;
    fact.after_call_done = in.at;
  } else if (what == "acd.start" || what == "acd.end") {
    fact.role = Role::queue;
    fact.answered_by = in.body.string_at("answeredUserId");
    fact.wait_end = wait_end_of(in.body.string_at("acdOutcome"));
  } else if (what == "flow.start" || what == "flow.end") {
    fact.role = Role::flow;
  } else if (what == "voicemail.start" || what == "voicemail.end") {
    fact.role = Role::voicemail;
  } else if (what != "customer.start" && what != "customer.end") {
    fact.session = {};  // outbound, contact, attributes, flow.outcome: no party comes or goes
  }
  in.facts.sessions.push_back(fact);
}

Phase phase_of_state(std::string_view state) {
  if (state == "ALERT" || state == "DIALING" || state == "CONTACTING") return Phase::alerting;
  if (state == "HOLD") return Phase::hold;
  if (state == "WRAPUP") return Phase::wrapup;
  if (state == "INTERACT") return Phase::connected;
  return Phase::none;  // monitoring, coaching: not the customer's agent
}

void read_agent_state(const Reading& in) {
  const std::string_view state = in.body.string_at("currentState");
  SessionFact fact = session_of(in);
  fact.role = Role::agent;
  fact.user = in.event.user_id;
  fact.direction = in.body.string_at("originatingDirection");
  fact.phase = phase_of_state(state);
  if (state == "TERMINATED") {
    fact.ended = in.at;
  } else if (fact.phase == Phase::none) {
    return;
  } else {
    fact.phase_at = fact.phase_since = in.at;
    fact.started = time_at(in.body, "sessionStart");
    fact.interacted = fact.phase != Phase::alerting;
  }
  if (!fact.conversation.empty()) in.facts.sessions.push_back(fact);
}

// ---- topics that carry the whole conversation

std::optional<Role> role_of_purpose(std::string_view purpose) {
  if (purpose == "customer" || purpose == "external") return Role::customer;
  if (purpose == "agent" || purpose == "user") return Role::agent;
  if (purpose == "acd") return Role::queue;
  if (purpose == "ivr" || purpose == "workflow" || purpose == "botflow") return Role::flow;
  if (purpose == "voicemail") return Role::voicemail;
  return std::nullopt;
}

struct Medium {
  std::string_view member;
  std::string_view name;
};
constexpr std::array<Medium, 9> kMedia = {{{"calls", "VOICE"},
                                           {"callbacks", "CALLBACK"},
                                           {"chats", "CHAT"},
                                           {"emails", "EMAIL"},
                                           {"messages", "MESSAGE"},
                                           {"videos", "VIDEO"},
                                           {"cobrowsesessions", "COBROWSE"},
                                           {"screenshares", "SCREENSHARE"},
                                           {"socialExpressions", "SOCIALEXPRESSION"}}};

void read_after_call(Value communication, SessionFact& fact) {
  const auto after = communication.find("afterCallWork");
  if (!after) return;
  const std::string_view state = after->string_at("state");
  if (state == "pending") fact.interacted = true;
  if (state == "complete" || state == "skipped") {
    const Time end = time_at(*after, "endTime");
    fact.after_call_done = end != 0 ? end : fact.ended;
  }
}

// One communication of a participant; in topics of one medium the participant itself is it.
void read_communication(const Reading& in, Value communication, SessionFact fact) {
  fact.session = communication.string_at("id");
  if (const std::string_view direction = communication.string_at("direction"); !direction.empty())
    fact.direction = direction;
  const Time connected = time_at(communication, "connectedTime");
  fact.ended = time_at(communication, "disconnectedTime");
  if (fact.ended == 0) fact.ended = time_at(communication, "endTime");
  fact.started = time_at(communication, "startAlertingTime");
  if (fact.started == 0) fact.started = connected;
  const std::string_view state = communication.string_at("state");
  const auto held = communication.find("held");
  if (state == "disconnected" || state == "terminated") {
    if (fact.ended == 0) fact.ended = in.at;
  } else if (fact.ended == 0 && (state == "scheduled" || state == "none")) {
    return;
  } else if (fact.ended == 0) {
    const bool talks = connected != 0 && (state == "connected" || state == "transmitting" || state == "converting");
    const bool holds = talks && held && held->boolean();
    if (fact.role == Role::agent) fact.phase = holds ? Phase::hold : talks ? Phase::connected : Phase::alerting;
    if (fact.started == 0) fact.started = in.at;
    fact.phase_at = in.at;
    fact.phase_since = talks ? connected : fact.started;
    if (const Time held_since = holds ? time_at(communication, "startHoldTime") : 0; held_since != 0)
      fact.phase_since = held_since;
  }
  fact.interacted = fact.role == Role::agent && connected != 0;
  const std::string_view why = communication.string_at("disconnectType");
  fact.consult_left = why == "transfer.consult" || why == "transfer.conference";
  read_after_call(communication, fact);
  in.facts.sessions.push_back(fact);
}

void read_participant(const Reading& in, Value participant, std::string_view topic_media) {
  const auto role = role_of_purpose(participant.string_at("purpose"));
  if (!role) return;
  SessionFact fact;
  fact.conversation = in.event.conversation_id;
  fact.role = *role;
  fact.at = in.at;
  fact.queue = id_of(participant, "queueId", "queue");
  if (*role == Role::customer || *role == Role::flow) fact.queue = {};  // where it will go, or has been
  if (*role == Role::agent) {
    fact.user = id_of(participant, "userId", "user");
    const std::string_view name = participant.string_at("name");
    if (!fact.user.empty() && !name.empty()) in.facts.agents.push_back({.user = fact.user, .name = name});
  }
  bool found = false;
  for (const Medium& medium : kMedia) {
    const auto list = participant.find(medium.member);
    for (auto item = list ? list->first() : std::nullopt; item; item = item->next()) {
      if (in.facts.sessions.size() >= kItemsMax) return;
      fact.media = medium.name;
      read_communication(in, *item, fact);
      found = true;
    }
  }
  if (found || participant.string_at("state").empty()) return;
  fact.media = topic_media;
  read_communication(in, participant, fact);
}

void read_whole(const Reading& in, std::string_view last_segment) {
  std::string_view media;
  for (const Medium& medium : kMedia) {
    if (medium.member == last_segment) media = medium.name;
  }
  const auto participants = in.body.find("participants");
  for (auto item = participants ? participants->first() : std::nullopt; item; item = item->next()) {
    if (in.facts.sessions.size() >= kItemsMax) return;
    read_participant(in, *item, media);
  }
}

// ---- agents

void read_presence(const Reading& in) {
  const auto primary = in.body.find("primary");
  if (primary && !primary->boolean()) return;  // of a secondary source; it is not what the agent is shown as
  const auto definition = in.body.find("presenceDefinition");
  if (!definition) return;
  in.facts.agents.push_back({.user = in.event.user_id,
                             .presence = definition->string_at("systemPresence"),
                             .reason = definition->string_at("id"),
                             .presence_at = in.at});
}

void read_routing(const Reading& in) {
  AgentFact fact{.user = in.event.user_id};
  if (const auto status = in.body.find("routingStatus")) {
    fact.routing = status->string_at("status");
    fact.routing_at = time_at(*status, "startTime");
    if (fact.routing_at == 0) fact.routing_at = in.at;
  }
  const auto presence = in.body.find("presence");
  if (const auto definition = presence ? presence->find("presenceDefinition") : std::nullopt) {
    fact.presence = definition->string_at("systemPresence");
    fact.reason = definition->string_at("id");
    fact.presence_at = time_at(*presence, "modifiedDate");
    if (fact.presence_at == 0) fact.presence_at = in.at;
  }
  in.facts.agents.push_back(fact);
}

// ---- queues

std::int64_t count_of(Value object) {
  const auto member = object.find("count");
  const auto number = member ? member->number() : std::nullopt;
  // A count beyond a billion is none.
  return number && *number >= 0 && *number < 1e9 ? static_cast<std::int64_t>(*number) : QueueFact::kUnsaid;
}

void read_metric(Value metric, Value counts, QueueFact& fact) {
  const std::string_view name = metric.string_at("metric");
  if (name == "oWaiting") fact.waiting = count_of(counts);
  if (name == "oInteracting") fact.interacting = count_of(counts);
  if (name != "oLongestWaiting") return;
  const auto waited = metric.find("calculatedMetricValue");
  const auto number = waited ? waited->number() : std::nullopt;
  if (number && *number > 0 && *number < static_cast<double>(fact.at))
    fact.oldest_waiting = fact.at - static_cast<Time>(*number);
}

void add_counts(Facts& facts, const QueueFact& fact) {
  if (facts.queues.size() >= kItemsMax) return;
  if (fact.waiting != QueueFact::kUnsaid || fact.interacting != QueueFact::kUnsaid || fact.oldest_waiting != 0)
    facts.queues.push_back(fact);
}

// Observations of one instant; those of half an hour are statistics.
void read_observations(const Reading& in) {
  const auto group = in.body.find("group");
  const auto data = in.body.find("data");
  for (auto item = data ? data->first() : std::nullopt; item; item = item->next()) {
    const std::string_view interval = item->string_at("interval");
    const std::size_t slash = interval.find('/');
    if (slash == interval.npos || interval.substr(0, slash) != interval.substr(slash + 1)) continue;
    const auto at = base::parse_time(interval.substr(0, slash));
    if (!at) continue;
    QueueFact fact{.queue = in.event.queue_id, .at = millis(*at)};
    if (group) fact.media = group->string_at("mediaType");
    const auto metrics = item->find("metrics");
    for (auto metric = metrics ? metrics->first() : std::nullopt; metric; metric = metric->next()) {
      if (const auto stats = metric->find("stats")) read_metric(*metric, *stats, fact);
    }
    add_counts(in.facts, fact);
  }
}

void read_queue_activity(const Reading& in) {
  const auto results = in.body.find("results");
  for (auto item = results ? results->first() : std::nullopt; item; item = item->next()) {
    QueueFact fact{.queue = in.event.queue_id, .media = item->string_at("mediaType"), .at = in.at};
    const auto data = item->find("data");
    for (auto metric = data ? data->first() : std::nullopt; metric; metric = metric->next())
      read_metric(*metric, *metric, fact);
    add_counts(in.facts, fact);
  }
}

// ---- the founding guide's flat events, which name neither session nor participant

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void read_flat_conversation(const Reading& in, std::string_view verb) {
  constexpr std::string_view kSession = "flat";
  SessionFact fact;
  fact.conversation = in.event.conversation_id;
  fact.media = in.event.media_type;
  fact.direction = in.body.string_at("direction");
  fact.at = in.at;
  fact.session = kSession;
  const std::string_view state = in.body.string_at("state").empty() ? verb : in.body.string_at("state");
  const bool over =
      is_one_of(state, {"ended", "end", "closed", "completed", "disconnected", "terminated", "deleted", "abandoned"});
  (over ? fact.ended : fact.started) = in.at;
  in.facts.sessions.push_back(fact);
  if (over) return;
  fact.queue = in.event.queue_id;
  if (!in.event.user_id.empty()) {
    fact.role = Role::agent;
    fact.user = in.event.user_id;
    fact.session = in.event.user_id;
    fact.after_call_done = std::numeric_limits<Time>::max();  // this form knows no after-call work
    fact.phase = is_one_of(state, {"alerting", "offered", "assigned", "created"}) ? Phase::alerting
                 : is_one_of(state, {"hold", "held"})                             ? Phase::hold
                                                                                  : Phase::connected;
    fact.phase_at = fact.phase_since = in.at;
  } else if (!in.event.queue_id.empty()) {
    fact.role = Role::queue;
    fact.session = in.event.queue_id;
  } else {
    return;
  }
  in.facts.sessions.push_back(fact);
}

void read_flat(const Reading& in) {
  std::string_view type = in.event.topic_name;
  const std::string_view verb = type.substr(type.rfind('.') + 1);
  if (!in.event.conversation_id.empty() && in.event.category == "conversation") return read_flat_conversation(in, verb);
  const std::string_view status = in.body.string_at("status");
  const std::string_view presence = in.body.string_at("presence");
  const std::string_view routing = in.body.string_at("routingStatus");
  if (!in.event.user_id.empty() && in.event.conversation_id.empty()) {
    AgentFact fact{.user = in.event.user_id, .name = in.body.string_at("agentName")};
    fact.presence = presence.empty() ? status : presence;
    fact.presence_at = in.at;
    fact.routing = routing;
    fact.routing_at = in.at;
    in.facts.agents.push_back(fact);
  } else if (!in.event.queue_id.empty()) {
    QueueFact fact{.queue = in.event.queue_id, .at = in.at};
    const auto number = [&](std::string_view name) {
      const auto member = in.body.find(name);
      const auto value = member ? member->integer() : std::nullopt;
      return value && *value >= 0 && *value < 1'000'000'000 ? *value : QueueFact::kUnsaid;
    };
    fact.waiting = number("waiting");
    fact.interacting = number("interacting");
    add_counts(in.facts, fact);
  }
}

std::optional<std::string_view> behind(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

// Of "conversations" or "conversations.calls"; other things that begin so (summaries, typing) are no state.
bool is_whole_state(std::string_view rest) {
  if (rest == "conversations") return true;
  const auto media = behind(rest, "conversations.");
  return media && is_one_of(*media, {"callbacks", "calls", "chats", "cobrowseSessions", "emails", "messages",
                                     "screenshares", "socialexpressions", "videos"});
}

void read_topic(const Reading& in) {
  const std::string_view type = in.event.event_type;
  if (const auto what = behind(type, "v2.detail.events.conversation.{id}.")) {
    if (!in.event.conversation_id.empty()) read_detail(in, *what);
  } else if (type == "v2.detail.events.agent.{id}.state") {
    read_agent_state(in);
  } else if (const auto of_user = behind(type, "v2.users.{id}.")) {
    if (*of_user == "presence") return read_presence(in);
    if (*of_user == "routingStatus" || *of_user == "activity") return read_routing(in);
    if (is_whole_state(*of_user)) read_whole(in, of_user->substr(of_user->rfind('.') + 1));
  } else if (const auto of_queue = behind(type, "v2.routing.queues.{id}.")) {
    if (is_whole_state(*of_queue)) read_whole(in, of_queue->substr(of_queue->rfind('.') + 1));
  } else if (type == "v2.analytics.queues.{id}.observations") {
    read_observations(in);
  } else if (type == "v2.analytics.queues.{id}.activity") {
    read_queue_activity(in);
  } else if (in.event.form == event::Form::flat || !in.event.topic_known) {
    read_flat(in);
  }
}

}  // namespace

void read_facts(const engine::Record& record, json::Document& document, Facts& facts) {
  const auto parsed = document.parse(record.event.raw);
  if (!parsed.ok()) return;  // it was decoded once; nothing of it is a fact then
  read_topic({record.event, event::body_of(*parsed), when(record), facts});
}

}  // namespace trunkline::board
