// Several messages of one lane that are received together and have a lease each.
#include <gtest/gtest.h>

#include "queue/queue_core_world_test.hpp"

namespace trunkline::queue {
namespace {

using namespace core_model;

// What clients hold and what has ended, as this process has it, and as it would be after a crash.
struct Held {
  struct Lease {
    Sequence sequence;
    GroupKey group;
    base::MonoTime until{};
  };
  std::map<std::uint64_t, Lease> leases;
  std::set<std::uint64_t> ended;  // delivered or dropped
  std::set<std::uint64_t> sent;
};

class Clients {
 public:
  explicit Clients(std::uint64_t seed) : world(pulled(fifo()), seed) {}

  void receive() {
    engine::ReceiveLimits limits;
    limits.max_messages = world.random() % 10 + 1;
    limits.max_messages_per_group = world.random() % 6 + 1;
    limits.lease_each = world.random() % 8 != 0;
    limits.visibility_timeout = base::Millis(world.random() % 200 + 1);
    if (!limits.lease_each) limits.max_messages_per_group = 1;
    const std::map<std::uint64_t, Held::Lease> before = now.leases;
    for (const LeaseDraft& draft : world.core->lease(limits, world.now())) {
      ASSERT_EQ(draft.items.size(), 1u);
      const Sequence sequence = draft.items[0].sequence;
      const GroupKey group = world.log[sequence.value - 1].group;
      EXPECT_FALSE(now.ended.contains(sequence.value)) << sequence.value << " has ended and comes again";
      const bool is_new = now.sent.insert(sequence.value).second;
      for (const auto& [id, other] : before) {
        if (other.group != group) continue;
        EXPECT_GT(other.sequence, sequence) << "an earlier one of the group is in flight";
        EXPECT_FALSE(is_new) << sequence.value << " has passed " << other.sequence.value << ", which is in flight";
        ++again;
      }
      for (const Scanned& event : world.log) {
        if (!is_new || event.group != group || event.sequence >= sequence) continue;
        EXPECT_TRUE(now.sent.contains(event.sequence.value)) << sequence.value << " goes out before an earlier one";
      }
      now.leases[draft.id] = {sequence, group, world.clock.mono() + limits.visibility_timeout};
      known.push_back(draft.id);
    }
  }
  void settle(const MessageFate& fate) {
    if (known.empty()) return;
    const std::uint64_t id = known[world.random() % known.size()];
    const auto held = now.leases.find(id);
    const auto settled = world.core->settle(id, {fate}, world.now());
    if (held == now.leases.end()) {
      EXPECT_EQ(settled.error().code, base::Errc::not_found) << "the lease has ended";
      return;
    }
    const Held::Lease lease = held->second;
    bool alone = true;
    for (const auto& [other, one] : now.leases) alone = alone && (other == id || one.group != lease.group);
    const bool simple = fate.fate == Fate::delivered || fate.fate == Fate::drop || fate.fate == Fate::release;
    if (!settled.ok() && settled.error().code == base::Errc::unavailable) return;  // rows are read after a restart
    if (!settled.ok()) {
      EXPECT_EQ(settled.error().code, base::Errc::invalid) << settled.error().detail;
      EXPECT_FALSE(simple);
      ++refused;
      return;
    }
    EXPECT_TRUE(simple || alone) << "the lane would stop under what is in flight";
    now.leases.erase(held);
    if (fate.fate == Fate::delivered || fate.fate == Fate::drop) now.ended.insert(lease.sequence.value);
    if (!alone && now.ended.contains(lease.sequence.value)) ++out_of_turn;
  }
  void extend() {
    if (known.empty()) return;
    const std::uint64_t id = known[world.random() % known.size()];
    const base::Millis visible(world.random() % 300 + 1);
    const auto extended = world.core->extend(id, visible, world.now());
    const auto held = now.leases.find(id);
    EXPECT_EQ(extended.ok(), held != now.leases.end());
    if (held != now.leases.end()) held->second.until = world.clock.mono() + visible;
  }
  void pass(base::Millis time) {
    world.clock.advance(time);
    world.core->tick(world.now());
    for (Held* held : {&now, &on_disk})
      std::erase_if(held->leases, [&](const auto& lease) { return lease.second.until <= world.clock.mono(); });
  }
  void flush() {
    world.flush();
    on_disk = now;
  }
  void crash() {
    world.crash();
    now = on_disk;
    world.core->tick(world.now());
  }
  void redrive() {
    world.for_each_dead_letter(
        [&](Sequence sequence, const DeadLetterEntry& entry) { world.core->redrive(sequence, entry); });
    on_disk = now;
  }
  void step() {
    switch (world.random() % 12) {
      case 0:
      case 1:
      case 2:
        return world.append(4);
      case 3:
        return world.scan();
      case 4:
      case 5:
        return receive();
      case 6:
      case 7: {
        MessageFate fate;
        const auto dice = world.random() % 100;
        fate.fate = dice < 55   ? Fate::delivered
                    : dice < 60 ? Fate::drop
                    : dice < 85 ? Fate::release
                    : dice < 90 ? Fate::retry
                    : dice < 95 ? Fate::park
                                : Fate::skip;
        fate.uncounted = world.random() % 2 == 0;
        fate.delay = base::Millis(world.random() % 50);
        return settle(fate);
      }
      case 8:
        return extend();
      case 9:
        return pass(base::Millis(world.random() % 60));
      case 10:
        return flush();
      default:
        if (world.random() % 15 == 0) crash();
        if (world.random() % 15 == 0) redrive();
    }
  }

