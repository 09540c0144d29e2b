#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery/scheduler_harness.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using std::chrono::minutes;
using std::chrono::seconds;

// What the downstream is like for a while.
enum class Weather : std::uint8_t { fair, poison, storm, gone, throttled };

// Random operations against a queue that aborts when an order or lease rule is broken (fake_queue.hpp) and a harness
// that aborts when a lane is in two batches.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed), options_(random_options()), h_(options_) {
    h_.queue.fair = one_in(2);
  }

  void run() {
    for (int step = 0; step < 600; ++step) {
      act();
      check_attempts();
      check_budget();
      if (testing::Test::HasFailure()) return;
    }
    finish();
  }

 private:
  bool one_in(std::uint64_t n) { return random_.up_to(n - 1) == 0; }

  Options random_options() {
    Options options;
    options.ordered = !one_in(4);
    options.concurrency = 1 + random_.up_to(9);
    options.adaptive = !one_in(3);
    options.batch_messages = 1 + random_.up_to(15);
    options.batch_bytes = one_in(2) ? 1 << 20 : 100;
    options.batch_age = one_in(2) ? Millis(0) : Millis(random_.up_to(500));
    if (one_in(3)) options.rate = 5.0 + static_cast<double>(random_.up_to(200));
    if (one_in(3)) options.burst = 1.0 + static_cast<double>(random_.up_to(20));
    if (one_in(4)) {
      options.budget.requests = 10 + random_.up_to(100);
      options.budget.reserve = random_.up_to(9);
      options.budget.per = minutes(1);
    }
    options.max_attempts = 1 + static_cast<std::uint32_t>(random_.up_to(5));
    if (one_in(2)) options.on_exhausted = static_cast<OnExhausted>(random_.up_to(2));
    options.retry_for = seconds(random_.up_to(60));
    options.backoff_base = Millis(1 + random_.up_to(2'000));
    options.notes_max = one_in(4) ? 1'000 : 100'000;
    options.seed = random_.next();
    return options;
  }

  void act() {
    switch (random_.up_to(11)) {
      case 0:
      case 1:
        for (std::uint64_t i = random_.up_to(20); i > 0; --i)
          h_.queue.accept(1 + random_.up_to(30), h_.now.wall, 2 + random_.up_to(80));
        h_.step();
        wake_receive();
        break;
      case 2:
        h_.pass(Millis(random_.up_to(5'000)));
        break;
      case 3:
        weather_ = static_cast<Weather>(random_.up_to(4));
        break;
      case 4:
        one_in(3) ? toggle_pause() : h_.pass(Millis(random_.up_to(100)));
        break;
      case 5:
        h_.queue.redrive();
        wake_receive();
        break;
      default:
        answer_some();
        break;
    }
  }

  // A harness step asks the queue only when something happened; what was accepted or redriven is such a thing.
  void wake_receive() { h_.step(); }

  void toggle_pause() {
    paused_ = !paused_;
    paused_ ? h_.scheduler.pause() : h_.scheduler.resume();
    h_.step();
    if (paused_) sent_at_pause_ = h_.sent;
  }

  void answer_some() {
    for (std::uint64_t i = 1 + random_.up_to(4); i > 0 && !h_.in_flight.empty(); --i) {
      auto chosen = h_.in_flight.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(random_.up_to(h_.in_flight.size() - 1)));
      answer(chosen->first);
    }
    if (paused_) {
      EXPECT_EQ(h_.sent, sent_at_pause_) << "nothing is sent in a pause";
    }
  }

  void answer(std::uint64_t batch) {
    const bool may_spend = h_.scheduler.breaker().closed();
    const std::uint64_t spent = h_.scheduler.statistics().attempts_spent;
    const std::vector<std::uint64_t> sequences = h_.sequences(batch);
    if (weather_ != Weather::fair && one_in(6)) {
      // Also beside the batch, as a downstream that counts wrongly names it.
      h_.refuse(batch, one_in(2) ? std::optional<std::size_t>(random_.up_to(sequences.size() + 1)) : std::nullopt);
    } else {
      std::vector<Verdict> verdicts;
      for (const std::uint64_t sequence : sequences) verdicts.push_back(verdict_for(sequence));
      h_.answer_each(batch, verdicts, one_in(5) ? std::optional(Millis(random_.up_to(3'000))) : std::nullopt);
    }
    if (!may_spend) {
      EXPECT_EQ(h_.scheduler.statistics().attempts_spent, spent) << "an open breaker never spends";
    }
  }

  Verdict verdict_for(std::uint64_t sequence) {
    switch (weather_) {
      case Weather::fair:
        return Verdict::delivered;
      case Weather::poison:
        return sequence % 7 == 0 ? Verdict::rejected : Verdict::delivered;
      case Weather::storm:
        return static_cast<Verdict>(random_.up_to(3));
      case Weather::gone:
        return Verdict::unavailable;
      case Weather::throttled:
        return one_in(2) ? Verdict::retry : Verdict::delivered;
    }
    return Verdict::delivered;
  }

  void check_budget() {
    h_.budget_stores = !one_in(10);
    if (options_.budget.requests == 0) return;
    while (!h_.sent_at.empty() && h_.sent_at.front() <= h_.now.mono - options_.budget.per) h_.sent_at.pop_front();
    EXPECT_LE(h_.sent_at.size(), options_.budget.requests - options_.budget.reserve) << "of any span of the budget";
  }

  void check_attempts() {
    for (const auto& [sequence, event] : h_.queue.events)
      EXPECT_LE(event.attempts, options_.max_attempts) << "event " << sequence;
    EXPECT_LE(h_.in_flight.size(), options_.concurrency);
    const std::size_t bound =
        (options_.concurrency + options_.concurrency / 4 + 2) * std::max<std::size_t>(options_.batch_messages, 32);
    EXPECT_LE(h_.scheduler.statistics().events_leased, bound);
  }

  // When faults stop everything drains (I8), and every event has ended in exactly one way (I2), in order (I3).
  void finish() {
    weather_ = Weather::fair;
    h_.budget_stores = true;
    h_.scheduler.resume();
    for (int i = 0; i < 3'000 && h_.queue.unsettled() > 0; ++i) {
      h_.queue.redrive();
      h_.step();
      while (!h_.in_flight.empty()) answer(h_.first_batch());
      h_.pass(seconds(20));
    }
    EXPECT_EQ(h_.queue.unsettled(), 0u);
    EXPECT_EQ(h_.queue.leases_open(), 0u);
    EXPECT_TRUE(h_.scheduler.breaker().closed());
    std::size_t delivered = 0;
    for (const auto& [lane, sequences] : h_.queue.delivered) {
      delivered += sequences.size();
      EXPECT_TRUE(std::is_sorted(sequences.begin(), sequences.end())) << "lane " << lane;
      EXPECT_EQ(std::adjacent_find(sequences.begin(), sequences.end()), sequences.end()) << "twice in lane " << lane;
    }
    EXPECT_EQ(delivered + h_.queue.skipped.size(), h_.queue.events.size());
    const Statistics statistics = h_.scheduler.statistics();
    EXPECT_EQ(statistics.delivered, delivered);
    EXPECT_EQ(statistics.skipped + statistics.dropped, h_.queue.skipped.size());
  }

  Random random_;
  Options options_;
  SchedulerHarness h_;
  Weather weather_ = Weather::fair;
  bool paused_ = false;
  std::size_t sent_at_pause_ = 0;
};

TEST(SchedulerModel, loses_nothing_keeps_order_and_drains_under_random_faults) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model(seed).run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace trunkline::delivery
