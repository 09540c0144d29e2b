#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "base/failpoint.hpp"
#include "drill/child.hpp"
#include "drill/drill.hpp"
#include "drill/hub_config.hpp"

namespace trunkline::drill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Plan, has_every_point_in_every_mode_as_often_as_asked) {
  const auto plan = make_plan({.kills = 3});
  ASSERT_TRUE(plan.ok());
  std::map<std::pair<std::string, Mode>, int> seen;
  for (const Kill& kill : *plan) ++seen[{kill.point, kill.mode}];
  EXPECT_EQ(seen.size(), all_points().size() * 2);
  for (const auto& [point, kills] : seen) EXPECT_EQ(kills, 3) << point.first;
}

TEST(Plan, knows_the_points_that_the_program_passes_and_no_defect) {
  EXPECT_THAT(all_points(), testing::IsSupersetOf({"commit.before_sync", "commit.after_sync", "wal.switch", "flush",
                                                   "compaction", "settle", "cursor.move", "random"}));
  EXPECT_THAT(all_points(), testing::Not(testing::Contains(testing::StartsWith("defect."))));
  EXPECT_THAT(all_points(), testing::Not(testing::Contains(testing::StartsWith("flaw."))));
  EXPECT_THAT(all_defects(),
              testing::UnorderedElementsAre("defect.skip_sync", "defect.answer_before_sync", "defect.cursor_skips"));
}

TEST(Plan, is_the_same_for_the_same_seed_and_another_one_for_another) {
  const auto counts = [](std::uint64_t seed) {
    std::vector<std::int64_t> result;
    const auto plan = make_plan({.points = {"settle"}, .kills = 20, .seed = seed});
    EXPECT_TRUE(plan.ok());
    for (const Kill& kill : *plan) result.push_back(kill.count);
    return result;
  };
  EXPECT_EQ(counts(7), counts(7));
  EXPECT_NE(counts(7), counts(8));
}

TEST(Plan, tears_the_log_in_all_four_ways_with_and_without_holding_the_thread) {
  const auto plan = make_plan({.points = {"commit.before_sync"}, .modes = {Mode::power_cut}, .kills = 8});
  ASSERT_TRUE(plan.ok());
  std::set<std::pair<bool, std::uint64_t>> ways;
  for (const Kill& kill : *plan) ways.insert({kill.hold.count() > 0, kill.disk_seed % 4});
  EXPECT_EQ(ways.size(), 8u);
}

TEST(Plan, kills_some_starts_at_their_first_commits) {
  const auto plan = make_plan({.points = {"commit.after_sync"}, .modes = {Mode::kill}, .kills = 10});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(std::count_if(plan->begin(), plan->end(), [](const Kill& kill) { return kill.count <= 3; }), 2);
}

TEST(Plan, names_the_nearest_point_for_one_that_does_not_exist) {
  const auto plan = make_plan({.points = {"comit.before_sync"}});
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, base::Errc::invalid);
  EXPECT_THAT(plan.error().detail, HasSubstr("did you mean 'commit.before_sync'?"));
}

TEST(Environment, names_point_action_count_and_hold_and_the_disk_only_for_a_power_cut) {
  Kill kill{.point = "flush", .mode = Mode::kill, .count = 3, .hold = base::Millis(100), .disk_seed = 9};
  EXPECT_THAT(environment_of(kill, ""), ElementsAre("TRUNKLINE_FAILPOINTS=flush=kill@3+100"));
  kill.mode = Mode::power_cut;
  EXPECT_THAT(environment_of(kill, "defect.skip_sync"),
              ElementsAre("TRUNKLINE_FAILPOINTS=flush=power_cut@3+100,defect.skip_sync=on", "TRUNKLINE_CRASH_DISK=9"));
}

