#include "delivery/concurrency_limit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery/random.hpp"

namespace trunkline::delivery {
namespace {

using base::Millis;
using std::chrono::seconds;
using testing::ElementsAre;

Options capped(std::size_t cap, bool adaptive = true, std::size_t batch = 1) {
  Options options;
  options.concurrency = cap;
  options.adaptive = adaptive;
  options.batch_messages = batch;
  return options;
}

// A round trip: as many batches as the limit lets, all of them answered alike.
struct RoundTrip {
  Millis latency{10};
  std::size_t events = 1;
  bool good = true;
  bool throttled = false;
};
std::size_t round_trip(ConcurrencyLimit& limit, const RoundTrip& with) {
  const std::size_t batches = limit.batches();
  const std::uint32_t era = limit.era();
  for (std::size_t i = 1; i <= batches; ++i) limit.started(i);
  for (std::size_t i = 0; i < batches; ++i)
    limit.ended({era, with.events, with.latency, with.good, with.throttled, batches - i});
  return limit.batches();
}
void many(ConcurrencyLimit& limit, int trips, const RoundTrip& with) {
  for (int i = 0; i < trips; ++i) round_trip(limit, with);
}

TEST(ConcurrencyLimit, begins_with_one_and_doubles_up_to_the_cap) {
  ConcurrencyLimit limit(capped(50));
  std::vector<std::size_t> limits{limit.batches()};
  for (int i = 0; i < 7; ++i) limits.push_back(round_trip(limit, {}));
  EXPECT_THAT(limits, ElementsAre(1, 2, 4, 8, 16, 32, 50, 50));
}

TEST(ConcurrencyLimit, a_slow_but_constant_downstream_gets_the_whole_cap) {
  ConcurrencyLimit limit(capped(64));
  many(limit, 7, {seconds(10)});
  EXPECT_EQ(limit.batches(), 64u);
  many(limit, 100, {seconds(10)});
  EXPECT_EQ(limit.batches(), 64u);
  EXPECT_EQ(limit.fell_latency(), 0u);
}

TEST(ConcurrencyLimit, latencies_that_vary_by_themselves_cost_little) {
  Random random(3);
  ConcurrencyLimit limit(capped(32));
  std::size_t sum = 0;
  constexpr int kTrips = 2'000;
  for (int i = 0; i < kTrips; ++i) {
    const std::size_t batches = limit.batches();
    const std::uint32_t era = limit.era();
    limit.started(batches);
    for (std::size_t each = 0; each < batches; ++each)
      limit.ended({era, 1, Millis(1'000 + random.up_to(9'000)), true, false, batches});
    sum += limit.batches();
  }
  EXPECT_GT(sum / kTrips, 28u);
}

TEST(ConcurrencyLimit, throttled_it_halves_once_a_round_trip_and_comes_back_step_by_step) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 5, {});
  ASSERT_EQ(limit.batches(), 16u);
  EXPECT_EQ(round_trip(limit, {.good = false, .throttled = true}), 8u) << "the fifteen others were sent before";
  EXPECT_EQ(limit.fell_throttled(), 1u);
  std::vector<std::size_t> limits;
  for (int i = 0; i < 4; ++i) limits.push_back(round_trip(limit, {}));
  EXPECT_THAT(limits, ElementsAre(10, 13, 16, 16));
}

TEST(ConcurrencyLimit, halves_what_was_in_flight_where_that_is_less) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 5, {});
  limit.ended({limit.era(), 1, Millis(5), false, true, 3});
  EXPECT_EQ(limit.batches(), 1u);
}

TEST(ConcurrencyLimit, falls_by_a_quarter_when_latency_has_doubled) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 8, {Millis(200)});
  many(limit, 1, {Millis(399)});
  EXPECT_EQ(limit.batches(), 16u);
  many(limit, 1, {Millis(450)});
  EXPECT_EQ(limit.batches(), 12u);
  EXPECT_EQ(limit.fell_latency(), 1u);
}

TEST(ConcurrencyLimit, takes_no_notice_of_latencies_that_hurt_nobody) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 8, {Millis(1)});
  many(limit, 50, {Millis(90)});
  EXPECT_EQ(limit.batches(), 16u);
}

TEST(ConcurrencyLimit, larger_batches_may_take_longer) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 8, {Millis(100), 1});
  many(limit, 20, {Millis(900), 100});
  EXPECT_EQ(limit.batches(), 16u);
  many(limit, 2, {Millis(900), 1});
  EXPECT_LT(limit.batches(), 16u) << "for one event it is long";
}

TEST(ConcurrencyLimit, a_downstream_that_has_become_slower_for_good_gets_the_cap_again) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 10, {Millis(200)});
  std::size_t least = 16;
  for (int i = 0; i < 60; ++i) least = std::min(least, round_trip(limit, {seconds(2)}));
  EXPECT_EQ(least, 1u);
  EXPECT_EQ(limit.batches(), 16u);
}

