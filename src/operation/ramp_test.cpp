#include "operation/ramp.hpp"

#include <gtest/gtest.h>

namespace trunkline::operation {
namespace {

// An operation whose events all end at once, as the test says.
struct Course {
  explicit Course(RampOptions options) : ramp(options, {}, clock.mono()) {}
  // A tenth of a second: gives what it may, of which `failed` fail.
  std::size_t tenth(std::size_t failed = 0) {
    ramp.observe(tally, clock.mono());
    const std::size_t count = ramp.allowance(clock.mono());
    ramp.gave(count);
    tally.given += count;
    tally.failed += std::min(failed, count);
    tally.delivered += count - std::min(failed, count);
    clock.advance(base::Millis(100));
    return count;
  }
  std::size_t second() {
    std::size_t sum = 0;
    for (int i = 0; i < 10; ++i) sum += tenth();
    return sum;
  }

  base::ManualClock clock;
  engine::OperationTally tally;
  Ramp ramp;
};

TEST(Ramp, begins_with_one_and_doubles_each_second_up_to_the_rate) {
  Course course({.rate = 20});
  EXPECT_EQ(course.tenth(), 1u);
  EXPECT_EQ(course.tenth(), 0u);
  std::vector<double> rates;
  for (int i = 0; i < 7; ++i) {
    course.second();
    rates.push_back(course.ramp.rate());
  }
  EXPECT_EQ(rates, (std::vector<double>{2, 4, 8, 16, 20, 20, 20}));
  EXPECT_NEAR(static_cast<double>(course.second()), 20, 2);
}

TEST(Ramp, a_rate_below_one_a_second_is_kept) {
  Course course({.rate = 0.5});
  EXPECT_EQ(course.tenth(), 1u);
  std::size_t sum = 0;
  for (int i = 0; i < 20; ++i) sum += course.second();
  EXPECT_NEAR(static_cast<double>(sum), 10, 1);
}

TEST(Ramp, gives_nothing_while_what_it_gave_has_no_outcome) {
  base::ManualClock clock;
  Ramp ramp({.rate = 100}, {}, clock.mono());
  engine::OperationTally tally;
  for (int i = 0; i < 100; ++i) {
    ramp.observe(tally, clock.mono());
    const std::size_t count = ramp.allowance(clock.mono());
    ramp.gave(count);
    tally.given += count;
    clock.advance(base::Millis(100));
  }
  EXPECT_EQ(tally.given, 2u) << "two seconds' worth of the first rate";
  EXPECT_EQ(ramp.rate(), 1);
}

TEST(Ramp, is_halved_by_a_failure) {
  Course course({.rate = 64, .stop_share = 1});
  for (int i = 0; i < 5; ++i) course.second();
  course.tenth(1);
  const double before = course.ramp.rate();
  ASSERT_GE(before, 16);
  course.tenth();
  EXPECT_EQ(course.ramp.rate(), before / 2);
}

TEST(Ramp, stops_when_more_than_the_share_of_the_latest_fails_and_says_so) {
  Course course({.rate = 100, .stop_share = 0.2});
  course.tally.error_class = "http_500";
  for (int i = 0; i < 100 && !course.ramp.stop_reason(); ++i) course.tenth(1'000);
  ASSERT_TRUE(course.ramp.stop_reason());
  EXPECT_EQ(*course.ramp.stop_reason(), "3 of the last 3 failed again, the last with http_500");
}

TEST(Ramp, a_few_failures_among_many_do_not_stop_it_and_old_ones_are_forgotten) {
  Course course({.rate = 50, .stop_share = 0.2});
  for (int i = 0; i < 10; ++i) course.second();
  for (int i = 0; i < 30; ++i) {
    course.tenth(i % 6 == 0 ? 1 : 0);
    ASSERT_FALSE(course.ramp.stop_reason()) << *course.ramp.stop_reason();
  }
  for (int i = 0; i < 30; ++i) course.second();
  for (int i = 0; i < 20 && !course.ramp.stop_reason(); ++i) course.tenth(1'000);
  ASSERT_TRUE(course.ramp.stop_reason());
  EXPECT_LT(course.tally.failed, 40u) << "thousands that were delivered do not hide it";
}

TEST(Ramp, a_share_of_one_never_stops_and_of_zero_at_the_first) {
  Course never({.rate = 10, .stop_share = 1});
  for (int i = 0; i < 100; ++i) never.tenth(1'000);
  EXPECT_FALSE(never.ramp.stop_reason());
  Course first({.rate = 10, .stop_share = 0});
  first.tenth(1);
  first.tenth();
  EXPECT_TRUE(first.ramp.stop_reason());
}

}  // namespace
}  // namespace trunkline::operation
