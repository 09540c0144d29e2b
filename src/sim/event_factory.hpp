#pragma once

#include <deque>
#include <string_view>

#include "sim/world.hpp"

namespace trunkline::sim {

// Events in the order they were made. Objects are reused, so that their strings keep their memory.
class EventFifo {
 public:
  GeneratedEvent& push() {
    if (tail_ == events_.size()) events_.emplace_back();
    return events_[tail_++];
  }
  bool empty() const { return head_ == tail_; }
  // Swaps the oldest one with `event`.
  void pop(GeneratedEvent& event) {
    std::swap(event, events_[head_++]);
    if (head_ == tail_) head_ = tail_ = 0;
  }

 private:
  std::deque<GeneratedEvent> events_;  // as long as the longest burst of one action: tens
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

// Writes each kind of event as Genesys does. The bodies follow the schema samples member by member; where a real event
// carries no time in its body, there is none here either.
class EventFactory {
 public:
  EventFactory(const World& world, Random& random, EventFifo& out) : world_(world), random_(random), out_(out) {}

  // Detail events of a conversation; `at` is eventTime.
  void outbound(const Conversation& c, SimTime at);
  void customer_start(const Conversation& c, SimTime at);
  void customer_end(const Conversation& c, SimTime at, std::string_view disconnect, SimTime interacting);
  void contact(const Conversation& c, SimTime at);
  void attributes(const Conversation& c, SimTime at);
  void flow_start(const Conversation& c, SimTime at);
  void flow_outcome(const Conversation& c, SimTime at);
  void flow_end(const Conversation& c, SimTime at, bool to_queue, bool to_voicemail);
  void acd_start(const Conversation& c, SimTime at);
  void acd_end_answered(const Conversation& c, SimTime at);
  void acd_end_abandoned(const Conversation& c, SimTime at);
  void user_start(const Conversation& c, SimTime at, std::uint32_t agent, const Conversation::Session& session);
  struct UserEnd {
    std::string_view disconnect;
    SimTime interacting = 0, held = 0, alerting = 0, contacting = 0, dialing = 0;
  };
  void user_end(const Conversation& c, SimTime at, std::uint32_t agent, const UserEnd& end);
  void voicemail_start(const Conversation& c, SimTime at);
  void voicemail_end(const Conversation& c, SimTime at, SimTime duration);
  void wrapup(const Conversation& c, SimTime at, SimTime duration, std::size_t code);
  void acw(const Conversation& c, SimTime at, SimTime duration, std::size_t code);

  // Other events about a conversation.
  void transcription(Conversation& c, SimTime at, bool ended);
  void sentiment(const Conversation& c, SimTime at);
  void metric(const Conversation& c, SimTime at, std::string_view metric, std::int64_t value);
  struct Evaluation {
    Id id{};
    std::uint32_t evaluator = 0;
    SimTime assigned = 0;
  };
  void evaluation(const Conversation& c, SimTime at, const Evaluation& evaluation, bool released);

  // Agents.
  void presence(std::uint32_t agent, SimTime at, std::size_t definition);
  void routing_status(std::uint32_t agent, SimTime at, std::string_view status);
  void activity(std::uint32_t agent, SimTime at, std::string_view status, std::size_t definition);
  void summary(std::uint32_t agent, SimTime at, Channel channel, int active, int after_call);
  void agent_state(const Conversation& c, std::uint32_t agent, SimTime at, std::string_view state);
  void membership(std::uint32_t agent, std::uint32_t queue, SimTime at, bool joined);
  struct Adherence {
    std::string_view scheduled, actual, routing, state, impact;
    std::size_t definition = 0;
  };
  void adherence(std::uint32_t agent, SimTime at, const Adherence& adherence, bool by_management_unit);
  void schedule_notification(std::uint32_t agent, SimTime at);

  // Queues and the rest of the house.
  void queue_observation(std::uint32_t queue, SimTime at);
  void queue_activity(std::uint32_t queue, SimTime at);
  void queue_interval(std::uint32_t queue, SimTime from, SimTime to, SimTime at);
  void audit_presence(std::uint32_t agent, SimTime at, std::string_view before, std::string_view after);
  void audit_change(SimTime at);
  void operations(SimTime at);
  void campaign_progress(std::size_t campaign, SimTime at, std::int64_t called, std::int64_t total);

  static constexpr std::size_t kOffline = 0, kAvailable = 1, kOnQueue = 2, kBreak = 3, kMeal = 4;

 private:
  struct Draft {
    EventText text;
    Members body;
    GeneratedEvent& event;
  };
  // A v2.detail.events.conversation.{id}.… event up to conversationExternalContactIds, as its schema begins.
  Draft detail(std::string_view pattern, const Conversation& c, SimTime at, const Conversation::Session& session);
  Draft about_agent(std::string_view pattern, std::uint32_t agent, SimTime published);
  Draft about_queue(std::string_view pattern, std::uint32_t queue, SimTime published);
  void set_queue(Draft& draft, std::uint32_t queue);
  void set_user(Draft& draft, std::uint32_t agent);
  void after_call(std::string_view pattern, const Conversation& c, SimTime at, SimTime duration, std::size_t code,
                  bool user);

  const World& world_;
  Random& random_;
  EventFifo& out_;
};

std::string_view media_type(Channel channel);

}  // namespace trunkline::sim
