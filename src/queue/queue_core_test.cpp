#include "queue/queue_core.hpp"

#include <gtest/gtest.h>

#include "queue/queue_core_world_test.hpp"

namespace trunkline::queue {
namespace {

using namespace core_model;

// What only an event-time window makes interesting: clocks that jump, expiry within it, and that it comes and goes.
void window_step(World& world) {
  const auto dice = world.random() % 200;
  if (dice < 2) {
    const auto hour = std::chrono::hours(1);
    world.clock.jump_wall(dice == 0 ? hour : -hour);
  } else if (dice < 6 && world.core->oldest_outstanding_ms()) {
    world.expires = true;
    world.core->expire_outstanding(*world.core->oldest_outstanding_ms() + 5, 3);
  } else if (dice < 10 && world.toggles) {
    world.change_window(base::Millis(world.random() % 3 * 30), dice % 2 == 0);
  }
}

void random_steps(World& world, bool skips, int steps) {
  for (int step = 0; step < steps; ++step) {
    switch (world.random() % (world.windows || world.toggles ? 15 : 14)) {
      case 0:
      case 1:
      case 2:
        world.append(12);
        break;
      case 3:
        world.scan();
        break;
      case 4:
        world.receive(world.random() % 8 + 1, world.random() % 3 + 1);
        break;
      case 5:
      case 6:
        world.settle([&](const LeasedItem&) { return any_fate(world.random, skips); });
        break;
      case 7:
        world.clock.advance(base::Millis(world.random() % 40));
        world.core->tick(world.now());
        break;
      case 8:
        world.flush();
        break;
      case 9:
        if (world.random() % 10 == 0) world.crash();
        break;
      case 10:
        if (world.random() % 20 == 0) {
          world.for_each_dead_letter([&](Sequence sequence, const DeadLetterEntry& entry) {
            if (entry.parked || skips) world.core->redrive(sequence, entry);
          });
        }
        break;
      case 11:
        world.load();
        break;
      case 12: {
        const base::OperationId operation{world.random() % World::kOperations + 1};
        if (world.random() % 10 != 0 || world.retired.contains(operation.value)) break;
        if (operation.value % 2 == 0) {
          world.replay_step(operation);
        } else {
          world.redrive_step(operation, skips);
        }
        break;
      }
      case 13:
        if (world.random() % 300 == 0) {
          const std::uint64_t operation = world.random() % World::kOperations + 1;
          world.core->end_operation({operation}, world.random() % 2 == 0);
          world.retired.insert(operation);
        } else if (world.random() % 40 == 0) {
          world.for_each_dead_letter([&](Sequence sequence, const DeadLetterEntry& entry) {
            if (world.random() % 3 == 0) world.core->edit(sequence, entry, "another body");
          });
        }
        break;
      case 14:
        window_step(world);
        break;
    }
  }
}

struct Case {
  const char* name;
  engine::QueueSpec spec;
  bool skips;
  bool toggles = false;  // the event-time window comes and goes
};
class QueueCoreModel : public testing::TestWithParam<Case> {};

TEST_P(QueueCoreModel, everything_accepted_is_delivered_in_order_through_crashes_and_dead_letters) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    World world(GetParam().spec, seed);
    world.slow_reads = true;
    if (GetParam().toggles) world.change_window(base::Millis(30), false);
    random_steps(world, GetParam().skips, 1'500);
    if (world.random() % 2 == 0) world.crash();
    world.drain();
    ASSERT_EQ(world.core->totals().settled, world.log.size())
        << "rows " << world.core->totals().rows << " outstanding " << world.core->outstanding() << " ready "
        << world.core->has_ready();
    ASSERT_EQ(world.core->totals().rows, 0u);
    ASSERT_EQ(world.core->totals().parked, 0u);
    ASSERT_EQ(world.core->in_flight(), 0u);
    ASSERT_EQ(world.disk.list('R').size(), 0u);
    ASSERT_EQ(world.disk.list('S').size(), 0u);
    for (std::uint64_t i = 1; i <= World::kOperations; ++i) {
      const auto recorded = world.operation_on_disk({i});
      if (!recorded) continue;
      ASSERT_EQ(recorded->tally.open(), 0u) << "operation " << i;
      ASSERT_TRUE(recorded->outstanding.empty());
      ASSERT_EQ(recorded->tally.failed == 0, recorded->tally.last_failed.empty());
      if (!recorded->replay) continue;
      std::uint64_t delivered = 0;
      for (const auto& [lane, sequences] : world.replayed) delivered += lane.first == i ? sequences.size() : 0;
      // What failed or was withdrawn after a crash had forgotten its delivery is counted there.
      ASSERT_GE(delivered, recorded->tally.delivered);
      ASSERT_LE(delivered, recorded->tally.given);
    }
    // A body that replaces another lives as long as the dead letter or the row it belongs to.
    std::set<std::uint64_t> edited;
    for (const auto& [key, value] : world.disk.list('D')) {
      if (decode_dead_letter(value)->row.edited) edited.insert(sequence_of(key).value);
    }
    ASSERT_EQ(world.disk.list('E').size(), edited.size());
    for (const auto& [key, value] : world.disk.list('E')) ASSERT_TRUE(edited.contains(sequence_of(key).value));
    // Delivered or dead-lettered; both, where a crash forgot the delivery and the repeat was skipped.
    std::set<std::uint64_t> ended = world.seen;
    for (const char list : {'D', 'O'}) {
      for (const auto& [key, value] : world.disk.list(list)) ended.insert(sequence_of(key).value);
    }
    ASSERT_EQ(world.disk.list('D').size(), world.core->totals().dead_letters);
    ASSERT_EQ(ended.size(), world.log.size());
    if (world.windows) {
      ASSERT_GT(world.moved, 0u);
      ASSERT_GT(world.late, 0u);
    }
    if (GetParam().skips) continue;
    for (const auto& [group, lane] : world.delivered_by_group) {
      std::vector<std::uint64_t> accepted;
      for (const Scanned& event : world.log) {
        const bool expired = world.disk.has(by_sequence_key(kQueue, 'O', event.sequence));
        if (event.group.value == group && !expired) accepted.push_back(event.sequence.value);
      }
      std::vector<std::uint64_t> once;
      for (const std::uint64_t sequence : accepted) {
        if (world.seen.contains(sequence)) once.push_back(sequence);
      }
      ASSERT_EQ(once, accepted);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(all, QueueCoreModel,
                         testing::Values(Case{"fifo_park", fifo(), false}, Case{"fifo_skip", fifo(), true},
                                         Case{"standard_skip", standard(), true},
                                         Case{"pulled_fifo", pulled(fifo()), false},
                                         Case{"pulled_standard", pulled(standard()), true},
                                         Case{"windowed_park", windowed(fifo()), false},
                                         Case{"windowed_skip", windowed(fifo()), true},
                                         Case{"windowed_pulled", pulled(windowed(fifo())), false},
                                         Case{"window_comes_and_goes", fifo(), true, true},
                                         Case{"window_comes_and_goes_pulled", pulled(fifo()), false, true}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(QueueCore, a_failed_event_blocks_its_lane_alone) {
  World world(fifo(), 1);
  for (const std::uint64_t group : {1, 2, 1, 2}) {
    world.log.push_back({{world.log.size() + 1}, {group}, world.clock.wall().time_since_epoch().count(), 10});
  }
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::retry; });
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 2u);
  EXPECT_EQ(world.open[0].items[1].sequence.value, 4u);
}

TEST(QueueCore, what_is_scanned_and_waits_is_no_reason_to_write_and_is_scanned_again_after_a_crash) {
  World world(fifo(), 1);
  world.append(1);
  world.append(1);
  world.scan();
  EXPECT_FALSE(world.core->dirty());
  EXPECT_TRUE(world.core->moved());
  world.crash();
  EXPECT_EQ(world.core->scanned().value, 0u);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::delivered; });
  EXPECT_TRUE(world.core->dirty());
  world.flush();
  world.crash();
  EXPECT_EQ(world.core->scanned().value, 1u) << "what only waits behind what was settled is not named";
  EXPECT_EQ(world.core->outstanding(), 0u);
  world.drain();
  EXPECT_EQ(world.core->totals().settled, 2u);
}

TEST(QueueCore, what_waits_before_a_settled_one_is_named_and_what_waits_behind_it_is_not) {
  World world(fifo(), 1);
  constexpr std::uint64_t kEvents = 30;
  for (std::uint64_t i = 1; i <= kEvents; ++i)
    world.log.push_back({{i}, {i}, world.clock.wall().time_since_epoch().count(), 10});
  world.scan();
  world.receive(3, 1);
  ASSERT_EQ(world.open.size(), 3u);
  world.open.erase(world.open.begin(), world.open.begin() + 2);  // the first two stay in flight
  world.settle([](const LeasedItem&) { return Fate::delivered; });
  world.flush();
  const CursorRecord cursor = *decode_cursor(*world.disk.get(cursor_key(kQueue)));
  EXPECT_EQ(cursor.scanned.value, 3u);
  EXPECT_EQ(cursor.outstanding, (std::vector<Sequence>{{1}, {2}}));
  world.crash();
  EXPECT_EQ(world.core->outstanding(), 2u);
  world.drain();
  EXPECT_EQ(world.core->totals().settled, kEvents);
}

// Ten lanes fail with as many events behind them as their number says, one more is parked with none.
TEST(QueueCore, the_lanes_that_hold_up_most_are_told_however_many_there_are) {
  World world(fifo(), 1);
  constexpr std::uint64_t kLanes = 300;
  for (std::uint64_t group = 1; group <= kLanes; ++group) {
    for (std::uint64_t i = 0; i <= (group > kLanes - 12 ? group : 0); ++i)
      world.log.push_back({{world.log.size() + 1}, {group}, world.clock.wall().time_since_epoch().count(), 10});
  }
  for (int round = 0; round < 100 && world.core->totals().parked + world.core->backing_off() < kLanes; ++round) {
    world.scan();
    world.receive(1'000, 1);
    for (LeaseDraft& lease : std::exchange(world.open, {})) {
      const bool parked = world.log[lease.items[0].sequence.value - 1].group.value % 2 == 0;
      world.open.push_back(std::move(lease));
      world.settle([&](const LeasedItem&) { return parked ? Fate::park : Fate::retry; });
    }
    world.flush();
  }
  ASSERT_EQ(world.core->totals().parked + world.core->backing_off(), kLanes);
  world.scan();
  int calls = 1;
  while (!world.core->sweep_blockers(16)) ++calls;
  EXPECT_GT(calls, 10) << "a look is bounded";
  const auto& blockers = world.core->blockers();
  ASSERT_EQ(blockers.size(), engine::kBlockersMax);
  for (std::size_t i = 0; i < blockers.size(); ++i) {
    EXPECT_EQ(blockers[i].group.value, kLanes - i);
    EXPECT_EQ(blockers[i].parked, (kLanes - i) % 2 == 0);
    EXPECT_EQ(blockers[i].behind, kLanes - i);
    EXPECT_EQ(world.log[blockers[i].head.value - 1].group, blockers[i].group);
    EXPECT_EQ(blockers[i].error_class, "test");
    EXPECT_EQ(blockers[i].next.has_value(), !blockers[i].parked);
  }
  world.drain();
  while (!world.core->sweep_blockers(1'000)) {
  }
  EXPECT_TRUE(world.core->blockers().empty()) << "what goes on is no blocker any more";
}

TEST(QueueCore, a_delivery_is_counted_with_its_age) {
  World world(pulled(fifo()), 1);
  world.append(1);
  world.scan();
  world.clock.advance(base::Millis(700));
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::delivered; });
  const engine::RecentDeliveries recent = world.core->window().minute(world.clock.mono());
  EXPECT_EQ(recent.delivered, 1u);
  EXPECT_GE(*recent.p50, base::Millis(700));
  EXPECT_LE(*recent.p50, base::Millis(790));
}

TEST(QueueCore, attempts_and_the_blocked_lane_survive_a_crash) {
  World world(fifo(), 1);
  world.append(1);
  world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::retry; });
  world.flush();
  world.crash();
  EXPECT_EQ(world.core->backing_off(), 1u);
  world.clock.advance(base::Millis(100));
  world.core->tick(world.now());
  world.load();
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].attempts, 1u);
  EXPECT_EQ(world.open[0].items.size(), 2u);
}

