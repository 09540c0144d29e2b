#include <gtest/gtest.h>

#include "engine/record.hpp"

namespace trunkline::engine {
namespace {

using base::Millis;
using base::WallTime;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kAccepted{Millis(1'772'460'000'000)};

Record record() {
  Record made;
  made.accepted_at = kAccepted;
  made.event.business_time = kAccepted - seconds(9);
  made.event.business_time_has_millis = true;
  made.event.published_at = kAccepted - seconds(2);
  return made;
}

TEST(EventTime, is_the_business_time_where_that_has_milliseconds_else_when_it_was_sent_else_accepted) {
  Record made = record();
  EXPECT_EQ(event_time(made), kAccepted - seconds(9));
  made.event.business_time_has_millis = false;
  EXPECT_EQ(event_time(made), kAccepted - seconds(2));
  made.event.published_at.reset();
  EXPECT_EQ(event_time(made), kAccepted);
}

TEST(EventTime, that_lies_far_ahead_of_the_acceptance_is_passed_over) {
  Record made = record();
  made.event.business_time = kAccepted + kEventTimeAhead;
  EXPECT_EQ(event_time(made), kAccepted + minutes(10)) << "clocks differ";
  made.event.business_time = kAccepted + kEventTimeAhead + Millis(1);
  EXPECT_EQ(event_time(made), kAccepted - seconds(2));
  made.event.published_at = kAccepted + std::chrono::hours(24);
  EXPECT_EQ(event_time(made), kAccepted);
}

}  // namespace
}  // namespace trunkline::engine
