#include <algorithm>

#include "sim/contact_centre.hpp"

namespace trunkline::sim {
namespace {

constexpr SimTime kMinute = 60'000;
constexpr SimTime kHour = 60 * kMinute;

// Shares of channels; the rest is agents' own dialling.
struct ChannelShare {
  Channel channel;
  double share;
};
constexpr ChannelShare kChannels[] = {{Channel::voice, 0.66},
                                      {Channel::message, 0.15},
                                      {Channel::email, 0.07},
                                      {Channel::callback, 0.04},
                                      {Channel::dialer, 0.06}};

constexpr double kSelfService = 0.36;  // calls and messages that the flow settles alone
constexpr double kAttributes = 0.35;
constexpr double kFlowOutcome = 0.30;
constexpr double kContactAssigned = 0.15;  // of customers not known by their address
constexpr double kRingNoAnswer = 0.05;
constexpr double kBlindTransfer = 0.05;
constexpr double kConsultTransfer = 0.03;
constexpr double kDialerAnswered = 0.45;
constexpr double kTranscribed = 0.02;
constexpr double kSentiment = 0.10;
constexpr double kEvaluated = 0.02;
constexpr double kMetric = 0.05;
constexpr double kReopened = 0.04;  // of messages
constexpr std::uint32_t kTransfersMax = 2;

// What a conversation adds to the counts of calls.
std::uint32_t calls(const Conversation& c) {
  return media_type(c.channel) == "VOICE" ? 1 : 0;
}

}  // namespace

void ContactCentre::run_conversation(const Pending& pending) {
  const std::uint32_t index = pending.index;
  Conversation& c = conversations_[index];
  if (!c.in_use || c.generation != pending.generation) return;
  switch (pending.timer) {
    case Timer::customer_start:
      c.customer_started = now_;
      events_.customer_start(c, now_);
      if (c.channel == Channel::agent_call) return start_talk(index);
      if (random_.chance(kDialerAnswered)) return enter_queue(index);
      return schedule(random_.between(4'000, 28'000), Timer::dial_failed, index, c.generation);
    case Timer::dial_failed:
      events_.customer_end(c, now_, random_.chance(0.8) ? "UNCALLABLE" : "PEER", 0);
      return close_conversation(index);
    case Timer::flow_start:
      c.flow_started = now_;
      events_.flow_start(c, now_);
      return after_flow_start(index);
    case Timer::contact:
      c.contact_known = true;
      return events_.contact(c, now_);
    case Timer::attributes:
      return events_.attributes(c, now_);
    case Timer::flow_outcome:
      return events_.flow_outcome(c, now_);
    case Timer::flow_end:
      return finish_flow(index);
    case Timer::voicemail_end:
      events_.voicemail_end(c, now_, now_ - c.acd_started);
      events_.customer_end(c, now_ + 10, "ENDPOINT", 0);
      return close_conversation(index);
    case Timer::patience:
      return abandon(index);
    case Timer::alert_end:
      return alert_ended(index);
    case Timer::reconnect:
      return wait_in_queue(index, true);
    case Timer::transcribe:
      events_.transcription(c, now_, false);
      return schedule(random_.between(4'000, 18'000), Timer::transcribe, index, c.generation);
    case Timer::talk_end:
      return talk_ended(index);
    case Timer::consult_answer:
      agent_engaged(c.consult_agent, c);
      return schedule(random_.between(15'000, 60'000), Timer::consult_end, index, c.generation);
    default:
      return finish_consult(index);
  }
}

void ContactCentre::arrive() {
  if (options_.arrivals_until != 0 && now_ >= options_.arrivals_until) {
    arrivals_done_ = true;
    return;
  }
  // Thinning (Lewis and Shedler): candidates come at the highest rate near now, each is taken with its share of it. A
  // candidate is never more than a minute away, in which the curve changes little.
  constexpr double kLongest = 60'000;
  const DayShape& day = options_.world.day;
  const double highest = std::max({day.rate(now_), day.rate(now_ + 30'000), day.rate(now_ + 60'000)});
  const double gap = random_.exponential(1.0 / highest);
  const bool taken = !skip_arrival_ && random_.chance(day.rate(now_) / arrival_rate_);
  skip_arrival_ = gap > kLongest;  // cut short: the exponential has no memory, so nothing has arrived until then
  arrival_rate_ = highest;
  schedule(static_cast<SimTime>(std::min(gap, kLongest)), Timer::arrival, 0);
  if (!taken) return;
  ++interactions_;
  begin(open_conversation());
}

std::uint32_t ContactCentre::open_conversation() {
  std::uint32_t index = static_cast<std::uint32_t>(conversations_.size());
  if (free_conversations_.empty()) {
    conversations_.emplace_back();
  } else {
    index = free_conversations_.back();
    free_conversations_.pop_back();
  }
  ++open_;
  const std::uint32_t generation = conversations_[index].generation + 1;
  Conversation& c = conversations_[index];
  c = Conversation{};
  c.generation = generation;
  c.in_use = true;
  c.id = random_.uuid();
  c.correlation = random_.uuid();
  c.contact = random_.uuid();
  double pick = random_.unit();
  c.channel = Channel::agent_call;
  for (const ChannelShare& share : kChannels) {
    if (pick < share.share) {
      c.channel = share.channel;
      break;
    }
    pick -= share.share;
  }
  c.contact_known = random_.chance(0.5);
  c.address = static_cast<std::uint32_t>(random_.below(100'000));
  c.flow_index = static_cast<std::uint32_t>(random_.below(world_.flows.size()));
  c.lag = random_.between(40, 90);
  c.transcribed = c.channel == Channel::voice && random_.chance(kTranscribed);
  return index;
}

void ContactCentre::close_conversation(std::uint32_t index) {
  Conversation& c = conversations_[index];
  ++c.generation;
  c.in_use = false;
  free_conversations_.push_back(index);
  --open_;
}

void ContactCentre::begin(std::uint32_t index) {
  Conversation& c = conversations_[index];
  const auto new_session = [this] { return Conversation::Session{random_.uuid(), random_.uuid()}; };
  // A customer who comes back keeps the participant.
  c.customer = c.reopened == 0 ? new_session() : Conversation::Session{c.customer.participant, random_.uuid()};
  c.flow = new_session();
  c.acd = new_session();
  c.user = new_session();
  c.queue = static_cast<std::uint32_t>(random_.below(world_.queues.size()));
  c.customer_started = now_;
  if (c.channel == Channel::agent_call) {
    const std::uint32_t agent = idle_agent(c.queue);
    if (agent != kNone) return begin_agent_call(index, agent);
    c.channel = Channel::voice;  // nobody is free to dial
  }
  if (c.channel == Channel::dialer) {
    events_.outbound(c, now_);
    return schedule(random_.between(800, 3'000), Timer::customer_start, index, c.generation);
  }
  events_.customer_start(c, now_);
  if (c.channel == Channel::callback) return enter_queue(index);
  schedule(40, Timer::flow_start, index, c.generation);
}

void ContactCentre::begin_agent_call(std::uint32_t index, std::uint32_t agent) {
  Conversation& c = conversations_[index];
  c.queue = kNone;
  c.agent = agent;
  c.alerted = now_;
  set_status(agent, AgentStatus::interacting);
  events_.user_start(c, now_, agent, c.user);
  schedule(random_.between(2'000, 7'000), Timer::customer_start, index, c.generation);
}

void ContactCentre::after_flow_start(std::uint32_t index) {
  Conversation& c = conversations_[index];
  const SimTime flow = c.channel == Channel::email ? random_.between(200, 900) : random_.between(6'000, 40'000);
  if (!c.contact_known && random_.chance(kContactAssigned)) schedule(flow / 5, Timer::contact, index, c.generation);
  if (random_.chance(kAttributes)) schedule(flow / 2, Timer::attributes, index, c.generation);
  if (random_.chance(kFlowOutcome)) schedule(flow - 50, Timer::flow_outcome, index, c.generation);
  schedule(flow, Timer::flow_end, index, c.generation);
}

void ContactCentre::finish_flow(std::uint32_t index) {
  Conversation& c = conversations_[index];
  if (c.channel != Channel::email && random_.chance(kSelfService)) {
    events_.flow_end(c, now_, false, false);
    events_.customer_end(c, now_ + 20, "PEER", now_ - c.customer_started);
    return close_conversation(index);
  }
  if (c.channel == Channel::voice && world_.queues[c.queue].online == 0) {
    events_.flow_end(c, now_, false, true);
    c.acd_started = now_ + 20;
    events_.voicemail_start(c, now_ + 20);
    return schedule(random_.between(5'000, 60'000), Timer::voicemail_end, index, c.generation);
  }
  events_.flow_end(c, now_, true, false);
  enter_queue(index);
}

void ContactCentre::enter_queue(std::uint32_t index) {
  Conversation& c = conversations_[index];
  c.acd_started = now_ + 20;
  events_.acd_start(c, c.acd_started);
  ++world_.queues[c.queue].interval_offered;
  wait_in_queue(index, false);
}

// Patience is drawn anew after a requeue: who has heard it ring waits a little longer.
void ContactCentre::wait_in_queue(std::uint32_t index, bool at_front) {
  Conversation& c = conversations_[index];
  ++c.generation;
  Queue& queue = world_.queues[c.queue];
  c.waiting = true;
  queue.waiting_count += calls(c);
  queue_changed(c.queue);
  const std::uint32_t agent = idle_agent(c.queue);
  if (agent != kNone) return alert(index, agent);
  const WaitingRef reference{index, c.generation};
  if (at_front) {
    queue.waiting.push_front(reference);
  } else {
    queue.waiting.push_back(reference);
  }
  schedule(patience(c.channel), Timer::patience, index, c.generation);
}

void ContactCentre::leave_queue(Conversation& c) {
  c.waiting = false;
  Queue& queue = world_.queues[c.queue];
  queue.waiting_count -= calls(c);
  const SimTime waited = now_ - c.acd_started;
  queue.interval_wait_sum += waited;
  queue.interval_wait_max = std::max(queue.interval_wait_max, waited);
  queue_changed(c.queue);
}

void ContactCentre::abandon(std::uint32_t index) {
  Conversation& c = conversations_[index];
  leave_queue(c);
  ++world_.queues[c.queue].interval_abandoned;
  events_.acd_end_abandoned(c, now_);
  events_.customer_end(c, now_ + 10, c.channel == Channel::message ? "INACTIVITY" : "ENDPOINT", 0);
  close_conversation(index);
}

void ContactCentre::alert(std::uint32_t index, std::uint32_t agent) {
  Conversation& c = conversations_[index];
  leave_queue(c);
  ++c.generation;
  c.agent = agent;
  c.user = {random_.uuid(), random_.uuid()};
  // Routing needs its time; and acd.start, at the moment of queueing, stays before it.
  c.alerted = now_ + random_.between(200, 1'500);
  set_status(agent, AgentStatus::alerting);
  events_.user_start(c, c.alerted, agent, c.user);
  const bool unanswered = random_.chance(kRingNoAnswer) && c.channel != Channel::email;
  c.answered = unanswered ? 0 : 1;
  const SimTime ring = unanswered ? 8'000 : random_.between(1'000, 6'000);
  schedule(c.alerted - now_ + ring, Timer::alert_end, index, c.generation);
}

void ContactCentre::alert_ended(std::uint32_t index) {
  Conversation& c = conversations_[index];
  if (c.answered != 0) return answer(index);
  // The agent is set aside, the customer goes back to the head of the same queue: user.end is not the end.
  const std::uint32_t agent = c.agent;
  events_.user_end(c, now_, agent, {.disconnect = "SYSTEM", .alerting = now_ - c.alerted});
  set_status(agent, AgentStatus::not_responding);
  events_.routing_status(agent, now_ + 10, "NOT_RESPONDING");
  schedule(random_.between(20'000, 120'000), Timer::responding, agent, world_.agents[agent].generation);
  c.agent = kNone;
  ++c.generation;
  schedule(500, Timer::reconnect, index, c.generation);
}

void ContactCentre::answer(std::uint32_t index) {
  Conversation& c = conversations_[index];
  events_.acd_end_answered(c, now_);
  c.answered = now_;
  world_.queues[c.queue].interacting_count += calls(c);
  agent_engaged(c.agent, c);
  if (random_.chance(kMetric)) events_.metric(c, now_, "nConnected", 1);
  start_talk(index);
}

void ContactCentre::start_talk(std::uint32_t index) {
  Conversation& c = conversations_[index];
  ++c.generation;
  c.answered = now_;
  if (c.transcribed) schedule(random_.between(2'000, 8'000), Timer::transcribe, index, c.generation);
  schedule(talk_duration(c.channel), Timer::talk_end, index, c.generation);
}

SimTime ContactCentre::talk_duration(Channel channel) {
  switch (channel) {
    case Channel::message:
      return 30'000 + static_cast<SimTime>(random_.exponential(210'000));
    case Channel::email:
      return 60'000 + static_cast<SimTime>(random_.exponential(200'000));
    default:
      return 15'000 + static_cast<SimTime>(random_.exponential(190'000));
  }
}

