#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "sim/event_factory.hpp"
#include "sim/world.hpp"

namespace trunkline::sim {

struct ContactCentreOptions {
  WorldOptions world;
  SimTime start = 1'772'409'600'000;  // 2026-03-02T00:00:00Z
  // Interactions begin until then; what has begun is played to its end. 0: for ever.
  SimTime arrivals_until = 1'772'409'600'000 + 86'400'000;
  SimTime observation_gap = 45'000;  // between two observations of one queue; Genesys sends at most one a second
};

// A contact centre as its events show it. Pure: the same options give the same bytes. Events come in simulated time,
// one conversation's in the order of their eventTime. Memory is what is under way at one moment (agents, queues, open
// interactions, evaluations not yet released), never the day.
//
// What it plays: shifts and breaks; interactions by voice, message, email, callback, dialer and from agents' own
// dialling, through flows, self-service, voicemail when nobody is there, queues with patience, ring-no-answer and
// requeue, blind and consult transfers, after-call work, reopened messages; transcripts and sentiment of some;
// evaluations hours later.
class ContactCentre {
 public:
  explicit ContactCentre(const ContactCentreOptions& options);
  ContactCentre(const ContactCentre&) = delete;
  ContactCentre& operator=(const ContactCentre&) = delete;

  // Writes the next event; false when all interactions have ended and no more arrive.
  bool next(GeneratedEvent& event);

  SimTime now() const { return now_; }
  std::uint64_t interactions() const { return interactions_; }
  std::size_t open_interactions() const { return open_; }
  const World& world() const { return world_; }

 private:
  enum class Timer : std::uint8_t {
    arrival,
    customer_start,
    flow_start,
    contact,
    attributes,
    flow_outcome,
    flow_end,
    voicemail_end,
    patience,
    alert_end,
    transcribe,
    talk_end,
    consult_answer,
    consult_end,
    reconnect,
    dial_failed,
    shift_start,
    shift_end,
    agent_break,
    break_end,
    responding,
    after_call_end,
    sentiment,
    evaluation_assigned,
    evaluation_released,
    reopen,
    observation,
    queue_interval,
    audit,
    operations,
    campaign,
    schedule,
  };
  struct Pending {
    SimTime due;
    std::uint64_t order;
    Timer timer;
    std::uint32_t index;
    std::uint32_t generation;
  };
  struct Later {
    bool operator()(const Pending& a, const Pending& b) const {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };
  // Work that remembers an ended conversation.
  struct Afterwards {
    Conversation conversation;
    EventFactory::Evaluation evaluation;
  };

  void schedule(SimTime delay, Timer timer, std::uint32_t index, std::uint32_t generation = 0);
  void run(const Pending& pending);
  void run_conversation(const Pending& pending);
  void run_agent(const Pending& pending);
  void run_afterwards(const Pending& pending);
  void run_house(const Pending& pending);

  // Conversations.
  void arrive();
  std::uint32_t open_conversation();
  void close_conversation(std::uint32_t index);
  void begin(std::uint32_t index);
  void begin_agent_call(std::uint32_t index, std::uint32_t agent);
  void after_flow_start(std::uint32_t index);
  void finish_flow(std::uint32_t index);
  void enter_queue(std::uint32_t index);
  void wait_in_queue(std::uint32_t index, bool at_front);
  void leave_queue(Conversation& c);
  void abandon(std::uint32_t index);
  void alert(std::uint32_t index, std::uint32_t agent);
  void alert_ended(std::uint32_t index);
  void answer(std::uint32_t index);
  void start_talk(std::uint32_t index);
  void talk_ended(std::uint32_t index);
  void blind_transfer(std::uint32_t index);
  void start_consult(std::uint32_t index, std::uint32_t agent);
  void finish_consult(std::uint32_t index);
  void hang_up(std::uint32_t index);
  void follow_up(const Conversation& c);
  SimTime talk_duration(Channel channel);
  SimTime patience(Channel channel);

  // Agents.
  std::uint32_t idle_agent(std::uint32_t queue);
  void set_status(std::uint32_t agent, AgentStatus status);
  void become_idle(std::uint32_t agent);
  bool take_waiting(std::uint32_t agent);
  void start_after_call(std::uint32_t agent, const Conversation& c);
  void finish_after_call(std::uint32_t agent);
  void start_shift(std::uint32_t agent);
  void end_shift(std::uint32_t agent);
  void start_break(std::uint32_t agent);
  void end_break(std::uint32_t agent);
  void agent_engaged(std::uint32_t agent, const Conversation& c);

  void queue_changed(std::uint32_t queue);
  std::uint32_t keep(const Conversation& c);
  void forget(std::uint32_t index);

  ContactCentreOptions options_;
  Random random_;
  World world_;
  EventFifo out_;
  EventFactory events_;
  std::priority_queue<Pending, std::vector<Pending>, Later> pending_;
  std::vector<Conversation> conversations_;
  std::vector<std::uint32_t> free_conversations_;
  std::vector<Afterwards> afterwards_;
  std::vector<std::uint32_t> free_afterwards_;
  SimTime now_;
  std::uint64_t order_ = 0;
  std::uint64_t interactions_ = 0;
  std::size_t open_ = 0;  // conversations and follow-ups that have not ended
  bool arrivals_done_ = false;
  bool skip_arrival_ = true;  // the pending candidate only marks the end of a gap that was cut
  double arrival_rate_ = 1;   // at which the pending candidate was drawn
  std::int64_t contacts_called_ = 0;
};

}  // namespace trunkline::sim
