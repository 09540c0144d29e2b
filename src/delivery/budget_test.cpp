#include "delivery/budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/text.hpp"
#include "delivery/random.hpp"
#include "delivery/scheduler_harness.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::SizeIs;

BudgetOptions rolling(std::uint64_t requests, Millis per = hours(24)) {
  BudgetOptions options;
  options.requests = requests;
  options.per = per;
  return options;
}
BudgetOptions calendar(std::uint64_t requests, Millis offset = {}) {
  BudgetOptions options = rolling(requests);
  options.rolling = false;
  options.offset = offset;
  return options;
}

// A process with a budget and a store, both of which survive what they would survive.
struct Life {
  explicit Life(BudgetOptions with) : options(with) { begin(); }

  void begin() {
    budget = std::make_unique<Budget>(options);
    if (!disk.empty()) restored = budget->restore(disk);
    budget->tick(now);
  }
  void pass(Millis time) {
    now.wall += time;
    now.mono += time;
    budget->tick(now);
  }
  void set_clock(Millis by) {
    now.wall += by;
    budget->tick(now);
    if (!budget->unsettled()) return;
    if (const auto bytes = budget->claim()) {
      disk = *bytes;
      budget->stored(true);
    }
  }
  bool take() {
    budget->tick(now);
    if (const auto bytes = budget->claim()) {
      disk = *bytes;
      budget->stored(true);
    }
    if (!budget->ready()) return false;
    budget->take();
    ++taken;
    return true;
  }
  std::uint64_t take_all() {
    std::uint64_t count = 0;
    while (take()) ++count;
    return count;
  }

  BudgetOptions options;
  // 2026-03-02T14:00:00Z
  Now now{base::WallTime(Millis(1'772'460'000'000)), base::MonoTime(hours(1))};
  std::string disk;
  std::unique_ptr<Budget> budget;
  bool restored = true;
  std::uint64_t taken = 0;
};

TEST(Budget, without_one_everything_goes) {
  Budget budget{BudgetOptions()};
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_TRUE(budget.ready());
    budget.take();
  }
  EXPECT_FALSE(budget.claim());
  EXPECT_FALSE(budget.used_up_until());
}