SimTime ContactCentre::patience(Channel channel) {
  switch (channel) {
    case Channel::message:
      return 10 * kMinute + static_cast<SimTime>(random_.exponential(40.0 * kMinute));
    case Channel::email:
      return 12 * kHour;
    case Channel::callback:
      return 2 * kHour;
    default:
      return 5'000 + static_cast<SimTime>(random_.exponential(4.0 * kMinute));
  }
}

void ContactCentre::talk_ended(std::uint32_t index) {
  Conversation& c = conversations_[index];
  if (c.queue != kNone) {
    if (c.transfers < kTransfersMax && random_.chance(kBlindTransfer)) return blind_transfer(index);
    if (c.transfers < kTransfersMax && c.channel == Channel::voice && random_.chance(kConsultTransfer)) {
      const std::uint32_t other = idle_agent(c.queue);
      if (other != kNone) return start_consult(index, other);
    }
  }
  hang_up(index);
}

void ContactCentre::blind_transfer(std::uint32_t index) {
  Conversation& c = conversations_[index];
  const std::uint32_t agent = c.agent;
  events_.user_end(c, now_, agent,
                   {.disconnect = "TRANSFER", .interacting = now_ - c.answered, .alerting = c.answered - c.alerted});
  world_.queues[c.queue].interacting_count -= calls(c);
  queue_changed(c.queue);
  start_after_call(agent, c);
  ++c.transfers;
  ++c.generation;
  c.agent = kNone;
  c.queue = static_cast<std::uint32_t>(random_.below(world_.queues.size()));
  c.acd = {random_.uuid(), random_.uuid()};
  enter_queue(index);
}

