#include "queue/queue_core.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::GroupKey;
using base::Sequence;
using engine::Fate;
using engine::MessageFate;

constexpr base::QueueId kQueue{7};

// The queue family as a plain map.
class Disk {
 public:
  void apply(const store::Batch& batch) {
    batch.visit([this](store::Batch::Kind kind, store::FamilyHandle, std::string_view key, std::string_view value) {
      if (kind == store::Batch::Kind::put) entries_[std::string(key)] = value;
      if (kind == store::Batch::Kind::remove) entries_.erase(std::string(key));
    });
  }
  std::vector<std::pair<std::string, std::string>> list(char list) const {
    std::vector<std::pair<std::string, std::string>> found;
    const std::string prefix = queue_prefix(kQueue, list);
    for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix); ++at)
      found.push_back(*at);
    return found;
  }
  std::vector<std::pair<Sequence, Row>> rows(GroupKey group, Sequence after, std::size_t limit, bool& ended) const {
    std::vector<std::pair<Sequence, Row>> found;
    const std::string prefix = lane_key(kQueue, group).replace(4, 1, "R");
    auto at = entries_.upper_bound(row_key(kQueue, group, after));
    for (; at != entries_.end() && at->first.starts_with(prefix) && found.size() < limit; ++at) {
      found.emplace_back(sequence_of(at->first), *decode_row(at->second));
    }
    ended = at == entries_.end() || !at->first.starts_with(prefix);
    return found;
  }

 private:
  std::map<std::string, std::string> entries_;
};

// A queue, its disk, a log, and what a downstream has seen.
class World {
 public:
  World(engine::QueueSpec spec, std::uint64_t seed) : random(seed), spec_(std::move(spec)) {
    options_.window = 40;  // small, so that spilling, listing and reading back happen all the time
    options_.row_chunk = 3;
    options_.blocked_keep = 2;
    begin();
  }

  Now now() const { return now_of(clock); }

  void append(std::size_t groups) {
    const Sequence sequence{log.size() + 1};
    const GroupKey group =
        spec_.order == event::Order::none ? GroupKey{sequence.value} : GroupKey{random() % groups + 1};
    log.push_back({sequence, group, clock.wall().time_since_epoch().count(), 100});
  }
  void scan() {
    while (core->wants_scan() && core->scanned().value < log.size()) core->scan(log[core->scanned().value], now());
    if (!core->wants_scan() && !core->has_ready()) core->spill();
  }
  // Reads what the core wants. With slow_reads some answers come only with the next call, after other things happened.
  void load() {
    for (const Read& read : std::exchange(reading, {})) core->loaded(read.group, read.rows, read.ended);
    while (const auto load = core->next_load()) {
      Read read;
      read.group = load->group;
      read.rows = disk.rows(load->group, load->after, load->limit, read.ended);
      if (slow_reads && random() % 2 == 0) {
        reading.push_back(std::move(read));
      } else {
        core->loaded(read.group, read.rows, read.ended);
      }
    }
  }
  void flush() {
    const std::uint64_t id = core->delta_id();
    disk.apply(core->take_delta());
    core->committed(id);
    load();
  }
  void crash() {
    open.clear();
    reading.clear();
    begin();
  }
  void begin() {
    core = std::make_unique<QueueCore>(kQueue, spec_, options_);
    CursorRecord cursor;
    for (const auto& [key, value] : disk.list('C')) cursor = *decode_cursor(value);
    std::vector<std::pair<GroupKey, LaneHeader>> lanes;
    for (const auto& [key, value] : disk.list('L'))
      lanes.emplace_back(GroupKey{sequence_of(key).value}, *decode_lane(value));
    std::vector<Scanned> outstanding;
    for (const Sequence sequence : cursor.outstanding) outstanding.push_back(log[sequence.value - 1]);
    core->restore(cursor, std::move(lanes), outstanding, now());
    for (const auto& [key, value] : disk.list('P')) {
      const StoredOperation stored = *decode_operation(value);
      std::vector<Scanned> named;
      for (const Sequence sequence : stored.outstanding) named.push_back(log[sequence.value - 1]);
      core->restore_operation({sequence_of(key).value}, stored, named);
    }
    load();
  }

