// Message groups of a standard queue that clients send to: each its turn.
#include <gtest/gtest.h>

#include "engine/sent.hpp"
#include "queue/queue_core_world_test.hpp"

namespace trunkline::queue {
namespace {

using namespace core_model;

engine::QueueSpec shared() {
  engine::QueueSpec spec = pulled(standard());
  spec.name = std::string(engine::kSentPrefix) + "q";
  return spec;
}

class Fair : public testing::Test {
 protected:
  void append(std::uint64_t tenant, int count) {
    const std::int64_t now = world.clock.wall().time_since_epoch().count();
    for (int i = 0; i < count; ++i) {
      const Sequence sequence{world.log.size() + 1};
      world.log.push_back({sequence, {sequence.value}, now, 10, now, {tenant}});
    }
    world.scan();
  }
  // The tenants of the next ones, by tens; all are deleted.
  std::vector<std::uint64_t> take(std::size_t count) {
    std::vector<std::uint64_t> tenants;
    while (tenants.size() < count) {
      engine::ReceiveLimits limits;
      limits.max_messages = std::min<std::size_t>(10, count - tenants.size());
      limits.lease_each = true;
      const auto drafts = world.core->lease(limits, world.now());
      for (const LeaseDraft& draft : drafts) {
        tenants.push_back(world.log[draft.items[0].sequence.value - 1].tenant.value);
        EXPECT_TRUE(world.core->settle(draft.id, {MessageFate()}, world.now()).ok());
      }
      world.flush();
      if (drafts.empty()) break;
    }
    return tenants;
  }
  using Tenants = std::vector<std::uint64_t>;
  World world{shared(), 1, {}};
};

TEST_F(Fair, one_with_ten_thousand_waiting_delays_the_others_by_a_turn) {
  append(1, 10'000);
  EXPECT_EQ(take(100), Tenants(100, 1));
  for (std::uint64_t tenant = 2; tenant <= 6; ++tenant) append(tenant, 2);
  EXPECT_EQ(take(14), (Tenants{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 1}));
  append(7, 1);
  const Tenants next = take(2);
  EXPECT_TRUE(std::ranges::find(next, 7u) != next.end());
  EXPECT_EQ(take(20'000).size(), 10'011u - 116u);
  EXPECT_EQ(world.core->totals().settled, world.log.size());
}

TEST_F(Fair, what_has_no_group_is_a_tenant_of_its_own) {
  append(1, 3);
  append(0, 3);
  EXPECT_EQ(take(6), (Tenants{1, 0, 0, 0, 1, 1}));
}

TEST_F(Fair, turns_hold_over_a_restart_for_what_was_received_before_it_and_what_was_not) {
  append(1, 1'000);
  append(2, 2);
  engine::ReceiveLimits limits;
  limits.max_messages = 100;
  limits.lease_each = true;
  EXPECT_EQ(world.core->lease(limits, world.now()).size(), 100u);
  world.flush();
  world.crash();
  append(3, 2);
  world.clock.advance(std::chrono::minutes(1));
  world.core->tick(world.now());
  world.flush();
  Tenants first = take(6);
  std::ranges::sort(first);
  EXPECT_EQ(first, (Tenants{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(take(2'000).size(), 998u);
}

TEST_F(Fair, one_that_does_not_fit_keeps_its_turn) {
  append(1, 3);
  append(2, 3);
  for (Scanned& event : world.log) EXPECT_EQ(event.bytes, 10u);
  engine::ReceiveLimits limits;
  limits.max_messages = 10;
  limits.max_bytes = 15;
  limits.lease_each = true;
  Tenants tenants;
  for (int i = 0; i < 6; ++i) {
    const auto drafts = world.core->lease(limits, world.now());
    ASSERT_EQ(drafts.size(), 1u);
    tenants.push_back(world.log[drafts[0].items[0].sequence.value - 1].tenant.value);
  }
  EXPECT_EQ(tenants, (Tenants{1, 2, 1, 2, 1, 2}));
}

TEST_F(Fair, queues_of_consumers_give_their_events_as_they_came) {
  engine::QueueSpec spec = shared();
  spec.name = "consumer";
  World other(spec, 1, {});
  const std::int64_t now = other.clock.wall().time_since_epoch().count();
  for (std::uint64_t i = 1; i <= 6; ++i) other.log.push_back({{i}, {i}, now, 10, now, {i <= 3 ? 1U : 2U}});
  other.scan();
  engine::ReceiveLimits limits;
  limits.max_messages = 10;
  limits.lease_each = true;
  std::vector<std::uint64_t> order;
  for (const LeaseDraft& draft : other.core->lease(limits, other.now())) order.push_back(draft.items[0].sequence.value);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
}

}  // namespace
}  // namespace trunkline::queue
