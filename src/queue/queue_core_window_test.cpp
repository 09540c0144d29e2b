#include <gtest/gtest.h>

#include "queue/queue_core_world_test.hpp"

namespace trunkline::queue {
namespace {

using namespace core_model;
using std::chrono::hours;
using std::chrono::seconds;

engine::QueueSpec ten_seconds() {
  engine::QueueSpec spec = fifo();
  spec.event_time_window = seconds(10);
  return spec;
}

class Windowed : public testing::Test {
 protected:
  // Accepted now, happened `ago` before.
  void add(base::Millis ago, std::uint64_t group = 1) {
    const std::int64_t accepted = millis(world.clock.wall());
    world.log.push_back({{world.log.size() + 1}, {group}, accepted, 10, accepted - ago.count()});
  }
  // Scanned as it is heard of.
  void hear(base::Millis ago, std::uint64_t group = 1) {
    world.core->stands_at_end(true, world.now());
    add(ago, group);
    world.core->scan(world.log.back(), world.now());
  }
  void scan_all() {
    while (world.core->scanned().value < world.log.size())
      world.core->scan(world.log[world.core->scanned().value], world.now());
  }
  void pass(base::Millis time) {
    world.clock.advance(time);
    world.core->tick(world.now());
    world.flush();
  }
  // What goes out now, delivered.
  std::vector<std::uint64_t> take() {
    std::vector<std::uint64_t> taken;
    for (;;) {
      world.receive(100, 100);
      if (world.open.empty()) return taken;
      for (const LeaseDraft& draft : world.open) {
        for (const LeasedItem& item : draft.items) taken.push_back(item.sequence.value);
      }
      while (!world.open.empty()) world.settle([](const LeasedItem&) { return Fate::delivered; });
      world.load();
    }
  }
  using Order = std::vector<std::uint64_t>;