  void receive(std::size_t messages, std::size_t per_group) {
    engine::ReceiveLimits limits;
    limits.max_messages = messages;
    limits.max_messages_per_group = per_group;
    for (LeaseDraft& draft : core->lease(limits, now())) {
      for (const LeasedItem& item : draft.items) {
        // Of a standard queue, too: a replayed event is not in flight beside its own live delivery.
        if (item.replay.value != 0) {
          const auto recorded = operation_on_disk(item.replay);
          EXPECT_TRUE(recorded && std::ranges::binary_search(recorded->outstanding, item.sequence))
              << item.sequence.value << " is replayed, and nothing on disk says so";
        }
        if (spec_.order == event::Order::none) continue;
        for (const LeaseDraft& other : open) {
          EXPECT_NE(log[other.items[0].sequence.value - 1].group, log[item.sequence.value - 1].group)
              << "two leases of one lane";
        }
      }
      open.push_back(std::move(draft));
    }
  }
  // Settles a random open lease; `fate_of` names the fate of each message.
  template <class FateOf>
  void settle(FateOf fate_of) {
    if (open.empty()) return;
    const std::size_t at = random() % open.size();
    const LeaseDraft draft = std::move(open[at]);
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    std::vector<MessageFate> fates;
    bool ended = false;
    for (const LeasedItem& item : draft.items) {
      MessageFate fate;
      fate.fate = ended ? Fate::release : fate_of(item);
      fate.delay = base::Millis(random() % 50);
      fate.attempts = item.attempts + 1;
      fate.error_class = "test";
      ended = ended || (spec_.order != event::Order::none && fate.fate != Fate::delivered);
      if (fate.fate == Fate::delivered) delivered(item);
      fates.push_back(fate);
    }
    const auto settled = core->settle(draft.id, fates, now());
    EXPECT_TRUE(settled.ok() || settled.error().code != base::Errc::invalid) << settled.error().detail;
  }
  void delivered(const LeasedItem& item) {
    if (item.replay.value != 0) {
      auto& lane = replayed[{item.replay.value, log[item.sequence.value - 1].group.value}];
      if (std::ranges::find(lane, item.sequence.value) != lane.end()) return;  // again, after a crash
      EXPECT_TRUE(lane.empty() || lane.back() < item.sequence.value) << "replayed out of order";
      lane.push_back(item.sequence.value);
      return;
    }
    if (!seen.insert(item.sequence.value).second) return;
    auto& lane = delivered_by_group[log[item.sequence.value - 1].group.value];
    if (!item.redriven) {
      EXPECT_TRUE(lane.empty() || lane.back() < item.sequence.value) << "out of order: " << item.sequence.value;
      lane.push_back(item.sequence.value);
    }
  }
  void for_each_dead_letter(const std::function<void(Sequence, const DeadLetterEntry&)>& action) {
    flush();
    for (const auto& [key, value] : disk.list('D')) action(sequence_of(key), *decode_dead_letter(value));
  }