  World world;
  Held now;
  Held on_disk;
  std::vector<std::uint64_t> known;  // leases, ended or not
  int again = 0;
  int refused = 0;
  int out_of_turn = 0;
};

TEST(QueueCoreEach, what_clients_delete_stays_deleted_and_a_group_keeps_its_order_through_crashes) {
  int again = 0;
  int refused = 0;
  int out_of_turn = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Clients clients(seed);
    World& world = clients.world;
    for (int i = 0; i < 1'500; ++i) {
      clients.step();
      ASSERT_EQ(world.core->in_flight(), clients.now.leases.size()) << "step " << i;
      if (testing::Test::HasFailure()) return;
    }
    for (int i = 0; i < 3'000 && world.core->totals().settled < world.log.size(); ++i) {
      world.scan();
      clients.receive();
      while (!clients.now.leases.empty()) {
        clients.known = {clients.now.leases.begin()->first};
        const std::size_t before = clients.now.leases.size();
        clients.settle({});
        if (clients.now.leases.size() == before) break;
      }
      clients.pass(base::Millis(100));
      clients.flush();
      clients.redrive();
    }
    clients.flush();
    ASSERT_EQ(world.core->totals().settled, world.log.size());
    ASSERT_EQ(clients.now.ended.size(), world.log.size());
    ASSERT_EQ(world.core->totals().rows, 0u);
    ASSERT_EQ(world.disk.list('R').size(), 0u);
    ASSERT_EQ(world.disk.list('S').size(), 0u);
    again += clients.again;
    refused += clients.refused;
    out_of_turn += clients.out_of_turn;
  }
  // The model has met what it is for.
  EXPECT_GT(again, 100);
  EXPECT_GT(refused, 100);
  EXPECT_GT(out_of_turn, 1'000);
}

class Together : public testing::TestWithParam<bool> {
 protected:
  std::vector<LeaseDraft> receive(std::size_t messages = 10) {
    engine::ReceiveLimits limits;
    limits.max_messages = limits.max_messages_per_group = messages;
    limits.lease_each = true;
    std::vector<LeaseDraft> drafts = world.core->lease(limits, world.now());
    flush();
    return drafts;
  }
  // And with a restart behind it, where the parameter says so.
  void flush() {
    world.flush();
    if (GetParam()) world.crash();
  }
  void settle(const LeaseDraft& draft, Fate fate, bool uncounted = false) {
    MessageFate one;
    one.fate = fate;
    one.uncounted = uncounted;
    const auto settled = world.core->settle(draft.id, {one}, world.now());
    EXPECT_TRUE(settled.ok()) << settled.error().detail;
    flush();
  }
  void pass(base::Millis time) {
    world.clock.advance(time);
    world.core->tick(world.now());
    flush();
  }
  static std::vector<std::uint64_t> sequences(const std::vector<LeaseDraft>& drafts) {
    std::vector<std::uint64_t> all;
    for (const LeaseDraft& draft : drafts) {
      for (const LeasedItem& item : draft.items) all.push_back(item.sequence.value);
    }
    return all;
  }
  void append(int count) {
    for (int i = 0; i < count; ++i) world.append(1);
    world.scan();
  }
  using Sequences = std::vector<std::uint64_t>;
  engine::QueueSpec spec_ = pulled(fifo());
  World world{spec_, 1, {}};
};

TEST_P(Together, one_that_is_deleted_out_of_turn_does_not_come_again_and_the_next_waits_for_the_first) {
  append(5);
  const auto leases = receive(3);
  ASSERT_EQ(sequences(leases), (Sequences{1, 2, 3}));
  settle(leases[1], Fate::delivered);
  EXPECT_TRUE(receive().empty());
  settle(leases[2], Fate::delivered);
  EXPECT_TRUE(receive().empty()) << "4 waits for 1";
  pass(std::chrono::seconds(31));
  const auto again = receive();
  ASSERT_EQ(sequences(again), (Sequences{1, 4, 5}));
  EXPECT_EQ(again[0].items[0].receive_count, 2u);
  for (const LeaseDraft& lease : again) settle(lease, Fate::delivered);
  EXPECT_EQ(world.core->totals().settled, 5u);
}

TEST_P(Together, one_that_is_extended_holds_back_the_later_ones_and_no_earlier_one) {
  append(4);
  const auto leases = receive(3);
  ASSERT_EQ(leases.size(), 3u);
  ASSERT_TRUE(world.core->extend(leases[1].id, std::chrono::minutes(5), world.now()).ok());
  flush();
  pass(std::chrono::seconds(31));
  const auto again = receive();
  ASSERT_EQ(sequences(again), (Sequences{1}));
  EXPECT_TRUE(receive().empty());
  settle(again[0], Fate::delivered);
  EXPECT_TRUE(receive().empty());
  settle(leases[1], Fate::release);
  EXPECT_EQ(sequences(receive()), (Sequences{2, 3, 4}));
}

TEST_P(Together, one_that_reached_nobody_keeps_its_place) {
  append(3);
  const auto leases = receive();
  settle(leases[1], Fate::release, true);
  settle(leases[2], Fate::delivered);
  EXPECT_TRUE(receive().empty());
  settle(leases[0], Fate::release);
  const auto again = receive();
  ASSERT_EQ(sequences(again), (Sequences{1, 2}));
  EXPECT_EQ(again[0].items[0].receive_count, 2u);
  EXPECT_EQ(again[1].items[0].receive_count, 1u);
}

TEST_P(Together, a_gap_is_said_by_the_one_behind_it) {
  append(4);
  const auto first = receive(1);
  settle(first[0], Fate::skip);
  const auto leases = receive();
  ASSERT_EQ(sequences(leases), (Sequences{2, 3, 4}));
  EXPECT_EQ(leases[0].items[0].gap_before, Sequence{1});
  EXPECT_FALSE(leases[1].items[0].gap_before);
  settle(leases[1], Fate::delivered);
  settle(leases[0], Fate::release);
  const auto again = receive();
  ASSERT_EQ(sequences(again), (Sequences{2}));
  EXPECT_EQ(again[0].items[0].gap_before, Sequence{1});
}

TEST_P(Together, what_was_received_too_often_waits_for_what_is_in_flight) {
  spec_.max_receive_count = 1;
  world.core->set_spec(spec_);
  append(3);
  // A restart makes the core with the specification of before.
  const auto receive_with_count = [&] {
    world.core->set_spec(spec_);
    return receive();
  };
  const auto leases = receive_with_count();
  ASSERT_EQ(leases.size(), 3u);
  settle(leases[0], Fate::release);
  EXPECT_TRUE(receive_with_count().empty());
  EXPECT_EQ(world.core->totals().dead_letters, 0u);
  settle(leases[1], Fate::delivered);
  settle(leases[2], Fate::delivered);
  EXPECT_TRUE(receive_with_count().empty());
  EXPECT_EQ(world.core->totals().dead_letters, 1u);
}

INSTANTIATE_TEST_SUITE_P(, Together, testing::Bool(), [](const auto& test) {
  return test.param ? "with_a_restart_between_all_steps" : "in_one_process";
});

}  // namespace
}  // namespace trunkline::queue
