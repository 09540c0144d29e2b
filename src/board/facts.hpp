#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/record.hpp"
#include "json/document.hpp"

namespace trunkline::board {

// Milliseconds since 1970; 0: not known.
using Time = std::int64_t;

// What a party to a conversation is there for.
enum class Role : std::uint8_t { customer, flow, queue, agent, voicemail };
enum class Phase : std::uint8_t { none, alerting, connected, hold, wrapup };

// How a wait in a queue ended, as Genesys says it (acdOutcome); a flow-out counts for nobody.
enum class WaitEnd : std::uint8_t { unsaid, flowed_out, abandoned, answered };

// What one event says of one session: what Genesys calls the stay of one party in a conversation, by one medium. Times
// are the event's own. Views are into the event.
struct SessionFact {
  std::string_view conversation;
  std::string_view session;  // empty: only that there is such a conversation
  Role role = Role::customer;
  std::string_view user{};
  std::string_view queue{};
  std::string_view media{};      // as spelled in the event
  std::string_view direction{};  // as spelled in the event
  Time at = 0;                   // of the event
  Time started = 0;
  Time ended = 0;
  Phase phase = Phase::none;           // of an agent, where it is said outright
  Time phase_at = 0;                   // when it was said
  Time phase_since = 0;                // since when it is so
  std::string_view answered_by{};      // of a queue session that ended: the agent who took it
  WaitEnd wait_end = WaitEnd::unsaid;  // of the same
  bool interacted = false;             // an agent's session that ended had been connected
  bool consult_left = false;           // it ended because another agent took over
  Time after_call_done = 0;
};

struct AgentFact {
  std::string_view user;
  std::string_view name{};
  std::string_view presence{};
  std::string_view reason{};  // id of the presence's definition, one of the organisation's own as a rule
  Time presence_at = 0;
  std::string_view routing{};
  Time routing_at = 0;
};

// Counts of a queue at one moment, for one medium or (empty) for all.
struct QueueFact {
  static constexpr std::int64_t kUnsaid = -1;
  std::string_view queue;
  std::string_view media{};
  Time at = 0;
  std::int64_t waiting = kUnsaid;
  std::int64_t interacting = kUnsaid;
  Time oldest_waiting = 0;
};

struct Facts {
  std::vector<SessionFact> sessions;
  std::vector<AgentFact> agents;
  std::vector<QueueFact> queues;
  void clear() {
    sessions.clear();
    agents.clear();
    queues.clear();
  }
};

// Reads what an event says of agents, queues and conversations under way. Events of other topics, and members that are
// missing or of another type than Genesys documents, say nothing. Appends to `facts`; their views hold until `document`
// is parsed again, and while the record lives. At most 200 sessions or counts are taken of one event: the largest
// conference has far fewer, and a body is a sender's.
void read_facts(const engine::Record& record, json::Document& document, Facts& facts);

}  // namespace trunkline::board
