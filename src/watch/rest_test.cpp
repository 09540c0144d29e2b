#include "watch/rest.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.hpp"

namespace trunkline::watch {
namespace {

base::WallTime at(std::string_view text) {
  return base::parse_time(text).value();
}
constexpr std::uint8_t kSunday = 1 << 6;
constexpr std::uint8_t kSaturday = 1 << 5;

MaintenanceWindow window(std::uint8_t days, std::uint16_t from, std::uint16_t to, Zone zone = {}) {
  return {days, from, to, zone};
}

TEST(MaintenanceWindow, holds_from_its_first_minute_to_the_last_before_its_end) {
  const MaintenanceWindow night = window(kSunday, 120, 240);  // 2026-03-01 is a Sunday
  EXPECT_FALSE(night.holds(at("2026-03-01T01:59:59.999Z")));
  EXPECT_TRUE(night.holds(at("2026-03-01T02:00:00Z")));
  EXPECT_TRUE(night.holds(at("2026-03-01T03:59:59.999Z")));
  EXPECT_FALSE(night.holds(at("2026-03-01T04:00:00Z")));
  EXPECT_FALSE(night.holds(at("2026-03-02T03:00:00Z"))) << "a Monday";
  EXPECT_TRUE(night.holds(at("1969-12-28T03:00:00Z"))) << "a Sunday before the epoch";
}

TEST(MaintenanceWindow, over_midnight_belongs_to_the_day_on_which_it_begins) {
  const MaintenanceWindow late = window(kSunday, 23 * 60, 60);
  EXPECT_TRUE(late.holds(at("2026-03-01T23:30:00Z")));
  EXPECT_TRUE(late.holds(at("2026-03-02T00:59:00Z"))) << "Monday, in the window of Sunday, at the week's end";
  EXPECT_FALSE(late.holds(at("2026-03-02T01:00:00Z")));
  EXPECT_FALSE(late.holds(at("2026-03-01T00:30:00Z"))) << "that would be Saturday's";
  EXPECT_EQ(open_until({late}, at("2026-03-01T23:30:00Z")), at("2026-03-02T01:00:00Z"));
}

TEST(MaintenanceWindow, an_offset_moves_it) {
  const MaintenanceWindow east = window(kSunday, 60, 120, {false, 120});  // 01:00+02:00 is 23:00 on Saturday
  EXPECT_TRUE(east.holds(at("2026-02-28T23:00:00Z")));
  EXPECT_FALSE(east.holds(at("2026-03-01T01:00:00Z")));
}

TEST(MaintenanceWindow, the_end_of_windows_that_follow_each_other_is_the_last_ones) {
  const std::vector<MaintenanceWindow> both = {window(kSaturday, 22 * 60, 24 * 60), window(kSunday, 0, 180)};
  EXPECT_EQ(open_until(both, at("2026-02-28T22:15:30Z")), at("2026-03-01T03:00:00Z"));
  EXPECT_EQ(open_until(both, at("2026-02-28T21:59:00Z")), std::nullopt);
  EXPECT_EQ(open_until({window(0x7F, 0, 24 * 60)}, at("2026-03-01T00:00:00Z")), at("2026-03-09T00:00:00Z"))
      << "windows without a gap end nowhere";
}

// Where 02:30 comes twice or never, in a zone of the system's.
TEST(MaintenanceWindow, local_time_has_its_own_rules_for_summer) {
  const char* former = getenv("TZ");
  const std::string kept = former != nullptr ? former : "";
  setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  tzset();
  const MaintenanceWindow night = window(kSunday, 120, 240, {true, 0});
  EXPECT_TRUE(night.holds(at("2026-03-01T01:30:00Z"))) << "02:30 in winter";
  EXPECT_TRUE(night.holds(at("2026-07-05T00:30:00Z"))) << "02:30 in summer";
  EXPECT_EQ(open_until({night}, at("2026-10-24T23:59:00Z")), std::nullopt);
  EXPECT_EQ(open_until({night}, at("2026-10-25T00:00:00Z")), at("2026-10-25T03:00:00Z")) << "three hours, once a year";
  EXPECT_EQ(open_until({night}, at("2026-03-29T01:00:00Z")), at("2026-03-29T02:00:00Z")) << "one hour, once a year";
  former != nullptr ? setenv("TZ", kept.c_str(), 1) : unsetenv("TZ");
  tzset();
}

TEST(Rest, a_pause_ends_by_itself) {
  PauseState state{true, true, "new certificate", at("2026-03-03T10:00:00Z"), at("2026-03-03T12:00:00Z"), {}};
  const Rest rest = rest_of(state, {}, at("2026-03-03T11:59:59Z"));
  EXPECT_EQ(rest.by, RestBy::people);
  EXPECT_EQ(rest.reason, "new certificate");
  EXPECT_EQ(rest.until, at("2026-03-03T12:00:00Z"));
  EXPECT_FALSE(rest_of(state, {}, at("2026-03-03T12:00:00Z")).rests());
  EXPECT_FALSE(rest_of(state, {}, at("2027-01-01T00:00:00Z")).rests()) << "a clock that jumped ahead";
  EXPECT_TRUE(rest_of(state, {}, at("2025-01-01T00:00:00Z")).rests()) << "a clock that jumped back";
  state.until.reset();
  EXPECT_TRUE(rest_of(state, {}, at("2027-01-01T00:00:00Z")).rests());
}

TEST(Rest, a_pause_that_ends_inside_a_window_goes_on_to_its_end) {
  const std::vector<MaintenanceWindow> windows = {window(kSunday, 120, 240)};
  const PauseState state{true, true, "", at("2026-03-01T01:00:00Z"), at("2026-03-01T03:00:00Z"), {}};
  EXPECT_EQ(rest_of(state, windows, at("2026-03-01T01:30:00Z")).until, at("2026-03-01T04:00:00Z"));
  EXPECT_EQ(rest_of(state, windows, at("2026-03-01T03:00:00Z")).by, RestBy::maintenance);
}

TEST(Rest, who_resumes_inside_a_window_passes_over_this_one_alone) {
  const std::vector<MaintenanceWindow> windows = {window(kSunday, 120, 240)};
  PauseState state;
  state.no_window_to = open_until(windows, at("2026-03-01T02:30:00Z"));
  EXPECT_FALSE(rest_of(state, windows, at("2026-03-01T02:30:00Z")).rests());
  EXPECT_FALSE(rest_of(state, windows, at("2026-03-01T03:59:00Z")).rests());
  EXPECT_TRUE(rest_of(state, windows, at("2026-03-08T02:00:00Z")).rests());
}

TEST(PauseState, reads_back_as_it_was_written_and_what_older_versions_wrote) {
  const PauseState state{true,
                         true,
                         "\"quoted\"\nüber",
                         at("2026-03-03T10:00:00.123Z"),
                         at("2026-03-04T00:00:00Z"),
                         at("2026-03-05T00:00:00Z")};
  const auto again = decode_pause(encode(state));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->reason, state.reason);
  EXPECT_EQ(again->since, state.since);
  EXPECT_EQ(again->until, state.until);
  EXPECT_EQ(again->no_window_to, state.no_window_to);
  EXPECT_TRUE(again->paused && again->by_operator);
  EXPECT_FALSE(decode_pause(encode(PauseState{}))->until);
  EXPECT_TRUE(decode_pause("1")->paused);
  EXPECT_FALSE(decode_pause("0")->paused);
  for (const char* bad : {"", "2", "{}", "[]", R"({"paused":1})"}) EXPECT_FALSE(decode_pause(bad).ok()) << bad;
}

}  // namespace
}  // namespace trunkline::watch