TEST(Environment, of_a_random_kill_sets_no_point) {
  Kill kill{.point = std::string(kRandomPoint), .mode = Mode::kill, .delay = base::Millis(5)};
  EXPECT_THAT(environment_of(kill, ""), IsEmpty());
  EXPECT_THAT(environment_of(kill, "defect.cursor_skips"), ElementsAre("TRUNKLINE_FAILPOINTS=defect.cursor_skips=on"));
}

TEST(Environment, of_every_planned_kill_is_understood_by_the_program) {
  const auto plan = make_plan({.kills = 4});
  ASSERT_TRUE(plan.ok());
  constexpr std::string_view kVariable = "TRUNKLINE_FAILPOINTS=";
  for (const Kill& kill : *plan) {
    for (const std::string& variable : environment_of(kill, "defect.skip_sync")) {
      if (!variable.starts_with(kVariable)) continue;
      EXPECT_TRUE(base::failpoint::configure(variable.substr(kVariable.size())).ok()) << variable;
    }
  }
}

TEST(Failpoint, holds_the_thread_before_it_dies_at_the_count) {
  const auto from = std::chrono::steady_clock::now();
  EXPECT_EXIT(
      {
        if (!base::failpoint::configure("settle=kill@2+20").ok()) ::_exit(1);
        base::failpoint::pass("settle");
        std::fputs("passed once", stderr);
        base::failpoint::pass("settle");
      },
      testing::KilledBySignal(SIGKILL), "passed once");
  EXPECT_GE(std::chrono::steady_clock::now() - from, base::Millis(20));
}

TEST(Failpoint, refuses_counts_and_holds_that_are_no_numbers) {
  for (const char* text : {"settle=kill@", "settle=kill@0", "settle=kill@x", "settle=kill@1+", "settle=kill@1+-5",
                           "settle=kill@1+2x", "settle=burn@1", "settle", "nowhere=kill@1"}) {
    EXPECT_FALSE(base::failpoint::configure(text).ok()) << text;
  }
}

sim::VerifyReport verified(sim::Offence offence, std::uint64_t count) {
  sim::VerifyReport report;
  report.offences[static_cast<std::size_t>(offence)] = count;
  report.holds = count == 0 || offence == sim::Offence::repeated;
  return report;
}

Report good_report() {
  Report report;
  report.kills.push_back({.kill = {.point = "flush"}, .reached = true});
  report.consumers.push_back({"crm", verified(sim::Offence::repeated, 5)});
  return report;
}

TEST(Report, holds_when_there_are_only_repeats) {
  const Report report = good_report();
  EXPECT_TRUE(report.holds());
  EXPECT_EQ(report.repeated(), 5u);
  EXPECT_EQ(report.lost(), 0u);
  EXPECT_THAT(to_text(report), HasSubstr("the promises hold"));
}

TEST(Report, does_not_hold_when_a_consumer_lost_something) {
  Report report = good_report();
  report.consumers.push_back({"siem", verified(sim::Offence::lost, 2)});
  EXPECT_FALSE(report.holds());
  EXPECT_EQ(report.lost(), 2u);
  EXPECT_THAT(to_text(report), HasSubstr("siem: 2 lost"));
  EXPECT_THAT(to_json(report), HasSubstr(R"("holds":false)"));
}

TEST(Report, counts_an_event_whose_number_was_given_away_as_lost_and_once) {
  Report report = good_report();
  for (const char* consumer : {"siem", "wfm"})
    report.consumers.push_back({consumer, verified(sim::Offence::ambiguous, 3)});
  EXPECT_EQ(report.lost(), 3u);
  EXPECT_EQ(report.replaced(), 3u);
  EXPECT_FALSE(report.holds());
}

TEST(Report, does_not_hold_when_a_kill_was_not_reached) {
  Report report = good_report();
  report.kills.push_back({.kill = {.point = "compaction"}});
  EXPECT_FALSE(report.holds());
  EXPECT_EQ(report.not_reached(), 1u);
  EXPECT_THAT(progress_line(2, 2, report.kills.back()), HasSubstr("NOT REACHED"));
}

