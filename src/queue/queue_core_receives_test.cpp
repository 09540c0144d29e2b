// Messages of a standard queue that were received and have no row: one entry on disk for those that came together.
#include <gtest/gtest.h>

#include "queue/queue_core_world_test.hpp"

namespace trunkline::queue {
namespace {

using namespace core_model;

constexpr base::Millis kVisible(1'000);

class Receives : public testing::Test {
 protected:
  void append(int count) {
    for (int i = 0; i < count; ++i) world.append(1);
    world.scan();
  }
  std::vector<LeaseDraft> receive(std::size_t most) {
    engine::ReceiveLimits limits;
    limits.max_messages = most;
    limits.lease_each = true;
    limits.visibility_timeout = kVisible;
    return world.core->lease(limits, world.now());
  }
  static MessageFate of(Fate fate) {
    MessageFate how;
    how.fate = fate;
    how.error_class = "test";
    how.delay = base::Millis(10);
    return how;
  }
  base::Result<void> settle(const LeaseDraft& draft, Fate fate) {
    return world.core->settle(draft.id, {of(fate)}, world.now());
  }
  void pass(base::Millis time) {
    world.clock.advance(time);
    world.core->tick(world.now());
    world.flush();
  }
  std::size_t on_disk(char letter) const { return world.disk.list(letter).size(); }

  World world{pulled(standard()), 1};
};

TEST_F(Receives, ten_are_one_entry_that_goes_with_the_last_of_them) {
  append(10);
  const auto drafts = receive(10);
  ASSERT_EQ(drafts.size(), 10u);
  world.flush();
  EXPECT_EQ(on_disk('V'), 1u);
  EXPECT_EQ(on_disk('R') + on_disk('S') + on_disk('L'), 0u);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(settle(drafts[i], Fate::delivered).ok());
  world.flush();
  EXPECT_EQ(decode_receive(world.disk.list('V')[0].second)->messages.size(), 6u);
  for (int i = 4; i < 10; ++i) EXPECT_TRUE(settle(drafts[i], Fate::delivered).ok());
  world.flush();
  EXPECT_EQ(on_disk('V'), 0u);
  EXPECT_EQ(world.core->totals().settled, 10u);
}

TEST_F(Receives, what_is_deleted_before_it_is_written_is_never_written) {
  append(2);
  for (const LeaseDraft& draft : receive(2)) EXPECT_TRUE(settle(draft, Fate::delivered).ok());
  world.flush();
  EXPECT_EQ(on_disk('V'), 0u);
}

TEST_F(Receives, a_crash_leaves_each_lease_until_its_time) {
  append(10);
  const auto drafts = receive(10);
  EXPECT_TRUE(settle(drafts[0], Fate::delivered).ok());
  world.flush();
  world.clock.advance(kVisible / 2);
  world.crash();
  world.scan();
  EXPECT_EQ(world.core->in_flight(), 9u);
  EXPECT_TRUE(receive(10).empty()) << "given out twice";
  EXPECT_TRUE(settle(drafts[1], Fate::delivered).ok()) << "a receipt of before the crash";
  EXPECT_EQ(settle(drafts[0], Fate::delivered).error().code, base::Errc::not_found);
  pass(kVisible / 2);
  const auto again = receive(10);
  ASSERT_EQ(again.size(), 8u);
  for (const LeaseDraft& draft : again) EXPECT_EQ(draft.items[0].receive_count, 2u);
  world.flush();
  EXPECT_EQ(on_disk('V'), 0u);
  EXPECT_EQ(on_disk('R'), 8u) << "what has come back has a row";
}

TEST_F(Receives, what_is_extended_given_back_or_refused_has_a_row_from_then_on) {
  append(4);
  const auto drafts = receive(4);
  EXPECT_TRUE(world.core->extend(drafts[0].id, 3 * kVisible, world.now()).ok());
  EXPECT_TRUE(settle(drafts[1], Fate::release).ok());
  EXPECT_TRUE(settle(drafts[2], Fate::retry).ok());
  world.flush();
  EXPECT_EQ(on_disk('R'), 3u);
  world.crash();
  EXPECT_EQ(world.core->in_flight(), 2u);
  EXPECT_EQ(world.core->backing_off(), 1u);
  pass(kVisible * 2);
  const auto again = receive(4);
  ASSERT_EQ(again.size(), 3u) << "all but the extended one";
  for (const LeaseDraft& draft : again) EXPECT_EQ(draft.items[0].receive_count, 2u);
  EXPECT_TRUE(settle(drafts[0], Fate::delivered).ok());
}

TEST_F(Receives, a_dead_letter_of_one_is_one_after_a_crash) {
  append(2);
  const auto drafts = receive(2);
  EXPECT_TRUE(settle(drafts[0], Fate::skip).ok());
  world.flush();
  world.crash();
  EXPECT_EQ(world.core->totals().dead_letters, 1u);
  EXPECT_EQ(on_disk('D'), 1u);
  EXPECT_EQ(world.core->in_flight(), 1u);
}

TEST_F(Receives, a_full_memory_gives_them_rows_and_takes_more) {
  append(200);
  std::size_t taken = 0;
  for (int i = 0; i < 40; ++i) {
    taken += receive(10).size();
    world.flush();
    world.scan();
    world.load();
  }
  EXPECT_EQ(taken, 200u);
  world.crash();
  EXPECT_EQ(world.core->in_flight(), 200u);
}

// One lease of several messages: its fates are told in its order, which is the same after a restart.
TEST_F(Receives, the_fates_of_a_lease_are_of_the_same_messages_after_a_crash) {
  append(40);
  engine::ReceiveLimits limits;
  limits.max_messages = 40;
  limits.visibility_timeout = kVisible;
  engine::ReceiveLimits first = limits;
  first.max_messages = 7;
  // Some come back before the others are received, and stand behind them; these have rows, and the others have none.
  const auto some = world.core->lease(first, world.now());
  ASSERT_EQ(some.size(), 1u);
  EXPECT_TRUE(world.core->settle(some[0].id, std::vector<MessageFate>(7, of(Fate::release)), world.now()).ok());
  world.flush();
  const auto drafts = world.core->lease(limits, world.now());
  ASSERT_EQ(drafts.size(), 1u);
  ASSERT_EQ(drafts[0].items.size(), 40u);
  world.flush();
  world.crash();
  world.scan();
  std::vector<MessageFate> fates;
  std::set<std::uint64_t> kept;
  for (const LeasedItem& item : drafts[0].items) {
    fates.push_back(of(item.sequence.value % 3 == 0 ? Fate::release : Fate::delivered));
    if (item.sequence.value % 3 == 0) kept.insert(item.sequence.value);
  }
  ASSERT_TRUE(world.core->settle(drafts[0].id, fates, world.now()).ok());
  world.flush();
  std::set<std::uint64_t> left;
  for (const LeaseDraft& draft : world.core->lease(limits, world.now())) {
    for (const LeasedItem& item : draft.items) left.insert(item.sequence.value);
  }
  EXPECT_EQ(left, kept);
}

// Every message is received as often as it is said, by one at a time, until it is deleted, over crashes.
class ReceivesModel : public testing::TestWithParam<std::uint64_t> {
 protected:
  struct Held {
    std::uint64_t sequence = 0;
    base::MonoTime until;
  };
  void receive() {
    engine::ReceiveLimits limits;
    limits.max_messages = world.random() % 10 + 1;
    limits.lease_each = true;
    limits.visibility_timeout = base::Millis(world.random() % 300 + 50);
    for (const LeaseDraft& draft : world.core->lease(limits, world.now())) {
      const std::uint64_t sequence = draft.items.at(0).sequence.value;
      EXPECT_FALSE(deleted.contains(sequence)) << sequence << " is given out after it was deleted";
      EXPECT_EQ(draft.items[0].receive_count, ++received[sequence]);
      for (const auto& [lease, other] : held) EXPECT_NE(other.sequence, sequence) << "given out twice";
      held[draft.id] = {sequence, world.now().mono + limits.visibility_timeout};
    }
    world.flush();  // as the runner does before it answers
  }
  void settle() {
    if (held.empty()) return;
    auto at = held.begin();
    std::advance(at, world.random() % held.size());
    const auto [lease, message] = *at;
    MessageFate fate;
    const auto dice = world.random() % 10;
    if (dice == 0) {
      const base::Millis longer(world.random() % 500);
      EXPECT_TRUE(world.core->extend(lease, longer, world.now()).ok());
      at->second.until = world.now().mono + longer;
      world.flush();
      return;
    }
    fate.fate = dice == 1 ? Fate::release : dice == 2 ? Fate::retry : Fate::delivered;
    fate.delay = base::Millis(world.random() % 100);
    fate.error_class = "test";
    const auto settled = world.core->settle(lease, {fate}, world.now());
    if (!settled.ok()) {
      EXPECT_EQ(settled.error().code, base::Errc::unavailable) << "rows are still being read, at most";
      return;
    }
    held.erase(at);
    world.flush();
    if (fate.fate == Fate::delivered) deleted.insert(message.sequence);
  }
  void tick() {
    world.core->tick(world.now());
    std::erase_if(held, [&](const auto& each) { return each.second.until <= world.now().mono; });
  }
  void step() {
    switch (world.random() % 12) {
      case 0:
      case 1:
      case 2:
        world.append(1);
        break;
      case 3:
      case 4:
        world.scan();
        receive();
        break;
      case 5:
        world.clock.advance(base::Millis(world.random() % 100));
        tick();
        break;
      case 6:
        if (world.random() % 6 == 0) {
          world.crash();
          tick();
        }
        break;
      default:
        settle();
    }
    world.load();
  }

  World world{pulled(standard()), GetParam()};
  std::map<std::uint64_t, Held> held;  // by lease
  std::map<std::uint64_t, std::uint32_t> received;
  std::set<std::uint64_t> deleted;
};

TEST_P(ReceivesModel, one_at_a_time_until_it_is_deleted) {
  for (int i = 0; i < 1'500 && !HasFailure(); ++i) step();
  world.drain();
  EXPECT_EQ(world.core->totals().settled, world.log.size());
  EXPECT_EQ(world.disk.list('V').size() + world.disk.list('R').size() + world.disk.list('S').size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(seeds, ReceivesModel, testing::Range<std::uint64_t>(1, 101));

}  // namespace
}  // namespace trunkline::queue