TEST(QueueCore, a_row_that_comes_to_the_disk_while_its_lane_is_read_is_not_forgotten) {
  World world(fifo(), 1);
  for (int i = 0; i < 2; ++i) world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::retry; });
  world.flush();
  world.crash();
  world.clock.advance(base::Millis(100));
  world.core->tick(world.now());
  const auto load = world.core->next_load();
  ASSERT_TRUE(load);
  bool ended = false;
  const auto rows = world.disk.rows(load->group, load->after, load->limit, ended);
  ASSERT_TRUE(ended);
  world.append(1);
  world.scan();
  const std::uint64_t id = world.core->delta_id();
  world.disk.apply(world.core->take_delta());
  world.core->committed(id);
  world.core->loaded(load->group, rows, ended);
  EXPECT_EQ(world.core->totals().rows, 3u);
  world.drain();
  EXPECT_EQ(world.delivered_by_group.begin()->second, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE(world.disk.list('R').empty());
}

// Until its removal is on disk the row could be read once more: the event would come again, then be swept under it.
TEST(QueueCore, a_purged_head_is_not_read_again_by_the_lane_that_goes_on) {
  World world(fifo(), 1);
  for (int i = 0; i < 3; ++i) world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::park; });
  world.flush();
  world.crash();
  world.for_each_dead_letter(
      [&](Sequence sequence, const DeadLetterEntry& entry) { EXPECT_TRUE(world.core->purge(sequence, entry)); });
  EXPECT_FALSE(world.core->next_load());
  world.load();
  world.flush();
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  ASSERT_EQ(world.open[0].items.size(), 2u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 2u);
  EXPECT_EQ(world.core->totals().rows, 2u);
}