  std::optional<StoredOperation> operation_on_disk(base::OperationId operation) const {
    for (const auto& [key, value] : disk.list('P')) {
      if (sequence_of(key).value == operation.value) return *decode_operation(value);
    }
    return std::nullopt;
  }
  // One step of a redrive over everything that it has not redriven yet.
  void redrive_step(base::OperationId operation, bool skips) {
    if (!core->begin_operation(operation, false)) return;
    std::size_t left = random() % 4 + 1;
    for_each_dead_letter([&](Sequence sequence, const DeadLetterEntry& entry) {
      if (entry.row.operation == operation || left == 0 || (!entry.parked && !skips)) return;
      if (core->redrive(sequence, entry, operation)) --left;
    });
  }
  // One step of a replay of what is settled behind what it has reached.
  void replay_step(base::OperationId operation) {
    if (!core->begin_operation(operation, true, {log.size()})) return;
    flush();
    std::set<std::uint64_t> held;
    for (const char letter : {'S', 'D'}) {
      for (const auto& [key, value] : disk.list(letter)) held.insert(sequence_of(key).value);
    }
    std::uint64_t at = core->operation(operation)->tally.reached.value + 1;
    std::uint64_t passed = 0;
    for (std::size_t left = random() % 6 + 1; at <= log.size() && left > 0; ++at, --left) {
      if (held.contains(at) || !core->may_replay({at})) {
        ++passed;
      } else {
        core->replay(operation, log[at - 1]);
      }
    }
    core->reached(operation, {at - 1}, passed);
  }
  std::uint64_t open_of_operations() const {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 1; i <= kOperations; ++i) {
      if (const auto* stored = core->operation({i})) sum += stored->tally.open();
    }
    return sum;
  }

  // Everything that can go out goes out; parked lanes are redriven.
  void drain() {
    for (int i = 0; i < 5'000 && (core->totals().settled < log.size() || open_of_operations() > 0); ++i) {
      scan();
      receive(50, 5);
      while (!open.empty()) settle([](const LeasedItem&) { return Fate::delivered; });
      clock.advance(base::Millis(1'000));
      core->tick(now());
      flush();
      for_each_dead_letter([this](Sequence sequence, const DeadLetterEntry& entry) {
        EXPECT_TRUE(!entry.parked || core->redrive(sequence, entry)) << sequence.value;
      });
    }
    flush();
  }

  struct Read {
    GroupKey group;
    std::vector<std::pair<Sequence, Row>> rows;
    bool ended = false;
  };

  std::mt19937_64 random;
  bool slow_reads = false;
  std::deque<Read> reading;
  base::ManualClock clock;
  std::vector<Scanned> log;
  Disk disk;
  std::unique_ptr<QueueCore> core;
  std::vector<LeaseDraft> open;
  std::set<std::uint64_t> seen;
  std::map<std::uint64_t, std::vector<std::uint64_t>> delivered_by_group;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::uint64_t>> replayed;  // (operation, group)
  std::set<std::uint64_t> retired;                 // operations; their ids are not used again
  static constexpr std::uint64_t kOperations = 6;  // odd ones redrive, even ones replay

 private:
  engine::QueueSpec spec_;
  QueueCoreOptions options_;
};

engine::QueueSpec fifo() {
  engine::QueueSpec spec;
  spec.name = "q";
  spec.order = event::Order::conversation;
  return spec;
}
engine::QueueSpec standard() {
  engine::QueueSpec spec = fifo();
  spec.order = event::Order::none;
  return spec;
}
engine::QueueSpec pulled(engine::QueueSpec spec) {
  spec.pulled = true;
  spec.max_receive_count = 0;  // the model decides what is dead-lettered
  return spec;
}

Fate any_fate(std::mt19937_64& random, bool skips) {
  const auto dice = random() % 100;
  if (dice < 70) return Fate::delivered;
  if (dice < 82) return Fate::retry;
  if (dice < 88) return Fate::release;
  if (dice < 94) return Fate::park;
  return skips ? Fate::skip : Fate::retry;
}

void random_steps(World& world, bool skips, int steps) {
  for (int step = 0; step < steps; ++step) {
    switch (world.random() % 14) {
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
        }
        break;
    }
  }
}

struct Case {
  const char* name;
  engine::QueueSpec spec;
  bool skips;
};
class QueueCoreModel : public testing::TestWithParam<Case> {};

TEST_P(QueueCoreModel, everything_accepted_is_delivered_in_order_through_crashes_and_dead_letters) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    World world(GetParam().spec, seed);
    world.slow_reads = true;
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
    // Delivered or dead-lettered; both, where a crash forgot the delivery and the repeat was skipped.
    std::set<std::uint64_t> ended = world.seen;
    for (const auto& [key, value] : world.disk.list('D')) ended.insert(sequence_of(key).value);
    ASSERT_EQ(world.disk.list('D').size(), world.core->totals().dead_letters);
    ASSERT_EQ(ended.size(), world.log.size());
    if (GetParam().skips) continue;
    for (const auto& [group, lane] : world.delivered_by_group) {
      std::vector<std::uint64_t> accepted;
      for (const Scanned& event : world.log) {
        if (event.group.value == group) accepted.push_back(event.sequence.value);
      }
      std::vector<std::uint64_t> once;
      for (const std::uint64_t sequence : accepted) {
        if (world.seen.contains(sequence)) once.push_back(sequence);
      }
      ASSERT_EQ(once, accepted);
    }
  }
}

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

INSTANTIATE_TEST_SUITE_P(all, QueueCoreModel,
                         testing::Values(Case{"fifo_park", fifo(), false}, Case{"fifo_skip", fifo(), true},
                                         Case{"standard_skip", standard(), true},
                                         Case{"pulled_fifo", pulled(fifo()), false},
                                         Case{"pulled_standard", pulled(standard()), true}),
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