TEST(ConcurrencyLimit, does_not_grow_by_what_was_never_tried) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 2, {});
  ASSERT_EQ(limit.batches(), 4u);
  for (int i = 0; i < 100; ++i) {
    limit.started(1);
    limit.ended({limit.era(), 1, Millis(10), true, false, 1});
  }
  EXPECT_EQ(limit.batches(), 4u);
}

TEST(ConcurrencyLimit, does_not_grow_by_what_is_rejected) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 10, {.good = false});
  EXPECT_EQ(limit.batches(), 1u);
}

TEST(ConcurrencyLimit, after_an_outage_batches_grow_first_then_the_limit_and_slowly_from_half_of_the_former_on) {
  ConcurrencyLimit limit(capped(16, true, 10));
  many(limit, 5, {Millis(10), 10});
  ASSERT_EQ(limit.batches(), 16u);
  limit.outage();
  limit.restart();
  std::vector<std::pair<std::size_t, std::size_t>> steps;
  for (int i = 0; i < 9; ++i) {
    steps.emplace_back(limit.batches(), limit.batch_messages());
    round_trip(limit, {Millis(10), limit.batch_messages()});
  }
  using Pair = std::pair<std::size_t, std::size_t>;
  EXPECT_THAT(steps, ElementsAre(Pair(1, 2), Pair(1, 4), Pair(1, 8), Pair(1, 10), Pair(2, 10), Pair(4, 10), Pair(8, 10),
                                 Pair(10, 10), Pair(13, 10)));
  EXPECT_TRUE(limit.recovered());
}

TEST(ConcurrencyLimit, what_is_throttled_in_the_ramp_falls_back) {
  ConcurrencyLimit limit(capped(16, true, 100));
  many(limit, 5, {Millis(10), 10});
  limit.outage();
  limit.restart();
  many(limit, 3, {});
  ASSERT_EQ(limit.batch_messages(), 16u);
  round_trip(limit, {.good = false, .throttled = true});
  EXPECT_EQ(limit.batch_messages(), 8u);
  EXPECT_EQ(limit.batches(), 1u);
  EXPECT_FALSE(limit.recovered());
}

TEST(ConcurrencyLimit, an_outage_in_the_ramp_halves_where_it_goes_on_slowly) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 5, {});
  limit.outage();
  limit.restart();
  many(limit, 2, {});
  ASSERT_EQ(limit.batches(), 4u);
  limit.outage();
  limit.restart();
  std::vector<std::size_t> limits;
  for (int i = 0; i < 3; ++i) limits.push_back(round_trip(limit, {}));
  EXPECT_THAT(limits, ElementsAre(2, 2, 3)) << "a round in avoidance takes four batches";
}

TEST(ConcurrencyLimit, trickling_events_end_the_recovery_too) {
  ConcurrencyLimit limit(capped(16));
  many(limit, 5, {});
  limit.outage();
  limit.restart();
  for (int i = 0; i < 16; ++i) {
    EXPECT_FALSE(limit.recovered()) << i;
    limit.started(1);
    limit.ended({limit.era(), 1, Millis(10), true, false, 1});
  }
  EXPECT_TRUE(limit.recovered());
}

TEST(ConcurrencyLimit, fixed_it_is_the_cap_but_for_the_ramp) {
  ConcurrencyLimit limit(capped(8, false));
  EXPECT_EQ(limit.batches(), 8u);
  many(limit, 3, {.good = false, .throttled = true});
  many(limit, 5, {Millis(1)});
  many(limit, 5, {seconds(20)});
  EXPECT_EQ(limit.batches(), 8u);
  limit.outage();
  limit.restart();
  std::vector<std::size_t> limits;
  for (int i = 0; i < 4; ++i) limits.push_back(round_trip(limit, {}));
  EXPECT_THAT(limits, ElementsAre(2, 4, 8, 8));
}

TEST(ConcurrencyLimit, stays_between_one_and_the_cap_whatever_happens) {
  Random random(11);
  for (int run = 0; run < 50; ++run) {
    const std::size_t cap = 1 + random.up_to(40);
    const std::size_t batch = 1 + random.up_to(200);
    ConcurrencyLimit limit(capped(cap, run % 3 > 0, batch));
    for (int step = 0; step < 2'000; ++step) {
      if (random.up_to(300) == 0) limit.outage();
      if (random.up_to(300) == 0) limit.restart();
      limit.started(1 + random.up_to(cap));
      limit.ended({limit.era() - static_cast<std::uint32_t>(random.up_to(1)), 1 + random.up_to(20'000),
                   Millis(random.up_to(3'000)), random.up_to(3) > 0, random.up_to(20) == 0, 1 + random.up_to(cap)});
      ASSERT_GE(limit.batches(), 1u);
      ASSERT_LE(limit.batches(), cap);
      ASSERT_GE(limit.batch_messages(), 1u);
      ASSERT_LE(limit.batch_messages(), batch);
    }
  }
}

}  // namespace
}  // namespace trunkline::delivery
