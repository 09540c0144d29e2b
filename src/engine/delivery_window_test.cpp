#include "engine/delivery_window.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace trunkline::engine {
namespace {

using base::Millis;
using namespace std::chrono_literals;

base::MonoTime at(std::chrono::milliseconds since) {
  return base::MonoTime(std::chrono::hours(5)) + since;
}
DeliveryWindow fresh() {
  DeliveryWindow window;
  window.begin(at(0s));
  return window;
}

TEST(DeliveryWindow, knows_nothing_before_the_first_delivery) {
  const DeliveryWindow window = fresh();
  const RecentDeliveries recent = window.minute(at(30s));
  EXPECT_EQ(recent.delivered, 0u);
  EXPECT_FALSE(recent.p50);
  EXPECT_FALSE(recent.p99);
  EXPECT_EQ(recent.delivered_per_second(), 0);
}

TEST(DeliveryWindow, quantiles_are_never_below_the_true_ones_and_an_eighth_above_at_most) {
  std::mt19937_64 random(7);
  for (const double spread : {2.0, 50.0, 4'000.0, 900'000.0}) {
    DeliveryWindow window = fresh();
    std::vector<std::int64_t> all;
    std::exponential_distribution<double> latency(1 / spread);
    for (int i = 0; i < 5'000; ++i) {
      all.push_back(static_cast<std::int64_t>(latency(random)));
      window.delivered(Millis(all.back()), at(Millis(i)));
    }
    std::sort(all.begin(), all.end());
    const RecentDeliveries recent = window.minute(at(5s));
    for (const auto& [found, rank] : {std::pair(*recent.p50, 2'500), std::pair(*recent.p99, 4'950)}) {
      const std::int64_t exact = all[static_cast<std::size_t>(rank - 1)];
      EXPECT_GE(found.count(), exact);
      EXPECT_LE(static_cast<double>(found.count()), static_cast<double>(exact) * 1.125 + 1) << spread;
    }
  }
}

TEST(DeliveryWindow, takes_every_latency_there_is) {
  DeliveryWindow window = fresh();
  window.delivered(Millis(-5), at(1s));  // a clock that was set back
  EXPECT_EQ(window.minute(at(1s)).p99, Millis(0));
  window.delivered(std::chrono::hours(24 * 3650), at(2s));
  EXPECT_GE(*window.minute(at(2s)).p99, std::chrono::hours(24 * 24));
}

TEST(DeliveryWindow, forgets_what_is_older_than_the_window) {
  DeliveryWindow window = fresh();
  window.delivered(Millis(9'000), at(0s));
  window.arrived(40, at(0s));
  for (int i = 0; i < 10; ++i) window.delivered(Millis(3), at(120s));
  EXPECT_EQ(window.minute(at(120s)).delivered, 10u);
  EXPECT_EQ(window.minute(at(120s)).arrived, 0u);
  EXPECT_EQ(window.minute(at(120s)).p99, Millis(3));
  EXPECT_EQ(window.quarter(at(120s)).delivered, 11u);
  EXPECT_EQ(window.quarter(at(120s)).arrived, 40u);
  EXPECT_EQ(window.quarter(at(16min)).delivered, 10u);
  EXPECT_EQ(window.quarter(at(20min)).delivered, 0u);
}

TEST(DeliveryWindow, rates_are_of_the_time_that_is_covered) {
  DeliveryWindow window = fresh();
  for (int i = 0; i < 500; ++i) window.delivered(Millis(1), at(Millis(i * 20)));
  EXPECT_DOUBLE_EQ(window.minute(at(10s)).delivered_per_second(), 50);  // ten seconds after the start
  const RecentDeliveries later = window.minute(at(45s));
  EXPECT_DOUBLE_EQ(later.delivered_per_second(), 500.0 / 45);
  EXPECT_LE(window.minute(at(10min)).covered, 60s);
  EXPECT_GT(window.minute(at(10min)).covered, 49s);
}

TEST(DeliveryWindow, a_drain_estimate_says_what_it_is_made_of) {
  using enum Drain::Outlook;
  RecentDeliveries recent;
  recent.covered = 10s;
  EXPECT_EQ(drain_of(0, recent).outlook, empty);
  EXPECT_EQ(drain_of(5, recent).outlook, stalled);
  recent.arrived = 10;
  EXPECT_EQ(drain_of(5, recent).outlook, growing);
  recent.delivered = 10;
  EXPECT_EQ(drain_of(5, recent).outlook, growing) << "as much arrives as is delivered";
  recent.delivered = 60;  // five a second net
  EXPECT_EQ(drain_of(1'000, recent).outlook, draining);
  EXPECT_EQ(drain_of(1'000, recent).left, Millis(200'000));
}

}  // namespace
}  // namespace trunkline::engine