TEST(Report, does_not_hold_with_a_failure_or_a_gap_in_the_quarantine_or_nothing_compared) {
  Report failed = good_report();
  failed.failures.emplace_back("the hub did not start");
  EXPECT_FALSE(failed.holds());
  Report gap = good_report();
  gap.quarantined_missing = 1;
  EXPECT_FALSE(gap.holds());
  EXPECT_EQ(gap.lost(), 1u);
  EXPECT_FALSE(Report().holds());
}

class ChildTest : public testing::Test {
 protected:
  ChildTest() {
    std::string pattern = testing::TempDir() + "drill-child-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ChildTest() override { std::filesystem::remove_all(directory_); }

  ChildSpec shell(const std::string& script) const {
    return {.executable = "/bin/sh", .arguments = {"-c", script}, .log_path = directory_ + "/log"};
  }
  std::string log() const {
    std::ifstream file(directory_ + "/log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string directory_;
};

constexpr base::Millis kLong = std::chrono::seconds(60);

TEST_F(ChildTest, tells_an_exit_code_from_a_signal) {
  auto exits = Child::start(shell("exit 3"));
  ASSERT_TRUE(exits.ok());
  const auto exit = exits->wait(kLong);
  ASSERT_TRUE(exit);
  EXPECT_EQ(describe(*exit), "exit code 3");
  auto dies = Child::start(shell("kill -9 $$"));
  ASSERT_TRUE(dies.ok());
  const auto death = dies->wait(kLong);
  ASSERT_TRUE(death);
  EXPECT_EQ(death->signal, SIGKILL);
}

TEST_F(ChildTest, gives_the_environment_and_keeps_what_is_said) {
  ChildSpec spec = shell("echo $TRUNKLINE_CRASH_DISK; echo to error >&2");
  spec.environment = {"TRUNKLINE_CRASH_DISK=17"};
  ::setenv("TRUNKLINE_CRASH_DISK", "from outside", 1);
  auto child = Child::start(spec);
  ::unsetenv("TRUNKLINE_CRASH_DISK");
  ASSERT_TRUE(child.ok());
  ASSERT_TRUE(child->wait(kLong));
  EXPECT_EQ(log(), "17\nto error\n");
}

TEST_F(ChildTest, says_that_a_child_still_lives_and_kills_it_when_asked) {
  auto child = Child::start(shell("exec sleep 1000"));
  ASSERT_TRUE(child.ok());
  EXPECT_FALSE(child->wait(base::Millis(0)));
  child->send(SIGKILL);
  const auto death = child->wait(kLong);
  ASSERT_TRUE(death);
  EXPECT_EQ(death->signal, SIGKILL);
}

TEST_F(ChildTest, of_a_program_that_is_not_there_ends_with_127) {
  auto child = Child::start({.executable = directory_ + "/none", .log_path = directory_ + "/log"});
  ASSERT_TRUE(child.ok());
  const auto death = child->wait(kLong);
  ASSERT_TRUE(death);
  EXPECT_EQ(death->code, 127);
}

TEST(FreePort, is_below_the_ports_of_clients) {
  const auto port = free_port(1);
  ASSERT_TRUE(port.ok());
  int low = 32'768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low;
  EXPECT_GE(*port, 10'000);
  EXPECT_LT(*port, low);
}

TEST(Drill, refuses_a_defect_a_point_or_a_directory_that_will_not_do) {
  EXPECT_EQ(run_drill({.defect = "skips_sync"}), 2);
  EXPECT_EQ(run_drill({.plan = {.points = {"nowhere"}}}), 2);
  EXPECT_EQ(run_drill({.rate = 1}), 2);
  EXPECT_EQ(run_drill({.directory = "/proc"}), 2);
}

}  // namespace
}  // namespace trunkline::drill
