#include "watch/hours.hpp"

#include <gtest/gtest.h>

#include <random>

namespace trunkline::watch {
namespace {

using namespace std::chrono_literals;

// A source that sends by its own week, looked at twice a minute.
class Source {
 public:
  Now now() const { return {clock.wall(), clock.mono()}; }
  void run(base::Millis time, double per_hour, bool refusing = false) {
    for (base::Millis left = time; left.count() > 0; left -= 30s) {
      clock.advance(30s);
      owed_ += per_hour / 120;
      const auto whole = static_cast<std::uint64_t>(owed_);
      total += whole;
      owed_ -= static_cast<double>(whole);
      learned += hours.observe(total, refusing, now()) ? 1 : 0;
    }
  }
  // Busy from 8 to 18 UTC on each day, a trickle else.
  void days(int count, double busy = 600, double quiet = 1) {
    for (int hour = 0; hour < 24 * count; ++hour) {
      const auto of_day = std::chrono::floor<std::chrono::hours>(clock.wall().time_since_epoch()).count() % 24;
      run(1h, of_day >= 8 && of_day < 18 ? busy : quiet);
    }
  }
  void restart() {
    const std::string stored = hours.encode();
    hours = SourceHours();
    ASSERT_TRUE(hours.decode(stored).ok());
    total = 0;
    hours.observe(total, false, now());
  }

  base::ManualClock clock{base::WallTime(std::chrono::hours(24 * 20'000))};  // a midnight
  SourceHours hours;
  std::uint64_t total = 0;
  int learned = 0;

 private:
  double owed_ = 0;
};

TEST(SourceHours, a_hub_that_has_just_started_knows_of_no_silence) {
  Source source;
  source.run(20h, 0);
  EXPECT_FALSE(source.hours.missing(source.now()));
  EXPECT_GE(source.hours.silence(source.now()), 19h);
}

TEST(SourceHours, silence_at_a_busy_hour_is_seen_and_at_a_quiet_one_is_not) {
  Source source;
  source.days(7 * 4);
  EXPECT_GT(source.learned, 600);
  source.run(7h, 0);  // to 7 in the morning
  EXPECT_LT(source.hours.missing(source.now()).value_or(0), SourceHours::kSurely);
  source.run(1h, 1);
  source.run(1h, 600);  // to 9
  source.run(5min, 0);
  EXPECT_FALSE(source.hours.missing(source.now())) << "too short to say";
  source.run(10min, 0);
  EXPECT_GT(source.hours.missing(source.now()).value_or(0), SourceHours::kSurely);
  source.run(1min, 600);
  EXPECT_FALSE(source.hours.missing(source.now()));
}

TEST(SourceHours, two_weeks_are_not_enough_to_be_sure) {
  Source source;
  source.days(7 * 2);
  source.run(8h, 1);
  source.run(5h, 0);
  EXPECT_FALSE(source.hours.missing(source.now()));
}

TEST(SourceHours, weeks_that_differ_are_expected_less_of) {
  Source steady;
  Source wild;
  for (int week = 0; week < 6; ++week) {
    steady.days(7, 100);
    wild.days(7, week % 2 == 0 ? 200 : 1);
  }
  steady.run(8h, 1);
  wild.run(8h, 1);
  steady.run(4h, 0);
  wild.run(4h, 0);
  EXPECT_GT(steady.hours.missing(steady.now()).value(), SourceHours::kSurely);
  EXPECT_LT(wild.hours.missing(wild.now()).value(), SourceHours::kSurely);
}

TEST(SourceHours, live_through_a_restart_and_silence_begins_anew) {
  Source source;
  source.days(7 * 4);
  source.run(8h, 1);
  source.run(1h, 600);
  source.run(9min, 0);
  source.restart();
  EXPECT_FALSE(source.hours.heard());
  source.run(5min, 0);
  EXPECT_FALSE(source.hours.missing(source.now())) << "the sender may wait before it tries again";
  source.run(10min, 0);
  EXPECT_GT(source.hours.missing(source.now()).value(), SourceHours::kSurely);
}

TEST(SourceHours, an_hour_that_was_not_seen_whole_teaches_nothing) {
  Source source;
  source.run(30min, 600);
  EXPECT_EQ(source.learned, 0);
  source.run(30min, 600);
  source.run(30s, 600);
  EXPECT_EQ(source.learned, 0) << "the process started inside of it, or at its first moment";
  source.run(1h, 600);
  EXPECT_EQ(source.learned, 1);
  source.run(30min, 600, true);
  source.run(1h, 600);
  EXPECT_EQ(source.learned, 1) << "events were refused in it";
  source.clock.advance(10min);  // the machine slept
  source.run(2h, 600);
  EXPECT_LE(source.learned, 2);
}

TEST(SourceHours, a_clock_that_is_set_teaches_nothing_and_makes_no_silence) {
  Source source;
  source.days(7 * 4);
  source.run(8h, 1);
  source.run(90min, 600);
  const int learned = source.learned;
  source.clock.jump_wall(5h);
  source.run(20min, 600);
  EXPECT_EQ(source.learned, learned);
  EXPECT_FALSE(source.hours.missing(source.now()));
  source.clock.jump_wall(-72h);
  source.run(20min, 600);
  EXPECT_EQ(source.learned, learned);
  EXPECT_FALSE(source.hours.missing(source.now()));
}

TEST(SourceHours, the_record_is_read_whole_or_not_at_all) {
  Source source;
  source.days(8);
  const std::string stored = source.hours.encode();
  SourceHours again;
  ASSERT_TRUE(again.decode(stored).ok());
  EXPECT_EQ(again.encode(), stored);
  EXPECT_FALSE(again.decode("").ok());
  EXPECT_FALSE(again.decode(stored.substr(1)).ok());
  EXPECT_FALSE(again.decode(stored + "x").ok());
  EXPECT_FALSE(again.decode(std::string(stored.size(), '\x7F')).ok());
  EXPECT_EQ(again.encode(), stored);
}

}  // namespace
}  // namespace trunkline::watch
