#include "watch/alarms.hpp"

#include <gtest/gtest.h>

namespace trunkline::watch {
namespace {

using namespace std::chrono_literals;

class AlarmBookTest : public testing::Test {
 protected:
  Now now() const { return {clock.wall(), clock.mono()}; }
  static Reading age(std::optional<double> seconds, const std::string& consumer = "crm") {
    return {Alarm::oldest_age, consumer, seconds, 900, false, "old"};
  }
  AlarmBook::Changes look(std::vector<Reading> readings, base::Millis later = 1s) {
    clock.advance(later);
    return book.observe(readings, 60s, now());
  }
  // As after kill -9: only what was stored is known.
  void restart() {
    std::vector<Incident> open;
    for (const Incident& incident : book.open()) open.push_back(*decode_incident(encode(incident)));
    book = AlarmBook(open, *decode_incidents(encode(book.recent())));
  }

  base::ManualClock clock;
  AlarmBook book{{}, {}};
};

TEST_F(AlarmBookTest, an_alarm_is_raised_once_and_resolved_once) {
  EXPECT_TRUE(look({age(899)}).opened.empty());
  const auto raised = look({age(900)});
  ASSERT_EQ(raised.opened.size(), 1u);
  EXPECT_EQ(raised.opened[0].subject, "crm");
  EXPECT_EQ(raised.opened[0].detail, "old");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(look({age(900 + i)}).opened.empty());
  EXPECT_EQ(book.open()[0].value, 999) << "the worst so far";
  int resolved = 0;
  for (int i = 0; i < 300; ++i) resolved += static_cast<int>(look({age(0)}).resolved.size());
  EXPECT_EQ(resolved, 1);
  EXPECT_TRUE(book.open().empty());
  ASSERT_EQ(book.recent().size(), 1u);
  EXPECT_EQ(book.recent()[0].id, raised.opened[0].id);
}

TEST_F(AlarmBookTest, a_value_that_wavers_about_its_limit_makes_one_incident) {
  std::size_t opened = 0;
  std::size_t resolved = 0;
  for (int i = 0; i < 2'000; ++i) {
    const auto changes = look({age(i % 2 == 0 ? 950 : 750)});
    opened += changes.opened.size();
    resolved += changes.resolved.size();
  }
  EXPECT_EQ(opened, 1u);
  EXPECT_EQ(resolved, 0u) << "750 is below the limit, but not clearly";
  for (int i = 0; i < 2'000; ++i) resolved += look({age(i % 50 == 0 ? 800 : 100)}).resolved.size();
  EXPECT_EQ(resolved, 0u) << "never within for a whole minute";
}

TEST_F(AlarmBookTest, a_restart_neither_raises_again_nor_forgets_to_resolve) {
  const auto raised = look({age(1'000)});
  restart();
  EXPECT_TRUE(look({age(1'001)}).opened.empty());
  restart();
  EXPECT_TRUE(look({age(10)}).resolved.empty());
  restart();
  EXPECT_TRUE(look({age(10)}, 61s).resolved.empty()) << "a new process has not seen it well for a minute";
  const auto changes = look({age(10)}, 61s);
  ASSERT_EQ(changes.resolved.size(), 1u);
  EXPECT_EQ(changes.resolved[0].id, raised.opened[0].id);
  restart();
  EXPECT_EQ(book.recent().size(), 1u);
}

TEST_F(AlarmBookTest, what_is_counted_over_a_window_is_not_resolved_by_a_restart) {
  Reading failed{Alarm::failed_deliveries, "crm", 3, 1, false, "", 1h};
  look({failed});
  restart();
  failed.value = 0;  // the count began anew
  look({failed});
  EXPECT_TRUE(look({failed}, 59min).resolved.empty());
  EXPECT_EQ(look({failed}, 1min).resolved.size(), 1u);
}

TEST_F(AlarmBookTest, what_is_not_known_changes_nothing) {
  EXPECT_TRUE(look({age(std::nullopt)}).opened.empty());
  look({age(1'000)});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(look({age(std::nullopt)}, 10s).resolved.empty());
}

TEST_F(AlarmBookTest, what_nobody_watches_any_more_is_resolved) {
  look({age(1'000), age(1'000, "siem")});
  const auto changes = look({age(1'000)});
  ASSERT_EQ(changes.resolved.size(), 1u);
  EXPECT_EQ(changes.resolved[0].subject, "siem");
  EXPECT_EQ(changes.resolved[0].outcome, "no longer watched");
}

TEST_F(AlarmBookTest, a_wall_clock_that_jumps_raises_and_resolves_nothing) {
  look({age(1'000)});
  clock.jump_wall(48h);
  EXPECT_TRUE(look({age(10)}).resolved.empty()) << "two days have not passed";
  clock.jump_wall(-96h);
  EXPECT_TRUE(look({age(10)}, 58s).resolved.empty());
  EXPECT_EQ(look({age(10)}, 2s).resolved.size(), 1u);
}

TEST_F(AlarmBookTest, some_limits_are_from_above) {
  const auto left = [](double seconds) { return Reading{Alarm::time_to_expiry, "crm", seconds, 100, true, ""}; };
  EXPECT_TRUE(look({left(101)}).opened.empty());
  EXPECT_EQ(look({left(100)}).opened.size(), 1u);
  look({left(20)});
  EXPECT_EQ(book.open()[0].value, 20);
  look({left(119)}, 120s);
  EXPECT_TRUE(look({left(119)}, 120s).resolved.empty());
  look({left(130)});
  EXPECT_EQ(look({left(130)}, 60s).resolved.size(), 1u);
}

TEST_F(AlarmBookTest, remembers_a_hundred_resolved_ones_and_what_was_told) {
  for (int i = 0; i < 150; ++i) {
    const auto raised = look({age(1'000)});
    ASSERT_EQ(raised.opened.size(), 1u);
    EXPECT_TRUE(book.told(raised.opened[0].id, false));
    EXPECT_TRUE(book.open()[0].opening_told);
    look({age(0)});
    ASSERT_EQ(look({age(0)}, 60s).resolved.size(), 1u);
    EXPECT_TRUE(book.told(raised.opened[0].id, true));
  }
  EXPECT_EQ(book.recent().size(), AlarmBook::kRecentMax);
  EXPECT_TRUE(book.recent()[0].opening_told && book.recent()[0].resolve_told);
  EXPECT_FALSE(book.told("oldest_age-crm-1", false));
  EXPECT_LT(encode(book.recent()).size(), 64u << 10) << "it is one value of the store";
}

TEST(Incident, a_hundred_of_the_longest_fit_into_one_value_of_the_store) {
  Incident incident;
  incident.id = std::string("refused_credentials-") + std::string(64, 'n') + "-1772460000000";
  incident.subject = std::string(64, 'n');
  incident.detail = std::string(kDetailMax, 'x');
  incident.outcome = "within the limit again";
  incident.resolved_at = incident.opened_at;
  EXPECT_LT(encode(std::vector<Incident>(AlarmBook::kRecentMax, incident)).size(), 64u << 10);
  for (const char* bad : {"", "{}", "[]", R"({"id":"x","alarm":"nonsense","opened_at":"2026-03-02T14:00:00Z"})"})
    EXPECT_FALSE(decode_incident(bad).ok()) << bad;
}

TEST(Growth, counts_what_has_grown_within_the_window) {
  Growth growth;
  const base::MonoTime start{std::chrono::hours(1)};
  EXPECT_EQ(growth.add(5, 60s, start), 5u) << "a counter begins at zero";
  EXPECT_EQ(growth.add(5, 60s, start + 30s), 5u);
  EXPECT_EQ(growth.add(8, 60s, start + 31s), 8u);
  EXPECT_EQ(growth.add(8, 60s, start + 60s), 3u);
  EXPECT_EQ(growth.add(8, 60s, start + 91s), 0u);
  for (int i = 0; i < 10'000; ++i) growth.add(static_cast<std::uint64_t>(10 + i), 60s, start + 92s + i * 10ms);
  EXPECT_EQ(growth.add(10'009, 60s, start + 192s) > 5'500, true);
  EXPECT_EQ(growth.add(2, 60s, start + 500s), 2u) << "one that began anew";
}

}  // namespace
}  // namespace trunkline::watch
