#include "queue/queue_core.hpp"

#include <gtest/gtest.h>

#include "queue/queue_core_world_test.hpp"

namespace trunkline::queue {
namespace {

using namespace core_model;

TEST(QueueCore, a_replay_and_live_events_of_a_group_take_turns_and_are_never_in_flight_at_once) {
  World world(fifo(), 1);
  for (int i = 0; i < 4; ++i) world.append(1);
  world.scan();
  world.receive(2, 2);
  world.settle([](const LeasedItem&) { return Fate::delivered; });
  world.flush();
  ASSERT_TRUE(world.core->begin_operation({9}, true));
  for (const std::uint64_t sequence : {1, 2}) world.core->replay({9}, world.log[sequence - 1]);
  world.core->reached({9}, {2}, 0);
  std::vector<std::pair<std::uint64_t, bool>> order;
  world.receive(1, 1);
  EXPECT_FALSE(world.open.at(0).items[0].replay.value != 0) << "not before the replay is on disk";
  world.flush();
  for (int i = 0; i < 4; ++i) {
    world.receive(10, 1);
    ASSERT_EQ(world.open.size(), 1u) << "one lease of the group";
    EXPECT_EQ(world.open[0].group, world.log[0].group) << "sinks know one lane";
    order.emplace_back(world.open[0].items[0].sequence.value, world.open[0].items[0].replay.value == 9);
    world.settle([](const LeasedItem&) { return Fate::delivered; });
  }
  EXPECT_EQ(order, (std::vector<std::pair<std::uint64_t, bool>>{{3, false}, {1, true}, {4, false}, {2, true}}));
  EXPECT_EQ(world.core->operation({9})->tally.delivered, 2u);
  EXPECT_EQ(world.core->lanes(), 0u);
}

TEST(QueueCore, a_replayed_event_that_fails_for_good_is_counted_and_is_no_dead_letter) {
  World world(fifo(), 1);
  world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::delivered; });
  world.flush();
  ASSERT_TRUE(world.core->begin_operation({9}, true));
  world.core->replay({9}, world.log[0]);
  world.flush();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::retry; });
  EXPECT_EQ(world.core->replays().backing_off, 1u);
  world.clock.advance(base::Millis(100));
  world.core->tick(world.now());
  world.receive(1, 1);
  EXPECT_EQ(world.open.at(0).items[0].attempts, 1u);
  world.settle([](const LeasedItem&) { return Fate::park; });
  world.flush();
  const StoredOperation stored = *world.operation_on_disk({9});
  EXPECT_EQ(stored.tally.failed, 1u);
  EXPECT_EQ(stored.tally.error_class, "test");
  EXPECT_EQ(stored.tally.last_failed, (std::vector<Sequence>{{1}}));
  EXPECT_TRUE(world.disk.list('D').empty());
  EXPECT_EQ(world.core->totals().parked, 0u);
}

TEST(QueueCore, what_a_replay_has_given_is_given_again_after_a_crash_and_taken_back_by_its_end) {
  World world(standard(), 1);
  for (int i = 0; i < 5; ++i) world.append(1);
  world.scan();
  world.receive(10, 1);
  while (!world.open.empty()) world.settle([](const LeasedItem&) { return Fate::delivered; });
  world.flush();
  ASSERT_TRUE(world.core->begin_operation({9}, true));
  for (const Scanned& event : world.log) world.core->replay({9}, event);
  world.flush();
  world.receive(1, 1);
  world.crash();
  EXPECT_EQ(world.core->replays().waiting, 5u);
  world.core->replay({9}, world.log[2]);
  EXPECT_EQ(world.core->replays().waiting, 5u) << "a step that is repeated gives nothing twice";
  world.receive(1, 1);
  ASSERT_EQ(world.open.size(), 1u);
  world.core->end_operation({9}, true);
  EXPECT_EQ(world.core->replays().waiting, 1u) << "what is in flight stays";
  EXPECT_FALSE(world.core->begin_operation({9}, true)) << "it has ended";
  world.settle([](const LeasedItem&) { return Fate::delivered; });
  world.flush();
  EXPECT_TRUE(world.disk.list('P').empty()) << "it is forgotten when nothing of it is open";
  EXPECT_EQ(world.core->lanes(), 0u);
}

TEST(QueueCore, an_operation_redrives_nothing_twice_and_knows_what_failed_again) {
  for (const bool skips : {false, true}) {
    World world(fifo(), 1);
    for (const std::uint64_t group : {1, 2, 3}) world.log.push_back({{group}, {group}, 0, 10});
    for (Scanned& event : world.log) event.accepted_ms = world.now().wall.time_since_epoch().count();
    world.scan();
    world.receive(10, 1);
    while (!world.open.empty()) world.settle([&](const LeasedItem&) { return skips ? Fate::skip : Fate::park; });
    ASSERT_TRUE(world.core->begin_operation({5}, false));
    const auto redrive_all = [&] {
      int redriven = 0;
      world.for_each_dead_letter([&](Sequence sequence, const DeadLetterEntry& entry) {
        if (entry.row.operation.value != 5) redriven += world.core->redrive(sequence, entry, {5}) ? 1 : 0;
      });
      world.flush();
      return redriven;
    };
    EXPECT_EQ(redrive_all(), 3);
    world.crash();
    world.load();
    world.receive(10, 1);
    ASSERT_EQ(world.open.size(), 3u);
    while (!world.open.empty()) {
      world.settle([&](const LeasedItem& item) {
        if (item.sequence.value != 2) return Fate::delivered;
        return skips ? Fate::skip : Fate::park;
      });
    }
    EXPECT_EQ(redrive_all(), 0);
    const engine::OperationTally tally = world.operation_on_disk({5})->tally;
    EXPECT_EQ(tally.given, 3u);
    EXPECT_EQ(tally.delivered, 2u);
    EXPECT_EQ(tally.failed, 1u);
    EXPECT_EQ(tally.last_failed, (std::vector<Sequence>{{2}}));
    world.for_each_dead_letter(
        [&](Sequence sequence, const DeadLetterEntry& entry) { EXPECT_TRUE(world.core->purge(sequence, entry)); });
    EXPECT_EQ(world.core->operation({5})->tally.ended, 0u) << "it was counted as failed";
  }
}

}  // namespace
}  // namespace trunkline::queue
