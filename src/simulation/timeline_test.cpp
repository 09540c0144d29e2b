#include "simulation/timeline.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trunkline::simulation {
namespace {

using base::Millis;

std::string play(std::uint64_t seed, bool shuffle) {
  Timeline timeline(seed, shuffle);
  SimulatedLoop& a = timeline.add_loop();
  SimulatedLoop& b = timeline.add_loop();
  std::string order;
  for (int i = 0; i < 8; ++i) {
    a.post([&order, i] { order += static_cast<char>('a' + i); });
    b.post([&order, i] { order += static_cast<char>('A' + i); });
  }
  timeline.run_for(Millis(1));
  return order;
}

TEST(Timeline, keeps_the_order_of_each_loop_and_shuffles_the_loops_by_seed) {
  EXPECT_EQ(play(1, false), "aAbBcCdDeEfFgGhH");
  EXPECT_EQ(play(1, true), play(1, true));
  EXPECT_NE(play(1, true), play(2, true));
  std::string small;
  for (const char c : play(3, true)) {
    if (c >= 'a') small += c;
  }
  EXPECT_EQ(small, "abcdefgh");
}

TEST(Timeline, runs_timers_at_their_time_and_what_was_due_before_a_cancel_only) {
  Timeline timeline(1, true);
  SimulatedLoop& loop = timeline.add_loop();
  std::vector<std::int64_t> at;
  const auto begun = timeline.clock().mono();
  const auto note = [&] { at.push_back(std::chrono::duration_cast<Millis>(timeline.clock().mono() - begun).count()); };
  loop.after(Millis(30), note);
  const auto cancelled = loop.after(Millis(20), note);
  loop.after(Millis(10), [&] {
    note();
    EXPECT_TRUE(loop.here());
    loop.cancel(cancelled);
    loop.after(Millis(5), note);
  });
  timeline.run_for(Millis(29));
  EXPECT_FALSE(loop.here());
  EXPECT_EQ(at, (std::vector<std::int64_t>{10, 15}));
  timeline.run_for(Millis(1));
  EXPECT_EQ(at, (std::vector<std::int64_t>{10, 15, 30}));
  EXPECT_EQ(timeline.clock().mono() - begun, Millis(30));
}

TEST(Timeline, a_jump_of_the_wall_moves_no_timer) {
  Timeline timeline(1, true);
  SimulatedLoop& loop = timeline.add_loop();
  bool ran = false;
  loop.after(Millis(10), [&] { ran = true; });
  const auto wall = timeline.clock().wall();
  timeline.clock().jump_wall(std::chrono::hours(3));
  timeline.run_for(Millis(9));
  EXPECT_FALSE(ran);
  timeline.run_for(Millis(1));
  EXPECT_TRUE(ran);
  EXPECT_EQ(timeline.clock().wall() - wall, std::chrono::hours(3) + Millis(10));
}

TEST(Timeline, a_loop_that_is_dropped_runs_nothing_of_before) {
  Timeline timeline(1, true);
  SimulatedLoop& loop = timeline.add_loop([] { return Millis(5); });
  int ran = 0;
  // Destroyed, it posts once more: that goes, too.
  std::shared_ptr<void> last(nullptr, [&](void*) { loop.post([&ran] { ++ran; }); });
  loop.post([&ran, held = std::move(last)] { ++ran; });
  loop.after(Millis(1), [&ran] { ++ran; });
  loop.drop();
  timeline.run_for(Millis(100));
  EXPECT_EQ(ran, 0);
  loop.post([&ran] { ++ran; });
  timeline.run_for(Millis(4));
  EXPECT_EQ(ran, 0) << "the loop's pace";
  timeline.run_for(Millis(1));
  EXPECT_EQ(ran, 1);
}

TEST(Timeline, ends_when_a_task_never_lets_time_pass) {
  Timeline timeline(1, true);
  SimulatedLoop& loop = timeline.add_loop();
  std::function<void()> again = [&] { loop.after(Millis(0), again); };
  loop.after(Millis(50), again);
  timeline.run_for(Millis(49));
  EXPECT_FALSE(timeline.stuck());
  timeline.run_for(Millis(1));
  EXPECT_TRUE(timeline.stuck());
  EXPECT_LE(timeline.tasks(), Timeline::kMomentMax + 1);
}

}  // namespace
}  // namespace trunkline::simulation
