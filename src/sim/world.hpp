#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "sim/day_shape.hpp"
#include "sim/event_text.hpp"
#include "sim/random.hpp"

namespace trunkline::sim {

constexpr std::uint32_t kNone = UINT32_MAX;

enum class Channel : std::uint8_t { voice, message, email, callback, dialer, agent_call };

// One interaction while it lives, and as a copy for the work that comes after it. Indices point into World.
struct Conversation {
  struct Session {
    Id participant{};
    Id session{};
  };
  Id id{};
  Id correlation{};  // one per conversation, as measured
  Id contact{};      // external contact
  Session customer, flow, acd, user, consult;
  Channel channel = Channel::voice;
  bool contact_known = false;
  bool transcribed = false;
  std::uint32_t address = 0;  // number of the customer
  std::uint32_t queue = kNone;
  std::uint32_t agent = kNone;
  std::uint32_t consult_agent = kNone;
  std::uint32_t flow_index = 0;
  std::uint32_t transfers = 0;
  std::uint32_t utterances = 0;
  std::uint32_t reopened = 0;
  SimTime lag = 0;  // from eventTime to detail.timestamp
  SimTime customer_started = 0, flow_started = 0, acd_started = 0, alerted = 0, answered = 0, session_started = 0;
  SimTime alert_started_consult = 0;

  std::uint32_t generation = 0;  // counts states: a timer of an earlier state is stale
  bool in_use = false;
  bool waiting = false;
};

enum class AgentStatus : std::uint8_t { offline, idle, alerting, interacting, after_call, not_responding, on_break };

struct Agent {
  Id user{};
  std::uint32_t team = 0;
  std::array<std::uint32_t, 3> queues{};
  std::uint32_t queue_count = 1;
  AgentStatus status = AgentStatus::offline;
  bool detailed =
      false;  // the integration selects activity, conversationsummary and agent state for this agent's division
  bool leave_due = false;
  bool break_due = false;
  SimTime shift_from = 0;  // of the day, in milliseconds
  SimTime shift_for = 0;
  SimTime presence_since = 0;
  SimTime routing_since = 0;
  std::uint32_t generation = 0;
  bool wrapping = false;
  Conversation wrap;  // the interaction whose after-call work is under way
};

struct WaitingRef {
  std::uint32_t conversation;
  std::uint32_t generation;
};

struct Queue {
  Id id{};
  std::vector<std::uint32_t> members;   // agents
  std::deque<WaitingRef> waiting;       // in order of arrival; stale ones are skipped
  std::uint32_t waiting_count = 0;      // calls only: an observation is of one medium
  std::uint32_t interacting_count = 0;  // the same
  std::uint32_t online = 0;             // members on shift
  std::uint32_t interval_offered = 0, interval_abandoned = 0;
  std::int64_t interval_wait_sum = 0, interval_wait_max = 0;
  SimTime last_observation = 0;
  bool observation_due = false;
};

struct Flow {
  Id id{};
  Id outcome{};
  Id milestone{};
  std::uint32_t version = 1;
};

struct WorldOptions {
  std::uint64_t seed = 1;
  DayShape day;
  std::uint32_t agents = 0;  // 0: as many as the volume needs
  std::uint32_t queues = 0;  // 0: one per 2,500 interactions a day, 4 to 200
  std::string source_suffix = "trunkline-sim";
};

// Everything of the organisation that does not change by itself, and the states of its agents and queues. A plain value
// made from the seed alone.
struct World {
  explicit World(const WorldOptions& options, Random& random);

  Integration integration;
  std::vector<Agent> agents;
  std::vector<Queue> queues;
  std::vector<Flow> flows;
  std::vector<Id> teams;
  std::vector<Id> skills;
  std::vector<Id> wrapup_codes;
  std::vector<Id> evaluators;
  std::vector<Id> administrators;
  std::vector<Id> campaigns;
  std::array<Id, 7> presence_definitions{};
  Id division{}, business_unit{}, management_unit{}, evaluation_form{}, evaluation_context{}, contact_list{};
};

}  // namespace trunkline::sim