TEST(Budget, nothing_goes_before_its_claim_is_stored) {
  Budget budget(rolling(1'000));
  budget.tick({base::WallTime(hours(1)), base::MonoTime(hours(1))});
  EXPECT_FALSE(budget.ready());
  ASSERT_TRUE(budget.claim());
  EXPECT_FALSE(budget.ready());
  EXPECT_FALSE(budget.claim()) << "one at a time";
  budget.stored(false);
  EXPECT_FALSE(budget.ready());
  ASSERT_TRUE(budget.claim());
  budget.stored(true);
  EXPECT_TRUE(budget.ready());
  EXPECT_EQ(budget.used(), 0u);
}

TEST(Budget, a_claim_that_fails_again_and_again_is_counted_once) {
  Life life(rolling(1'000));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(life.budget->claim());
    life.budget->stored(false);
  }
  EXPECT_EQ(life.take_all(), 1'000u);
}

TEST(Budget, leaves_the_reserve_to_others) {
  BudgetOptions options = rolling(1'000);
  options.reserve = 250;
  Life life(options);
  EXPECT_EQ(life.take_all(), 750u);
}

TEST(Budget, rolling_gives_each_request_back_a_span_later_and_says_when) {
  Life life(rolling(100));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(life.take());
  life.pass(hours(6));
  EXPECT_EQ(life.take_all(), 60u);
  const auto until = life.budget->used_up_until();
  ASSERT_TRUE(until);
  EXPECT_EQ(base::format_time(*until), "2026-03-03T14:10:00.000Z") << "a slot after the first ones' 24 hours";
  life.pass(hours(18) + minutes(10) - Millis(1));
  EXPECT_EQ(life.take_all(), 0u);
  life.pass(Millis(1));
  EXPECT_EQ(life.take_all(), 40u);
}

TEST(Budget, calendar_begins_anew_at_its_hour) {
  Life life(calendar(50, hours(7)));
  EXPECT_EQ(life.take_all(), 50u);
  EXPECT_EQ(base::format_time(life.budget->used_up_until().value()), "2026-03-03T07:00:00.000Z");
  life.pass(hours(17) - Millis(1));
  EXPECT_EQ(life.take_all(), 0u);
  life.pass(Millis(1));
  EXPECT_EQ(life.take_all(), 50u);
}

TEST(Budget, a_crash_counts_at_most_one_block_too_many_and_never_one_too_few) {
  for (const std::uint64_t requests : {20u, 1'000u, 100'000u}) {
    Life life(rolling(requests));
    std::uint64_t crashes = 0;
    Random random(requests);
    bool again = true;
    while (again) {
      for (std::uint64_t i = 1 + random.up_to(requests / 10); i > 0 && again; --i) again = life.take();
      life.begin();
      ++crashes;
    }
    EXPECT_LE(life.taken, requests);
    EXPECT_GE(life.taken + crashes * std::max<std::uint64_t>(requests / 200, 1), requests);
  }
}

TEST(Budget, a_stop_gives_the_rest_of_the_block_back) {
  Life life(rolling(10'000));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(life.take());
    if (const auto rest = life.budget->give_back()) life.disk = *rest;
    life.begin();
  }
  EXPECT_EQ(life.budget->used(), 100u);
  EXPECT_EQ(life.take_all(), 9'900u);
}

TEST(Budget, what_is_left_of_a_block_does_not_age_with_it) {
  Life life(rolling(10'000));
  ASSERT_TRUE(life.take());
  life.pass(hours(20));
  EXPECT_EQ(life.take_all(), 9'999u);
  life.pass(hours(4) + minutes(10));
  EXPECT_EQ(life.take_all(), 1u) << "only the first one is over";
}

TEST(Budget, a_clock_that_is_set_gives_nothing_away) {
  for (const Millis by : {Millis(hours(30)), Millis(-hours(30)), Millis(minutes(3)), Millis(-minutes(3)),
                          Millis(hours(24 * 400)), Millis(-hours(24 * 400))}) {
    for (const BudgetOptions& options : {rolling(100), calendar(100)}) {
      Life life(options);
      EXPECT_EQ(life.take_all(), 100u);
      life.set_clock(by);
      EXPECT_EQ(life.take_all(), 0u) << by.count();
      life.pass(hours(24) + minutes(30));
      EXPECT_EQ(life.take_all(), 100u) << by.count();
    }
  }
}

TEST(Budget, after_a_restart_with_an_earlier_clock_it_is_counted_as_of_now) {
  Life life(rolling(100));
  EXPECT_EQ(life.take_all(), 100u);
  life.now.wall -= hours(24 * 365);
  life.begin();
  EXPECT_EQ(life.take_all(), 0u);
  EXPECT_LE(life.budget->used_up_until().value() - life.now.wall, hours(24) + minutes(20)) << "not for a year";
  life.pass(hours(24) + minutes(20));
  EXPECT_EQ(life.take_all(), 100u);
}

TEST(Budget, what_cannot_be_read_counts_as_used_up) {
  Life life(rolling(100));
  EXPECT_EQ(life.take_all(), 100u);
  for (const std::string& bytes :
       {std::string("x"), life.disk.substr(0, life.disk.size() - 1), std::string(16, '\xFF')}) {
    Life other(rolling(100));
    other.disk = bytes;
    other.begin();
    EXPECT_FALSE(other.restored);
    EXPECT_EQ(other.take_all(), 0u);
    other.pass(hours(25));
    EXPECT_EQ(other.take_all(), 100u);
  }
}

TEST(Budget, another_span_or_limit_goes_on_with_what_was_used) {
  Life life(rolling(100));
  for (int i = 0; i < 70; ++i) ASSERT_TRUE(life.take());
  life.options = rolling(200, hours(48));
  life.begin();
  EXPECT_EQ(life.take_all(), 130u);
  life.options = calendar(250);
  life.begin();
  EXPECT_EQ(life.take_all(), 50u);
}

// Against the truth: when each request was made by a clock that nobody sets.
TEST(Budget, never_lets_more_through_in_any_span_whatever_happens_to_clock_and_process) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    const std::uint64_t limit = 5 + random.up_to(500);
    Life life(rolling(limit, hours(1)));
    std::deque<base::MonoTime> made;
    for (int step = 0; step < 600; ++step) {
      life.pass(Millis(random.up_to(600'000)));
      if (random.up_to(20) == 0) life.set_clock(seconds(static_cast<std::int64_t>(random.up_to(400'000)) - 200'000));
      if (random.up_to(30) == 0) life.begin();
      if (random.up_to(10) == 0) {
        if (const auto bytes = life.budget->claim()) {
          if (random.up_to(1) == 0) life.disk = *bytes;
          life.budget->stored(false);
        }
      }
      for (std::uint64_t wanted = random.up_to(limit / 3); wanted > 0 && life.take(); --wanted)
        made.push_back(life.now.mono);
      while (!made.empty() && made.front() <= life.now.mono - hours(1)) made.pop_front();
      ASSERT_LE(made.size(), limit) << "seed " << seed << " step " << step;
    }
  }
}

// ---- the scheduler keeps to it

TEST(SchedulerBudget, waits_when_it_is_used_up_and_loses_and_spends_nothing) {
  Options options = single(4);
  options.budget = rolling(20, hours(1));
  SchedulerHarness h(options);
  accept_lanes(h, 1, 100);
  h.step();
  h.answer_all(Verdict::delivered);
  EXPECT_EQ(h.sent, 20u);
  EXPECT_EQ(h.queue.leases_open(), 0u) << "nothing is held meanwhile";
  EXPECT_FALSE(h.asked);
  const Statistics statistics = h.scheduler.statistics();
  ASSERT_TRUE(statistics.budget && statistics.budget->used_up_until);
  EXPECT_EQ(statistics.budget->used, 20u);
  for (const auto& [sequence, event] : h.queue.events) EXPECT_EQ(event.attempts, 0u);
  h.pass(minutes(59));
  EXPECT_EQ(h.sent, 20u);
  h.pass(minutes(2));
  h.answer_all(Verdict::delivered);
  EXPECT_EQ(h.sent, 40u) << "and goes on by itself";
}

TEST(SchedulerBudget, repeats_halves_and_probes_count) {
  Options options = batches_of(4);
  options.budget = rolling(6, hours(1));
  SchedulerHarness h(options);
  accept_lanes(h, 1, 4);
  h.step();
  h.refuse(h.first_batch());                        // 1
  h.answer(h.first_batch(), Verdict::retry);        // 2, half of it
  h.answer(h.first_batch(), Verdict::unavailable);  // 3, the other half; the breaker opens
  for (int probe = 0; probe < 10; ++probe) {
    h.pass(minutes(2));
    if (!h.in_flight.empty()) h.answer(h.first_batch(), Verdict::unavailable);
  }
  EXPECT_EQ(h.sent, 6u);
  EXPECT_TRUE(h.scheduler.statistics().budget->used_up_until);
  h.pass(hours(1));
  EXPECT_EQ(h.sent, 7u);
}

TEST(SchedulerBudget, sends_nothing_that_is_not_stored_and_asks_again) {
  Options options = single(4);
  options.budget = rolling(20, hours(1));
  SchedulerHarness h(options);
  h.budget_stores = false;
  accept_lanes(h, 1, 10);
  h.step();
  h.pass(minutes(1));
  EXPECT_EQ(h.sent, 0u);
  h.budget_stores = true;
  h.pass(options.receive_again_after);
  EXPECT_EQ(h.in_flight.size(), 4u);
}

TEST(Options, a_budget_has_bounds) {
  const auto invalid = [](auto change) {
    Options options;
    options.budget.requests = 10;
    change(options.budget);
    return !validate(options).ok();
  };
  EXPECT_FALSE(invalid([](BudgetOptions&) {}));
  EXPECT_TRUE(invalid([](BudgetOptions& b) { b.reserve = 10; }));
  EXPECT_TRUE(invalid([](BudgetOptions& b) { b.per = seconds(59); }));
  EXPECT_TRUE(invalid([](BudgetOptions& b) { b.per = hours(24 * 32); }));
  EXPECT_TRUE(invalid([](BudgetOptions& b) { b.offset = hours(25); }));
}

}  // namespace
}  // namespace trunkline::delivery
