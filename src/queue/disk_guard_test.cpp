#include "queue/disk_guard.hpp"

#include <gtest/gtest.h>

namespace trunkline::queue {
namespace {

constexpr std::uint64_t kBudget = 1'000;
constexpr std::uint64_t kMinFree = 100;

DiskGuardOptions options(std::uint64_t budget = kBudget) {
  DiskGuardOptions options;
  options.disk_budget = budget;
  options.min_free = kMinFree;
  return options;
}
store::Store::Usage usage(std::uint64_t bytes, std::uint64_t free, std::uint64_t merge = 0) {
  store::Store::Usage usage;
  usage.bytes = bytes;
  usage.free_bytes = free;
  usage.merge_bytes = merge;
  return usage;
}

TEST(DiskGuard, the_budget_may_be_used_to_its_last_byte) {
  EXPECT_FALSE(over(options(), usage(kBudget, kMinFree), false));
  EXPECT_TRUE(over(options(), usage(kBudget + 1, kMinFree), false));
}

TEST(DiskGuard, what_refuses_goes_on_until_a_twentieth_is_free) {
  EXPECT_TRUE(over(options(), usage(951, kMinFree), true));
  EXPECT_FALSE(over(options(), usage(950, kMinFree), true));
}

TEST(DiskGuard, spare_logs_take_a_small_part_of_a_budget) {
  EXPECT_EQ(spare_log_bytes(0), store::kSpareLogBytes);
  EXPECT_EQ(spare_log_bytes(std::uint64_t{10} << 30), store::kSpareLogBytes);
  EXPECT_EQ(spare_log_bytes(64 << 20), 4u << 20);
}

TEST(DiskGuard, without_a_budget_the_device_is_the_bound) {
  EXPECT_FALSE(over(options(0), usage(1'000'000, kMinFree), true));
  EXPECT_TRUE(over(options(0), usage(0, kMinFree - 1), false));
}

TEST(DiskGuard, a_merge_of_the_identities_has_its_room_besides_what_stays_free) {
  EXPECT_TRUE(over(options(), usage(10, kMinFree + 49, 50), false));
  EXPECT_FALSE(over(options(), usage(10, kMinFree + 50, 50), false));
}

}  // namespace
}  // namespace trunkline::queue