  World world{ten_seconds(), 1};
};

TEST_F(Windowed, an_end_that_came_before_its_start_waits_for_it_up_to_the_window) {
  hear(seconds(1));
  pass(seconds(4));
  hear(seconds(6));
  ASSERT_TRUE(world.core->next_deadline());
  EXPECT_EQ(*world.core->next_deadline(), world.clock.mono() + seconds(6)) << "of the first of them";
  pass(base::Millis(5'999));
  EXPECT_EQ(take(), Order());
  pass(base::Millis(1));
  EXPECT_EQ(take(), (Order{2, 1})) << "the earlier one goes with it";
  EXPECT_FALSE(world.core->next_deadline());
}

TEST_F(Windowed, of_one_time_the_sequence_decides_and_lanes_do_not_wait_for_each_other) {
  hear(seconds(3), 1);
  hear(seconds(3), 1);
  pass(seconds(5));
  hear(seconds(9), 2);
  pass(seconds(5));
  EXPECT_EQ(take(), (Order{1, 2}));
  pass(seconds(5));
  EXPECT_EQ(take(), (Order{3}));
}

TEST_F(Windowed, what_comes_after_its_window_goes_behind_at_once_and_is_marked_over_a_crash) {
  hear(seconds(1));
  pass(seconds(10));
  EXPECT_EQ(take(), (Order{1}));
  world.flush();
  world.crash();
  EXPECT_EQ(world.core->lanes(), 0u);
  hear(seconds(20));
  hear(seconds(1));
  world.flush();
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  ASSERT_EQ(world.open[0].items.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 2u);
  EXPECT_TRUE(world.open[0].items[0].late);
  EXPECT_EQ(world.core->late(), 1u);
  world.flush();
  world.crash();
  world.load();
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_TRUE(world.open[0].items[0].late) << "the mark is part of the row";
}

TEST_F(Windowed, nothing_goes_out_before_its_place_is_on_disk) {
  hear(seconds(1));
  world.clock.advance(seconds(10));
  world.core->tick(world.now());
  EXPECT_EQ(take(), Order());
  EXPECT_TRUE(world.core->dirty());
  world.flush();
  EXPECT_EQ(take(), (Order{1}));
}

TEST_F(Windowed, a_place_holds_after_a_crash_whatever_comes_then) {
  hear(seconds(1));  // 1
  hear(seconds(5));  // 2
  pass(seconds(10));
  hear(seconds(3));  // 3, in the window when the process dies
  world.flush();
  world.crash();
  hear(seconds(14));  // 4, between 2 and 1 by its time
  world.flush();
  world.load();
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  std::vector<std::uint64_t> order;
  for (const LeasedItem& item : world.open[0].items) order.push_back(item.sequence.value);
  EXPECT_EQ(order, (Order{2, 1, 4}));
  EXPECT_EQ(world.core->in_window(), 1u);
  EXPECT_EQ(world.disk.list('S').size(), 3u);
}

TEST_F(Windowed, a_backlog_is_sorted_by_the_times_of_its_acceptance_and_waits_for_nothing) {
  add(seconds(1));  // 1
  world.clock.advance(seconds(4));
  add(seconds(7));  // 2: before 1, in its window
  world.clock.advance(seconds(8));
  add(seconds(2));   // 3: 1 is due
  add(seconds(20));  // 4: late
  world.clock.advance(hours(4));
  scan_all();
  world.flush();
  EXPECT_EQ(take(), (Order{2, 1, 4}));
  world.core->stands_at_end(true, world.now());
  world.flush();
  EXPECT_EQ(take(), (Order{3})) << "hours have passed since";
}

TEST_F(Windowed, a_clock_that_jumps_lets_nothing_go_early_and_holds_nothing_longer) {
  for (const base::Millis jump : {base::Millis(hours(3)), -base::Millis(hours(5))}) {
    const std::uint64_t next = world.log.size() + 1;
    hear(seconds(1), next);
    world.clock.jump_wall(jump);
    hear(seconds(1), next + 1);
    pass(base::Millis(9'999));
    EXPECT_EQ(take(), Order());
    pass(base::Millis(1));
    EXPECT_EQ(take().size(), 2u);
  }
  // In a backlog a jump forward is time that has passed, and one back is none.
  add(seconds(1), 5);
  world.clock.jump_wall(-hours(1));
  add(seconds(1), 6);
  world.clock.advance(seconds(11));
  add(seconds(1), 7);
  world.core->stands_at_end(false, world.now());
  scan_all();
  world.flush();
  EXPECT_EQ(take().size(), 2u);
  world.core->stands_at_end(true, world.now());
  pass(seconds(10));
  EXPECT_EQ(take().size(), 1u);
}

TEST_F(Windowed, a_full_window_lets_the_earliest_go_and_stops_nothing) {
  for (std::uint64_t i = 1; i <= 100; ++i) {
    hear(seconds(1), i);
    world.flush();
    EXPECT_LE(world.core->outstanding(), 30u);
    if (i % 5 == 0) take();
    ASSERT_TRUE(world.core->wants_scan()) << i;
  }
  EXPECT_EQ(world.core->in_window(), 30u);
  EXPECT_EQ(world.core->left_early(), 70u);
  EXPECT_EQ(world.core->late(), 0u);
}

TEST_F(Windowed, a_consumer_that_takes_nothing_stops_the_scan_and_memory_stays_within_bounds) {
  for (std::uint64_t i = 1; i <= 500; ++i) {
    add(seconds(1), i % 7);
    world.clock.advance(seconds(1));
  }
  for (int i = 0; i < 20; ++i) {
    world.scan();
    world.flush();
  }
  EXPECT_FALSE(world.core->wants_scan());
  EXPECT_LT(world.core->scanned().value, 60u);
  world.drain();
  EXPECT_EQ(world.core->totals().settled, 500u);
}

TEST_F(Windowed, a_busy_lane_goes_on_while_others_of_it_leave) {
  for (int i = 0; i < 50; ++i) {
    hear(seconds(1));
    world.clock.advance(seconds(1));
    world.core->tick(world.now());
    // Something leaves in each delta; what left in the one before goes out.
    const std::uint64_t delta = world.core->delta_id();
    world.disk.apply(world.core->take_delta());
    hear(seconds(1));
    world.clock.advance(seconds(1));
    world.core->tick(world.now());
    world.core->committed(delta);
    EXPECT_EQ(take().empty(), i < 5) << i;
  }
}

TEST_F(Windowed, a_parked_lane_keeps_the_places_of_what_leaves_and_its_redrive_comes_first) {
  hear(seconds(1));
  hear(seconds(2));
  pass(seconds(10));
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::park; });
  world.flush();
  EXPECT_EQ(world.core->totals().parked, 1u);
  hear(seconds(1));  // 3
  hear(seconds(5));  // 4
  pass(seconds(10));
  EXPECT_EQ(take(), Order());
  world.crash();
  world.for_each_dead_letter([&](Sequence sequence, const DeadLetterEntry& entry) {
    EXPECT_EQ(sequence.value, 2u);
    EXPECT_TRUE(world.core->redrive(sequence, entry));
  });
  world.flush();
  EXPECT_EQ(take(), (Order{2, 1, 4, 3}));
  world.flush();
  for (const char list : {'R', 'S', 'D', 'L'}) EXPECT_TRUE(world.disk.list(list).empty()) << list;
}

TEST_F(Windowed, a_skipped_event_is_redriven_to_its_place) {
  hear(seconds(1));  // 1
  hear(seconds(2));  // 2
  hear(seconds(3));  // 3
  pass(seconds(10));
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::skip; });
  world.for_each_dead_letter(
      [&](Sequence sequence, const DeadLetterEntry& entry) { EXPECT_TRUE(world.core->redrive(sequence, entry)); });
  world.flush();
  EXPECT_EQ(take(), (Order{3, 2, 1}));
}

TEST_F(Windowed, an_event_in_its_window_says_until_when) {
  hear(seconds(1));
  hear(seconds(2));
  const auto place = world.core->place({1}, {1});
  ASSERT_TRUE(place);
  EXPECT_EQ(place->before, 1u);
  EXPECT_EQ(place->window_ends_ms, world.log[0].accepted_ms + 10'000);
  pass(seconds(10));
  ASSERT_TRUE(world.core->place({1}, {1}));
  EXPECT_FALSE(world.core->place({1}, {1})->window_ends_ms);
  EXPECT_EQ(world.core->place({1}, {1})->before, 1u);
}

TEST_F(Windowed, what_expires_in_its_window_is_counted_once_and_the_lane_goes_on) {
  hear(seconds(1));
  hear(seconds(2));
  hear(seconds(0));
  EXPECT_EQ(world.core->expire_outstanding(millis(world.clock.wall()) + 1, 2), 2u);
  world.flush();
  EXPECT_EQ(world.core->totals().expired, 2u);
  EXPECT_EQ(world.core->totals().rows, 0u);
  EXPECT_EQ(world.disk.list('O').size(), 2u);
  pass(seconds(10));
  EXPECT_EQ(take(), (Order{3}));
  EXPECT_EQ(world.core->totals().settled, 3u);
}

TEST_F(Windowed, a_window_that_goes_lets_all_out_in_order_and_one_that_comes_moves_nothing_that_was_sent) {
  hear(seconds(1));
  hear(seconds(2));
  world.change_window(base::Millis(0), false);
  hear(seconds(9));  // 3: by sequence now
  EXPECT_EQ(take(), Order()) << "it is not on disk that there is no window any more";
  world.flush();
  EXPECT_EQ(take(), (Order{2, 1, 3}));
  EXPECT_TRUE(world.disk.list('W').empty() || (world.flush(), world.disk.list('W').empty()));
  hear(seconds(1));  // 4
  hear(seconds(9));  // 5
  world.receive(10, 10);
  ASSERT_EQ(world.open.at(0).items.size(), 2u);
  world.change_window(seconds(10), false);
  hear(seconds(30));  // 6
  world.flush();
  world.crash();
  world.core->stands_at_end(true, world.now());
  pass(seconds(20));
  EXPECT_EQ(take(), (Order{4, 5, 6}));
}

TEST(LeftWindows, forgets_the_lanes_that_nothing_has_left_for_longest) {
  LeftWindows left(3);
  const auto note = [&](std::uint64_t group, std::int64_t at) { return left.note({{1}, {group}, 0, 0, at}); };
  for (const std::uint64_t group : {1, 2, 3}) EXPECT_FALSE(note(group, 100).forgotten);
  EXPECT_EQ(note(1, 50).left.event_ms, 100) << "what is late moves nothing";
  EXPECT_EQ(note(4, 100).forgotten->value, 2u) << "1 was seen since";
  EXPECT_EQ(left.size(), 3u);
  EXPECT_TRUE(left.is_late({{1}, {1}, 0, 0, 99}));
  EXPECT_FALSE(left.is_late({{1}, {2}, 0, 0, 99}));
  EXPECT_FALSE(left.is_late({{2}, {1}, 0, 0, 100})) << "at the same time the sequence decides";
}

}  // namespace
}  // namespace trunkline::queue
