#include "sim/sink_behaviour.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace trunkline::sim {
namespace {

const base::MonoTime kStart{std::chrono::hours(1)};

TEST(SinkBehaviour, answers_errors_and_hangs_in_their_shares) {
  SinkBehaviour behaviour({.errors = {{503, 0.05}, {400, 0.02}}, .hang = 0.01}, 1);
  std::map<int, int> seen;
  for (int i = 0; i < 100'000; ++i) {
    const auto decision = behaviour.decide("{}", 1, kStart);
    ++seen[decision.hang ? -1 : decision.status];
  }
  EXPECT_NEAR(seen[503], 4'950, 300);
  EXPECT_NEAR(seen[400], 1'980, 200);
  EXPECT_NEAR(seen[-1], 1'000, 150);
  EXPECT_EQ(seen.size(), 4u);
}

TEST(SinkBehaviour, draws_latencies_with_the_mean_and_tail_that_were_asked_for) {
  SinkBehaviour behaviour({.latency = base::Millis(200), .latency_p99 = base::Millis(1'000)}, 2);
  std::vector<double> drawn;
  double sum = 0;
  for (int i = 0; i < 50'000; ++i) {
    drawn.push_back(static_cast<double>(behaviour.decide("{}", 1, kStart).delay.count()));
    sum += drawn.back();
  }
  std::sort(drawn.begin(), drawn.end());
  EXPECT_NEAR(sum / 50'000, 200, 8);
  EXPECT_NEAR(drawn[49'500], 1'000, 80);
  behaviour.set_latency(base::Millis(30), base::Millis(0));
  EXPECT_EQ(behaviour.decide("{}", 1, kStart).delay, base::Millis(30));
}

TEST(SinkBehaviour, refuses_poison_always_and_nothing_else) {
  SinkBehaviour behaviour({.poison = "bad-id"}, 1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(behaviour.decide(R"([{"id":"good"},{"id":"bad-id"}])", 2, kStart).status, 400);
    EXPECT_EQ(behaviour.decide(R"({"id":"good"})", 1, kStart).status, 200);
  }
}

TEST(SinkBehaviour, limits_events_per_second_and_says_when_to_come_back) {
  SinkBehaviour behaviour({.rate = 100}, 1);
  EXPECT_EQ(behaviour.decide("", 60, kStart).status, 200);
  const auto limited = behaviour.decide("", 60, kStart);
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(limited.retry_after, base::Millis(1'000));
  EXPECT_EQ(behaviour.decide("", 60, kStart + base::Millis(500)).status, 200);
  EXPECT_EQ(behaviour.decide("", 60, kStart + base::Millis(510)).status, 429);
  EXPECT_EQ(behaviour.decide("", 5'000, kStart + base::Millis(5'000)).status, 200)
      << "a large batch must pass at some time";
}

TEST(SinkBehaviour, changes_its_mode_and_refuses_unknown_ones) {
  SinkBehaviour behaviour({}, 1);
  ASSERT_TRUE(behaviour.set_mode("503").ok());
  EXPECT_EQ(behaviour.decide("", 1, kStart).status, 503);
  ASSERT_TRUE(behaviour.set_mode("hang").ok());
  EXPECT_TRUE(behaviour.decide("", 1, kStart).hang);
  ASSERT_TRUE(behaviour.set_mode("ok").ok());
  EXPECT_EQ(behaviour.decide("", 1, kStart).status, 200);
  for (const char* wrong : {"", "fine", "99", "600", "503x"}) EXPECT_FALSE(behaviour.set_mode(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace trunkline::sim