TEST(QueueCore, the_event_after_a_skipped_one_says_gap_before_even_when_it_comes_later) {
  World world(fifo(), 1);
  world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::skip; });
  world.flush();
  world.crash();
  world.append(1);
  world.scan();
  world.receive(1, 1);
  ASSERT_EQ(world.open.size(), 1u);
  ASSERT_TRUE(world.open[0].items[0].gap_before.has_value());
  EXPECT_EQ(world.open[0].items[0].gap_before->value, 1u);
}

TEST(QueueCore, a_redriven_skipped_event_goes_before_what_waits_in_its_lane) {
  World world(fifo(), 1);
  for (int i = 0; i < 3; ++i) world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::skip; });
  world.for_each_dead_letter(
      [&](Sequence sequence, const DeadLetterEntry& entry) { world.core->redrive(sequence, entry); });
  world.receive(10, 10);
  EXPECT_TRUE(world.open.empty()) << "not before the redrive is on disk";
  world.flush();
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  ASSERT_EQ(world.open[0].items.size(), 3u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 1u);
  EXPECT_TRUE(world.open[0].items[0].redriven);
  EXPECT_FALSE(world.open[0].items[0].gap_before.has_value());
}

TEST(QueueCore, a_redriven_parked_event_is_marked_even_after_a_restart) {
  World world(fifo(), 1);
  for (int i = 0; i < 3; ++i) world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::park; });
  world.flush();
  world.crash();
  world.for_each_dead_letter(
      [&](Sequence sequence, const DeadLetterEntry& entry) { world.core->redrive(sequence, entry); });
  world.flush();
  world.crash();
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  ASSERT_EQ(world.open[0].items.size(), 3u);
  EXPECT_TRUE(world.open[0].items[0].redriven);
  EXPECT_FALSE(world.open[0].items[1].redriven);
}

