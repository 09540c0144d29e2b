#include "sim/contact_centre.hpp"

#include <algorithm>

namespace trunkline::sim {
namespace {

constexpr SimTime kMinute = 60'000;
constexpr SimTime kHour = 60 * kMinute;
constexpr SimTime kDay = 24 * kHour;

}  // namespace

ContactCentre::ContactCentre(const ContactCentreOptions& options)
    : options_(options),
      random_(options.world.seed),
      world_(options.world, random_),
      events_(world_, random_, out_),
      now_(options.start) {
  for (std::uint32_t index = 0; index < world_.agents.size(); ++index) {
    const Agent& agent = world_.agents[index];
    const SimTime midnight = now_ - now_ % kDay;
    // The shift that covers the start, that of the day before included, or the next one.
    for (const SimTime day : {midnight - kDay, midnight, midnight + kDay}) {
      const SimTime from = day + agent.shift_from;
      if (from + agent.shift_for <= now_ + kMinute) continue;
      schedule(std::max<SimTime>(0, from - now_), Timer::shift_start, index);
      break;
    }
  }
  schedule(1, Timer::arrival, 0);
  for (std::uint32_t index = 0; index < world_.queues.size(); ++index) {
    schedule(30 * kMinute + random_.between(0, 20'000), Timer::queue_interval, index);
  }
  schedule(random_.between(0, 2 * kMinute), Timer::audit, 0);
  schedule(random_.between(0, 10 * kMinute), Timer::operations, 0);
  schedule(random_.between(0, 30 * kMinute), Timer::schedule, 0);
  for (std::uint32_t index = 0; index < world_.campaigns.size(); ++index) {
    schedule(5 * kMinute + index, Timer::campaign, index);
  }
}

void ContactCentre::schedule(SimTime delay, Timer timer, std::uint32_t index, std::uint32_t generation) {
  pending_.push({now_ + delay, order_++, timer, index, generation});
}

bool ContactCentre::next(GeneratedEvent& event) {
  while (out_.empty()) {
    if (pending_.empty() || (arrivals_done_ && open_ == 0)) return false;
    const Pending pending = pending_.top();
    pending_.pop();
    now_ = pending.due;
    run(pending);
  }
  out_.pop(event);
  return true;
}

void ContactCentre::run(const Pending& pending) {
  if (pending.timer == Timer::arrival) return arrive();
  if (pending.timer < Timer::shift_start) return run_conversation(pending);
  if (pending.timer < Timer::sentiment) return run_agent(pending);
  if (pending.timer < Timer::observation) return run_afterwards(pending);
  run_house(pending);
}

void ContactCentre::run_house(const Pending& pending) {
  switch (pending.timer) {
    case Timer::observation: {
      Queue& queue = world_.queues[pending.index];
      queue.observation_due = false;
      queue.last_observation = now_;
      events_.queue_observation(pending.index, now_);
      if (random_.chance(0.25)) events_.queue_activity(pending.index, now_ + 1);
      return;
    }
    case Timer::queue_interval: {
      Queue& queue = world_.queues[pending.index];
      const SimTime to = now_ - now_ % (30 * kMinute);
      events_.queue_interval(pending.index, to - 30 * kMinute, to, now_);
      queue.interval_offered = queue.interval_abandoned = 0;
      queue.interval_wait_sum = queue.interval_wait_max = 0;
      return schedule(30 * kMinute, Timer::queue_interval, pending.index);
    }
    case Timer::audit:
      events_.audit_change(now_);
      return schedule(1000 + static_cast<SimTime>(random_.exponential(2.0 * kMinute)), Timer::audit, 0);
    case Timer::operations:
      events_.operations(now_);
      return schedule(1000 + static_cast<SimTime>(random_.exponential(10.0 * kMinute)), Timer::operations, 0);
    case Timer::campaign:
      contacts_called_ += random_.between(5, 60);
      events_.campaign_progress(pending.index, now_, contacts_called_, 100'000);
      return schedule(5 * kMinute, Timer::campaign, pending.index);
    default:
      events_.schedule_notification(static_cast<std::uint32_t>(random_.below(world_.agents.size())), now_);
      return schedule(1000 + static_cast<SimTime>(random_.exponential(30.0 * kMinute)), Timer::schedule, 0);
  }
}

void ContactCentre::queue_changed(std::uint32_t index) {
  Queue& queue = world_.queues[index];
  if (queue.observation_due) return;
  queue.observation_due = true;
  const SimTime earliest = queue.last_observation + std::max<SimTime>(1000, options_.observation_gap);
  schedule(std::max<SimTime>(20, earliest - now_), Timer::observation, index);
}

std::uint32_t ContactCentre::keep(const Conversation& c) {
  std::uint32_t index = static_cast<std::uint32_t>(afterwards_.size());
  if (free_afterwards_.empty()) {
    afterwards_.emplace_back();
  } else {
    index = free_afterwards_.back();
    free_afterwards_.pop_back();
  }
  afterwards_[index].conversation = c;
  ++open_;
  return index;
}

void ContactCentre::forget(std::uint32_t index) {
  free_afterwards_.push_back(index);
  --open_;
}

void ContactCentre::run_afterwards(const Pending& pending) {
  Afterwards& work = afterwards_[pending.index];
  switch (pending.timer) {
    case Timer::sentiment:
      events_.sentiment(work.conversation, now_);
      return forget(pending.index);
    case Timer::evaluation_assigned:
      work.evaluation = {random_.uuid(), static_cast<std::uint32_t>(random_.below(world_.evaluators.size())), now_};
      events_.evaluation(work.conversation, now_, work.evaluation, false);
      return schedule(random_.between(20 * kMinute, 2 * kHour), Timer::evaluation_released, pending.index);
    case Timer::evaluation_released:
      events_.evaluation(work.conversation, now_, work.evaluation, true);
      return forget(pending.index);
    default: {
      // The customer writes again: the same conversation, a new session of each party.
      const std::uint32_t index = open_conversation();
      Conversation& c = conversations_[index];
      const std::uint32_t generation = c.generation;
      c = afterwards_[pending.index].conversation;
      c.generation = generation;
      c.in_use = true;
      c.waiting = false;
      c.reopened += 1;
      c.transfers = 0;
      forget(pending.index);
      return begin(index);
    }
  }
}

// Agents.

std::uint32_t ContactCentre::idle_agent(std::uint32_t queue) {
  const Queue& searched = world_.queues[queue];
  if (searched.online == 0) return kNone;
  const std::size_t count = searched.members.size();
  const std::size_t from = random_.below(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t agent = searched.members[(from + i) % count];
    if (world_.agents[agent].status == AgentStatus::idle) return agent;
  }
  return kNone;
}

void ContactCentre::set_status(std::uint32_t agent, AgentStatus status) {
  Agent& who = world_.agents[agent];
  who.status = status;
  who.routing_since = now_;
  ++who.generation;
}

void ContactCentre::run_agent(const Pending& pending) {
  Agent& agent = world_.agents[pending.index];
  switch (pending.timer) {
    case Timer::shift_start:
      return start_shift(pending.index);
    case Timer::shift_end:
      agent.leave_due = true;
      if (agent.status == AgentStatus::idle) end_shift(pending.index);
      return;
    case Timer::agent_break:
      if (agent.status == AgentStatus::offline) return;
      agent.break_due = true;
      if (agent.status == AgentStatus::idle) start_break(pending.index);
      return;
    case Timer::break_end:
      if (pending.generation == agent.generation) end_break(pending.index);
      return;
    case Timer::responding:
      if (pending.generation != agent.generation) return;
      events_.routing_status(pending.index, now_, "IDLE");
      return become_idle(pending.index);
    default:
      return finish_after_call(pending.index);
  }
}

void ContactCentre::become_idle(std::uint32_t agent) {
  Agent& who = world_.agents[agent];
  set_status(agent, AgentStatus::idle);
  if (who.leave_due) return end_shift(agent);
  if (who.break_due) return start_break(agent);
  take_waiting(agent);
}

bool ContactCentre::take_waiting(std::uint32_t agent) {
  const Agent& who = world_.agents[agent];
  for (std::uint32_t i = 0; i < who.queue_count; ++i) {
    Queue& queue = world_.queues[who.queues[i]];
    while (!queue.waiting.empty()) {
      const WaitingRef head = queue.waiting.front();
      queue.waiting.pop_front();
      const Conversation& c = conversations_[head.conversation];
      if (!c.waiting || c.generation != head.generation) continue;  // gave up
      alert(head.conversation, agent);
      return true;
    }
  }
  return false;
}

void ContactCentre::agent_engaged(std::uint32_t agent, const Conversation& c) {
  set_status(agent, AgentStatus::interacting);
  if (!world_.agents[agent].detailed) return;
  events_.routing_status(agent, now_ + 15, "INTERACTING");
  events_.activity(agent, now_ + 15, "INTERACTING", EventFactory::kOnQueue);
  events_.summary(agent, now_, c.channel, 1, 0);
  events_.agent_state(c, agent, now_, "INTERACT");
}

void ContactCentre::start_after_call(std::uint32_t agent, const Conversation& c) {
  Agent& who = world_.agents[agent];
  set_status(agent, AgentStatus::after_call);
  who.wrap = c;
  who.wrap.agent = agent;
  who.wrapping = true;
  ++open_;
  if (who.detailed) events_.summary(agent, now_, c.channel, 0, 1);
  schedule(4000 + static_cast<SimTime>(random_.exponential(14'000)), Timer::after_call_end, agent);
}

void ContactCentre::finish_after_call(std::uint32_t agent) {
  Agent& who = world_.agents[agent];
  if (!who.wrapping) return;
  who.wrapping = false;
  --open_;
  const SimTime duration = now_ - who.routing_since;
  const std::size_t code = random_.below(1000);
  if (random_.chance(0.75)) events_.wrapup(who.wrap, now_, duration, code);  // where a code is asked for
  events_.acw(who.wrap, now_, duration, code);
  if (who.detailed) {
    events_.routing_status(agent, now_ + 50, "IDLE");
    events_.activity(agent, now_ + 50, "IDLE", EventFactory::kOnQueue);
    events_.summary(agent, now_ + 50, who.wrap.channel, 0, 0);
  }
  become_idle(agent);
}

void ContactCentre::start_shift(std::uint32_t agent) {
  Agent& who = world_.agents[agent];
  const SimTime of_day = ((now_ - who.shift_from) % kDay + kDay) % kDay;  // since the shift's planned start
  const SimTime left = std::max<SimTime>(kMinute, who.shift_for - of_day);
  schedule(left, Timer::shift_end, agent);
  schedule(kDay - of_day, Timer::shift_start, agent);
  const SimTime breaks[] = {2 * kHour, 4 * kHour, 6 * kHour};
  for (const SimTime at : breaks) {
    const SimTime due = at + random_.between(0, 40 * kMinute) - of_day;
    if (due > 0) schedule(due, Timer::agent_break, agent);
  }
  if (who.status != AgentStatus::offline) return;  // still busy with the last interaction of the shift before
  who.leave_due = who.break_due = false;
  who.presence_since = now_;
  events_.presence(agent, now_, EventFactory::kAvailable);
  events_.presence(agent, now_ + 3, EventFactory::kOnQueue);
  who.presence_since = now_ + 3;
  events_.routing_status(agent, now_ + 5, "IDLE");
  if (who.detailed) events_.activity(agent, now_ + 5, "IDLE", EventFactory::kOnQueue);
  events_.adherence(agent, now_,
                    {"OnQueueWork", "OnQueueWork", "IDLE", "InAdherence", "Neutral", EventFactory::kOnQueue},
                    agent % 2 == 0);
  if (random_.chance(0.2)) events_.audit_presence(agent, now_, "Offline", "Available");
  for (std::uint32_t i = 0; i < who.queue_count; ++i) {
    ++world_.queues[who.queues[i]].online;
    if (random_.chance(0.05)) events_.membership(agent, who.queues[i], now_ + 6, true);
  }
  become_idle(agent);
}

void ContactCentre::end_shift(std::uint32_t agent) {
  Agent& who = world_.agents[agent];
  who.leave_due = false;
  set_status(agent, AgentStatus::offline);
  for (std::uint32_t i = 0; i < who.queue_count; ++i) --world_.queues[who.queues[i]].online;
  who.presence_since = now_;
  events_.presence(agent, now_, EventFactory::kOffline);
  events_.routing_status(agent, now_ + 20, "OFF_QUEUE");
  if (who.detailed) events_.activity(agent, now_ + 20, "OFF_QUEUE", EventFactory::kOffline);
  events_.adherence(agent, now_,
                    {"Unavailable", "Unavailable", "__EMPTY__", "InAdherence", "Neutral", EventFactory::kOffline},
                    agent % 2 == 0);
}

void ContactCentre::start_break(std::uint32_t agent) {
  Agent& who = world_.agents[agent];
  who.break_due = false;
  set_status(agent, AgentStatus::on_break);
  who.presence_since = now_;
  const SimTime since_start = ((now_ - who.shift_from) % kDay + kDay) % kDay;
  const bool meal = since_start > 4 * kHour && since_start < 6 * kHour;
  const std::size_t definition = meal ? EventFactory::kMeal : EventFactory::kBreak;
  const bool planned = random_.chance(0.8);
  events_.presence(agent, now_, definition);
  events_.routing_status(agent, now_ + 30, "OFF_QUEUE");
  if (who.detailed) events_.activity(agent, now_ + 30, "OFF_QUEUE", definition);
  events_.adherence(agent, now_,
                    {planned ? (meal ? "Meal" : "Break") : "OnQueueWork", meal ? "Meal" : "Break", "OFF_QUEUE",
                     planned ? "InAdherence" : "OutOfAdherence", planned ? "Neutral" : "Negative", definition},
                    agent % 2 == 0);
  if (random_.chance(0.2)) events_.audit_presence(agent, now_, "OnQueue", meal ? "Meal" : "Break");
  schedule(meal ? random_.between(30 * kMinute, 45 * kMinute) : random_.between(8 * kMinute, 18 * kMinute),
           Timer::break_end, agent, who.generation);
}

void ContactCentre::end_break(std::uint32_t agent) {
  Agent& who = world_.agents[agent];
  if (who.leave_due) return end_shift(agent);
  who.presence_since = now_;
  events_.presence(agent, now_, EventFactory::kOnQueue);
  events_.routing_status(agent, now_ + 40, "IDLE");
  if (who.detailed) events_.activity(agent, now_ + 40, "IDLE", EventFactory::kOnQueue);
  events_.adherence(agent, now_,
                    {"OnQueueWork", "OnQueueWork", "IDLE", "InAdherence", "Neutral", EventFactory::kOnQueue},
                    agent % 2 == 0);
  become_idle(agent);
}

}  // namespace trunkline::sim
