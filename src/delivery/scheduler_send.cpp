// What is sent and received next; what becomes of it is in scheduler.cpp.
#include <algorithm>

#include "delivery/scheduler.hpp"

namespace trunkline::delivery {
namespace {

// A standard queue's lease is settled as a whole; small leases keep one slow event from holding back many settlements.
constexpr std::size_t kStandardLeaseMessages = 32;

std::size_t minus(std::size_t a, std::size_t b) {
  return a > b ? a - b : 0;
}

}  // namespace

void Scheduler::advance(Now now, Actions& out) {
  out.settle.clear();
  out.send.clear();
  out.cancel_receive = false;
  out.receive.reset();
  out.wake_at.reset();
  out.store_budget.reset();
  out.store_breaker.reset();
  if (!shared_) breaker_.tick(now);
  budget_.tick(now);
  look_at_budget();
  send_again(now, out);
  send_ready(now, out);
  look_at_budget();
  plan_budget(now, out);
  if (shared_) out.store_breaker = shared_->plan(now, may_send(), probes_ > 0);
  out.settle.swap(settle_);
  plan_receive(now, out);
  plan_wake(now, out);
}

void Scheduler::look_at_budget() {
  const bool waited = budget_until_.has_value();
  budget_until_ = budget_.used_up_until();
  if (budget_until_ && !waited) release_unsent();
}

void Scheduler::plan_budget(Now now, Actions& out) {
  if (now.mono < budget_not_before_) return;
  const bool wanted = accepting() && (!pending_.empty() || !resend_.empty());
  if (wanted || budget_.unsettled()) out.store_budget = budget_.claim();
}

// ---- sending

std::size_t Scheduler::slots_free() const {
  switch (breaker_.state()) {
    case BreakerState::open:
      return 0;
    case BreakerState::closed:
      return minus(breaker_.concurrency(), in_flight());
    // What was sent before the outage may still hang; it counts against the cap, not against the one probe.
    case BreakerState::half_open:
      return probes_ == 0 && in_flight() < options_.concurrency ? 1 : 0;
  }
  return 0;
}

std::size_t Scheduler::batch_messages_now() const {
  if (breaker_.state() == BreakerState::half_open) return 1;
  const std::size_t messages = breaker_.limit().batch_messages();
  return bucket_.bounded() ? std::min(messages, static_cast<std::size_t>(bucket_.burst())) : messages;
}

std::size_t Scheduler::tokens_wanted() const {
  return std::min(batch_messages_now(), pending_messages_);
}

bool Scheduler::batch_ready(Now now) const {
  if (pending_.empty()) return false;
  if (breaker_.state() == BreakerState::half_open) return true;
  return pending_messages_ >= batch_messages_now() || pending_bytes_ >= options_.batch_bytes ||
         now.mono - held_[pending_.front().held].arrived >= options_.batch_age;
}

void Scheduler::send_ready(Now now, Actions& out) {
  while (accepting() && budget_.ready() && slots_free() > 0 && batch_ready(now) &&
         bucket_.has(static_cast<double>(tokens_wanted()), now.mono)) {
    start(take_batch(), now, out);
  }
}

Scheduler::Flight Scheduler::take_batch() {
  Flight flight;
  flight.probe = breaker_.state() == BreakerState::half_open;
  const std::size_t messages_max = batch_messages_now();
  flight.items.reserve(std::min(messages_max, pending_messages_));
  std::size_t bytes = 0;
  bool full = false;
  while (!pending_.empty() && !full) {
    Slice& slice = pending_.front();
    for (; slice.begin < slice.end; ++slice.begin) {
      const Item item{slice.held, slice.begin};
      const std::size_t size = bytes_of(item);
      full = flight.items.size() >= messages_max || (!flight.items.empty() && bytes + size > options_.batch_bytes);
      if (full) break;
      flight.items.push_back(item);
      bytes += size;
      --pending_messages_;
      pending_bytes_ -= size;
    }
    const Slice rest = slice;
    if (rest.begin == rest.end) {
      pending_.pop_front();
    } else if (options_.ordered && !flight.items.empty() && flight.items.back().held == rest.held) {
      // The rest of the lane has to wait for this batch's verdict anyway; the engine gives it out again then.
      pending_.pop_front();
      for (std::uint32_t index = rest.begin; index < rest.end; ++index) {
        --pending_messages_;
        pending_bytes_ -= bytes_of({rest.held, index});
        release({rest.held, index});
      }
    }
  }
  flight.range = {0, static_cast<std::uint32_t>(flight.items.size())};
  return flight;
}

bool Scheduler::drop_cut(Flight& flight) {
  while (!flight.later.empty()) {
    auto& [begin, end] = flight.later.back();
    std::uint32_t kept = begin;
    for (std::uint32_t i = begin; i < end; ++i) {
      const Item item = flight.items[i];
      if (held_[item.held].cut) {
        release(item);
      } else {
        flight.items[kept++] = item;
      }
    }
    end = kept;
    if (begin < end) return true;
    flight.later.pop_back();
  }
  return false;
}

void Scheduler::send_again(Now now, Actions& out) {
  for (auto each = resend_.begin(); accepting() && each != resend_.end();) {
    Flight& flight = *each;
    if (!drop_cut(flight)) {
      each = resend_.erase(each);
      continue;
    }
    if (now.mono < flight.not_before) {
      ++each;
      continue;
    }
    const auto [begin, end] = flight.later.back();
    if (!budget_.ready() || !bucket_.has(end - begin, now.mono)) return;
    flight.range = {begin, end};
    flight.later.pop_back();
    Flight sent = std::move(flight);
    each = resend_.erase(each);
    start(std::move(sent), now, out);
  }
}

void Scheduler::start(Flight flight, Now now, Actions& out) {
  const auto [begin, end] = flight.range;
  Batch batch;
  batch.consumer = consumer_;
  batch.id = next_batch_++;
  batch.messages.reserve(end - begin);
  for (std::uint32_t i = begin; i < end; ++i) {
    batch.messages.push_back(message(flight.items[i]));
    batch.messages.back().attempts = attempts_of(flight.items[i]);
    if (options_.ordered) batch.lanes.push_back(flight.items[i].held);
  }
  const Note* note = notes_.find(batch.messages.front().record->sequence);
  batch.attempt = batch.messages.front().attempts + 1 + (note == nullptr ? 0 : note->retries);
  bucket_.take(end - begin);
  budget_.take();
  events_in_flight_ += end - begin;
  flight.era = breaker_.limit().era();
  flight.sent_at = now.mono;
  if (flight.probe) {
    ++probes_;
  } else {
    breaker_.batch_started(in_flight() + 1);
  }
  ++statistics_.batches_sent;
  statistics_.batch_size.add(end - begin, kBatchSizeBounds);
  flights_.emplace(batch.id, std::move(flight));
  out.send.push_back(std::move(batch));
}

// ---- receiving

// How many messages may be asked for: what fills the free slots, and a quarter of the cap on top so that a slot that
// becomes free need not wait for the engine. Asked for again when half of that is used up, not for every event.
std::size_t Scheduler::room_for(Now now) {
  const std::size_t batch = batch_messages_now();
  const std::size_t free = slots_free();
  if (breaker_.state() == BreakerState::half_open) return free > 0 && pending_.empty() ? 1 : 0;
  const std::size_t ahead = (breaker_.concurrency() + 3) / 4 * batch;
  if (free == 0 && pending_messages_ > ahead / 2) return 0;
  std::size_t room = minus(free * batch + ahead, pending_messages_);
  if (bucket_.bounded()) {
    const std::size_t sendable = std::max(batch, static_cast<std::size_t>(std::max(0.0, bucket_.tokens(now.mono))));
    room = std::min(room, minus(sendable, pending_messages_));
  }
  return options_.ordered ? room : std::min(room, std::max(batch, kStandardLeaseMessages));
}

void Scheduler::plan_receive(Now now, Actions& out) {
  if (receiving_) {
    if (accepting() || cancelling_) return;
    cancelling_ = true;
    out.cancel_receive = true;
    return;
  }
  if (!accepting() || now.mono < receive_not_before_) return;
  const std::size_t room = room_for(now);
  if (room == 0) return;
  const std::size_t batch = batch_messages_now();
  engine::ReceiveLimits limits;
  limits.max_messages = room;
  limits.max_messages_per_group = std::min(room, batch);
  limits.max_bytes = (room + batch - 1) / batch * options_.batch_bytes;
  receiving_ = true;
  out.receive = limits;
}

void Scheduler::plan_wake(Now now, Actions& out) {
  const auto at = [&out](base::MonoTime time) { out.wake_at = std::min(out.wake_at.value_or(time), time); };
  if (draining_ || paused_) return;
  if (shared_) {
    if (const auto wake = shared_->wake_at(may_send(), probes_ > 0)) at(*wake);
  }
  if (breaker_.state() == BreakerState::open && !shared_) return at(breaker_.open_until());
  if (breaker_.state() == BreakerState::open && may_send()) return;
  if (!receiving_ && now.mono < receive_not_before_) at(receive_not_before_);
  // Looked at every minute, since the wall clock may be set.
  constexpr base::Millis kLookAgain = std::chrono::minutes(1);
  if (budget_until_) return at(now.mono + std::clamp(*budget_until_ - now.wall, base::Millis(1), kLookAgain));
  if (!budget_.ready()) {
    if (now.mono < budget_not_before_) at(budget_not_before_);
    return;  // what waits goes when the claim is stored
  }
  for (const Flight& flight : resend_) {
    if (now.mono < flight.not_before) {
      at(flight.not_before);
      continue;
    }
    // Those behind the first one that waits for the rate wait with it: one of them that needs less wakes nobody now.
    const auto [begin, end] = flight.later.back();
    at(bucket_.when(end - begin, now.mono));
    break;
  }
  if (pending_.empty() || slots_free() == 0) return;
  if (!batch_ready(now)) {
    at(held_[pending_.front().held].arrived + options_.batch_age);
  } else {
    at(bucket_.when(static_cast<double>(tokens_wanted()), now.mono));
  }
}

}  // namespace trunkline::delivery