TEST(QueueCore, a_redriven_parked_event_of_a_pulled_queue_is_given_out_again) {
  engine::QueueSpec spec = pulled(fifo());
  spec.max_receive_count = 1;
  spec.park_on_max_receive = true;
  World world(spec, 1);
  for (int i = 0; i < 2; ++i) world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::release; });
  world.receive(1, 1);
  EXPECT_TRUE(world.open.empty());
  world.flush();
  ASSERT_EQ(world.disk.list('D').size(), 1u);
  world.for_each_dead_letter(
      [&](Sequence sequence, const DeadLetterEntry& entry) { world.core->redrive(sequence, entry); });
  world.flush();
  world.receive(1, 1);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 1u);
  EXPECT_EQ(world.open[0].items[0].receive_count, 1u);
}

TEST(QueueCore, fates_that_would_overtake_are_refused) {
  World world(fifo(), 1);
  for (int i = 0; i < 2; ++i) world.append(1);
  world.scan();
  world.receive(10, 10);
  std::vector<MessageFate> fates(2);
  fates[0].fate = Fate::retry;
  fates[1].fate = Fate::delivered;
  EXPECT_EQ(world.core->settle(world.open[0].id, fates, world.now()).error().code, base::Errc::invalid);
  fates[1].fate = Fate::release;
  EXPECT_TRUE(world.core->settle(world.open[0].id, fates, world.now()).ok());
}