void ContactCentre::start_consult(std::uint32_t index, std::uint32_t agent) {
  Conversation& c = conversations_[index];
  ++c.generation;
  c.consult_agent = agent;
  c.consult = {random_.uuid(), random_.uuid()};
  c.alert_started_consult = now_ + 200;
  set_status(agent, AgentStatus::alerting);
  events_.user_start(c, c.alert_started_consult, agent, c.consult);
  schedule(random_.between(2'000, 6'000), Timer::consult_answer, index, c.generation);
}

// The first agent leaves, the one who was asked stays with the customer.
void ContactCentre::finish_consult(std::uint32_t index) {
  Conversation& c = conversations_[index];
  events_.user_end(
      c, now_, c.agent,
      {.disconnect = "CONSULT_TRANSFER", .interacting = now_ - c.answered, .alerting = c.answered - c.alerted});
  start_after_call(c.agent, c);
  c.agent = c.consult_agent;
  c.user = c.consult;
  c.alerted = c.alert_started_consult;
  c.consult_agent = kNone;
  ++c.transfers;
  start_talk(index);
}

void ContactCentre::hang_up(std::uint32_t index) {
  Conversation& c = conversations_[index];
  if (c.transcribed) events_.transcription(c, now_, true);
  const SimTime interacting = now_ - c.answered;
  const bool by_customer = random_.chance(0.7);
  events_.customer_end(c, now_, by_customer ? "ENDPOINT" : "PEER", interacting);
  EventFactory::UserEnd end{.disconnect = by_customer ? "PEER" : "CLIENT", .interacting = interacting};
  if (c.channel == Channel::agent_call) {
    end.dialing = c.customer_started - c.alerted;
  } else {
    end.alerting = c.answered - c.alerted;
  }
  events_.user_end(c, now_ + 10, c.agent, end);
  if (c.queue != kNone) {
    world_.queues[c.queue].interacting_count -= calls(c);
    queue_changed(c.queue);
  }
  follow_up(c);
  start_after_call(c.agent, c);
  close_conversation(index);
}

void ContactCentre::follow_up(const Conversation& c) {
  if (c.channel == Channel::voice && random_.chance(kSentiment)) {
    schedule(random_.between(40'000, 120'000), Timer::sentiment, keep(c));
  }
  if (random_.chance(kEvaluated)) {
    schedule(random_.between(20 * kMinute, 3 * kHour), Timer::evaluation_assigned, keep(c));
  }
  if (c.channel == Channel::message && c.reopened < 2 && random_.chance(kReopened)) {
    schedule(random_.between(5 * kMinute, kHour), Timer::reopen, keep(c));
  }
}

}  // namespace trunkline::sim
