#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "delivery/fake_queue.hpp"
#include "delivery/scheduler.hpp"

namespace trunkline::delivery {

// A Scheduler, a queue in memory and a downstream that the test plays; for tests. Time moves only by pass().
class SchedulerHarness {
 public:
  explicit SchedulerHarness(const Options& options)
      : queue(options.ordered), scheduler("test", options), ordered_(options.ordered) {}

  // Carries out what the scheduler says until it says nothing new.
  void step() {
    for (bool again = true; again;) {
      scheduler.advance(now, actions_);
      again = !actions_.settle.empty() || actions_.store_budget || actions_.store_breaker;
      for (Settlement& settlement : actions_.settle) queue.settle(settlement.lease, settlement.fates, now.mono);
      if (actions_.cancel_receive) {
        asked.reset();
        scheduler.on_receive_failed({base::Errc::cancelled, "cancelled"}, now);
        again = true;
      }
      for (Batch& batch : actions_.send) take(std::move(batch));
      if (actions_.store_budget) {
        stored_budget = budget_stores ? *actions_.store_budget : stored_budget;
        scheduler.on_budget_stored(budget_stores, now);
        again = budget_stores;
      }
      if (actions_.store_breaker) scheduler.on_breaker_stored(store_note(*actions_.store_breaker), now);
      if (actions_.receive) {
        TRUNKLINE_CHECK(!asked, "one receive is outstanding at most");
        asked = actions_.receive;
        ++receives;
      }
      wake_at = actions_.wake_at;
      if (asked && queue.ready(now.mono)) {
        const engine::ReceiveLimits limits = *asked;
        asked.reset();
        scheduler.on_leases(queue.lease(limits, now.mono), now);
        again = true;
      }
    }
  }
  void pass(base::Millis by) {
    const base::MonoTime end = now.mono + by;
    while (wake_at && *wake_at <= end && *wake_at > now.mono) {
      move_to(*wake_at);
      step();
    }
    move_to(end);
    step();
  }

  // Ends a batch with the same verdict for each event.
  void answer(std::uint64_t batch, Verdict verdict, std::optional<base::Millis> after = {}) {
    answer_each(batch, std::vector<Verdict>(in_flight.at(batch).messages.size(), verdict), after);
  }
  void answer_each(std::uint64_t batch, const std::vector<Verdict>& verdicts, std::optional<base::Millis> after = {}) {
    BatchVerdict answer;
    for (const Verdict verdict : verdicts)
      answer.events.push_back({verdict, after, verdict == Verdict::delivered ? "" : "test_error", "detail"});
    end(batch, std::move(answer));
  }
  void refuse(std::uint64_t batch, std::optional<std::size_t> suspect = {}, std::optional<base::Millis> after = {}) {
    end(batch, {true, {{Verdict::rejected, after, "http_400", "bad"}}, suspect});
  }
  void end(std::uint64_t batch, BatchVerdict verdict) {
    const std::vector<std::uint64_t> sent_sequences = sequences(batch);
    for (std::size_t i = 0; i < verdict.events.size() && !verdict.refused; ++i)
      if (verdict.events[i].verdict == Verdict::delivered) delivered_.insert(sent_sequences[i]);
    in_flight.erase(batch);
    scheduler.on_verdict(batch, std::move(verdict), now);
    step();
  }
  // Answers everything in flight, and what follows from it at once.
  void answer_all(Verdict verdict) {
    while (!in_flight.empty()) answer(in_flight.begin()->first, verdict);
  }

  std::uint64_t first_batch() const { return in_flight.begin()->first; }
  std::vector<std::uint64_t> sequences(std::uint64_t batch) const {
    std::vector<std::uint64_t> result;
    for (const auto& message : in_flight.at(batch).messages) result.push_back(message.record->sequence.value);
    return result;
  }
  std::size_t events_in_flight() const {
    std::size_t count = 0;
    for (const auto& [id, batch] : in_flight) count += batch.messages.size();
    return count;
  }

  Now now{base::WallTime(base::Millis(1'772'460'000'000)), base::MonoTime(std::chrono::hours(1))};
  FakeQueue queue;
  Scheduler scheduler;
  std::map<std::uint64_t, Batch> in_flight;
  std::optional<engine::ReceiveLimits> asked;
  std::optional<base::MonoTime> wake_at;
  bool budget_stores = true;  // what is to be stored of the budget is
  std::string stored_budget;
  std::function<NoteStored(const BreakerNote&)> store_note;  // of a scheduler that shares its breaker
  std::deque<base::MonoTime> sent_at;
  std::size_t receives = 0;
  std::size_t sent = 0;
  std::size_t most_in_flight = 0;

 private:
  void move_to(base::MonoTime time) {
    now.wall += std::chrono::duration_cast<base::Millis>(time - now.mono);
    now.mono = time;
  }
  void take(Batch batch) {
    ++sent;
    sent_at.push_back(now.mono);
    if (ordered_) check_lanes(batch);
    in_flight.emplace(batch.id, std::move(batch));
    most_in_flight = std::max(most_in_flight, in_flight.size());
  }
  // A lane is in one batch at a time, and an event goes only when all before it in its lane are delivered or go with
  // it.
  void check_lanes(const Batch& batch) {
    std::map<std::uint64_t, std::set<std::uint64_t>> sending;
    for (const auto& message : batch.messages) {
      const std::uint64_t sequence = message.record->sequence.value;
      const std::uint64_t lane = queue.events.at(sequence).lane;
      delivered_.erase(sequence);
      for (const std::uint64_t earlier : queue.waiting(lane)) {
        if (earlier == sequence) break;
        TRUNKLINE_CHECK(sending[lane].contains(earlier) || delivered_.contains(earlier), "an event is not overtaken");
      }
      sending[lane].insert(sequence);
    }
    for (const auto& [id, other] : in_flight)
      for (const auto& message : other.messages)
        TRUNKLINE_CHECK(!sending.contains(queue.events.at(message.record->sequence.value).lane),
                        "a lane is in one batch");
  }

  bool ordered_;
  std::set<std::uint64_t> delivered_;  // said so by the downstream, maybe not settled
  Actions actions_;
};

// What most tests begin with: short back-off, an event to each lane, the cap from the first batch on.
inline Options single(std::size_t concurrency = 1) {
  Options options;
  options.concurrency = concurrency;
  options.adaptive = false;
  options.backoff_base = base::Millis(100);
  options.backoff_cap = std::chrono::seconds(1);
  return options;
}
inline Options batches_of(std::size_t messages, std::size_t concurrency = 1) {
  Options options = single(concurrency);
  options.batch_messages = messages;
  return options;
}
inline void accept_lanes(SchedulerHarness& h, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t lane = first; lane <= last; ++lane) h.queue.accept(lane, h.now.wall);
}

}  // namespace trunkline::delivery