TEST(QueueCore, a_slow_lane_with_many_followers_does_not_stop_the_others) {
  World world(fifo(), 1);
  const auto add = [&](std::uint64_t group) {
    world.log.push_back({{world.log.size() + 1}, {group}, world.clock.wall().time_since_epoch().count(), 10});
  };
  for (int i = 0; i < 500; ++i) add(1);
  add(2);
  world.scan();
  world.receive(1, 1);  // the first of lane 1 hangs
  for (int i = 0; i < 20; ++i) {
    world.scan();
    world.flush();
  }
  world.receive(1, 1);
  ASSERT_EQ(world.open.size(), 2u);
  EXPECT_EQ(world.open[1].items[0].sequence.value, 501u);
}

TEST(QueueCore, what_is_older_than_max_wait_expires_and_frees_its_lane) {
  engine::QueueSpec spec = fifo();
  spec.max_wait = std::chrono::minutes(1);
  World world(spec, 1);
  for (int i = 0; i < 3; ++i) world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::park; });
  world.flush();
  world.clock.advance(std::chrono::minutes(2));
  world.append(1);
  world.scan();
  for (const auto& [key, value] : world.disk.list('S')) {
    const RowPlace place = *decode_place(value);
    if (place.accepted_ms < world.now().wall.time_since_epoch().count() - 60'000) {
      EXPECT_TRUE(world.core->expire_row(sequence_of(key), place));
    }
  }
  world.flush();
  EXPECT_EQ(world.core->totals().expired, 3u);
  EXPECT_EQ(world.core->totals().parked, 0u);
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 4u);
}

// What was read from the disk may be older than what has been done since.
TEST(QueueCore, a_row_that_has_expired_and_is_read_again_before_it_is_gone_takes_no_other_with_it) {
  World world(fifo(), 1);
  world.append(1);
  world.scan();
  world.receive(1, 1);
  world.settle([](const LeasedItem&) { return Fate::park; });
  for (int i = 0; i < 2; ++i) world.append(1);
  world.scan();
  world.flush();
  const auto rows = world.disk.list('S');
  ASSERT_EQ(rows.size(), 3u);
  const auto expire = [&](std::size_t row) {
    return world.core->expire_row(sequence_of(rows[row].first), *decode_place(rows[row].second));
  };
  EXPECT_FALSE(world.core->has_expired());
  EXPECT_TRUE(expire(0)) << "the parked one, which is in memory";
  EXPECT_FALSE(expire(0));
  EXPECT_TRUE(expire(1)) << "one that is on disk alone";
  EXPECT_TRUE(world.core->has_expired()) << "until that is on disk nothing may be read to expire";
  world.flush();
  EXPECT_FALSE(world.core->has_expired());
  EXPECT_EQ(world.core->totals().expired, 2u);
  world.receive(10, 10);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 3u);
}

TEST(QueueCore, a_pulled_lease_survives_a_crash_and_ends_at_its_deadline) {
  World world(pulled(fifo()), 1);
  for (int i = 0; i < 2; ++i) world.append(1);
  world.scan();
  world.receive(1, 1);
  const std::uint64_t lease = world.open[0].id;
  world.flush();
  world.crash();
  world.receive(10, 10);
  EXPECT_TRUE(world.open.empty()) << "the lane is still leased";
  std::vector<MessageFate> fates(1);
  EXPECT_TRUE(world.core->settle(lease, fates, world.now()).ok()) << "the receipt holds after a restart";
  world.receive(1, 1);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].sequence.value, 2u);
  world.clock.advance(std::chrono::seconds(31));
  world.core->tick(world.now());
  world.flush();
  world.open.clear();
  world.receive(1, 1);
  ASSERT_EQ(world.open.size(), 1u);
  EXPECT_EQ(world.open[0].items[0].receive_count, 2u);
}

TEST(QueueCore, what_was_received_too_often_is_held_for_longer_than_the_visibility_timeout) {
  World world(pulled(fifo()), 1);
  world.append(1);
  world.scan();
  engine::ReceiveLimits limits;
  limits.visibility_timeout = std::chrono::seconds(1);
  limits.hold_beyond = 2;
  limits.hold = std::chrono::seconds(10);
  for (const int seconds : {1, 1, 10}) {
    const auto leased = world.core->lease(limits, world.now());
    ASSERT_EQ(leased.size(), 1u);
    EXPECT_EQ(leased[0].deadline, world.now().wall + std::chrono::seconds(seconds));
    world.clock.advance(std::chrono::seconds(seconds));
    world.core->tick(world.now());
    world.flush();
  }
}

// Rows are read in the order of the lane, in which what was redriven stands before what is leased.
class LeasedBehindRedriven : public testing::TestWithParam<bool> {
 protected:
  // Events 1 to 5 of a lane are dead letters and 6 is leased when they are redriven; then the process dies.
  LeasedBehindRedriven() {
    for (int i = 0; i < 8; ++i) world.append(1);
    world.scan();
    for (int i = 0; i < 5; ++i) {
      world.receive(1, 1);
      world.settle([](const LeasedItem&) { return Fate::skip; });
      world.flush();
    }
    world.receive(1, 1);
    lease = world.open.at(0).id;
    EXPECT_EQ(world.open[0].items[0].sequence.value, 6u);
    world.flush();
    if (GetParam()) world.crash();
    for (const auto& [key, value] : world.disk.list('D')) {
      EXPECT_TRUE(world.core->redrive(sequence_of(key), *decode_dead_letter(value)));
    }
    world.flush();
    world.crash();
    world.open.clear();
    world.load();
  }
  std::vector<std::uint64_t> drain() {
    std::vector<std::uint64_t> order;
    for (int i = 0; i < 20; ++i) {
      world.flush();
      world.receive(1, 1);
      for (const LeaseDraft& draft : std::exchange(world.open, {})) {
        for (const LeasedItem& item : draft.items) order.push_back(item.sequence.value);
        EXPECT_TRUE(world.core->settle(draft.id, std::vector<MessageFate>(draft.items.size()), world.now()).ok());
      }
    }
    return order;
  }
  World world{pulled(fifo()), 1};
  std::uint64_t lease = 0;
};

TEST_P(LeasedBehindRedriven, a_settle_after_a_restart_is_of_what_was_leased) {
  const auto settled = world.core->settle(lease, std::vector<MessageFate>(1), world.now());
  ASSERT_TRUE(settled.ok()) << settled.error().detail;
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 7, 8}));
  EXPECT_EQ(world.core->totals().rows, 0u);
}

TEST_P(LeasedBehindRedriven, a_lease_that_times_out_after_a_restart_leaves_the_lane_in_its_order) {
  world.clock.advance(std::chrono::seconds(31));
  world.core->tick(world.now());
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_P(LeasedBehindRedriven, one_given_back_after_a_restart_comes_behind_what_was_redriven) {
  std::vector<MessageFate> fates(1);
  fates[0].fate = Fate::retry;
  fates[0].delay = std::chrono::seconds(1);
  ASSERT_TRUE(world.core->settle(lease, fates, world.now()).ok());
  world.flush();
  world.clock.advance(std::chrono::seconds(2));
  world.core->tick(world.now());
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

INSTANTIATE_TEST_SUITE_P(, LeasedBehindRedriven, testing::Bool(), [](const auto& restarted) {
  return restarted.param ? "redriven_after_a_restart" : "redriven_before_it";
});

TEST(QueueCore, a_message_received_too_often_is_dead_lettered) {
  engine::QueueSpec spec = pulled(standard());
  spec.max_receive_count = 2;
  World world(spec, 1);
  world.append(1);
  world.scan();
  for (int i = 0; i < 3; ++i) {
    world.receive(1, 1);
    world.flush();
    world.open.clear();
    world.clock.advance(std::chrono::seconds(31));
    world.core->tick(world.now());
  }
  world.flush();
  EXPECT_EQ(world.core->totals().dead_letters, 1u);
  EXPECT_EQ(decode_dead_letter(world.disk.list('D')[0].second)->error_class, "max_receives");
}

}  // namespace
}  // namespace trunkline::queue
