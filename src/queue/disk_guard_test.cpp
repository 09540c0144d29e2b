#include "queue/disk_guard.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "queue/faulty_engine_test.hpp"

namespace trunkline::queue {
namespace {

using engine::contract::make_event;

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

class SmallBudget : public FaultyEngine {
 protected:
  std::size_t spares() {
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(fixture().directory() + "/db"))
      found += entry.path().filename().native().starts_with("spare-") ? 1 : 0;
    return found;
  }
  // Bytes that no table makes smaller.
  std::string noise(std::size_t size) {
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>('A' + random_() % 26);
    return text;
  }
  std::mt19937_64 random_{5};
};

TEST_F(SmallBudget, a_full_one_takes_back_its_spare_logs) {
  options_.disk_budget = 24 << 20;
  options_.sweep_interval = base::Millis(200);
  options_.write_buffer_bytes = 32 << 20;
  fixture_ = std::make_unique<EmbeddedFixture>(options_);
  const base::QueueId queue = declare(spec("q", event::Order::none));
  int number = 0;
  const auto publish_one = [&] {
    const std::string id = fmt::format("e{}", number++);
    return publish(make_event(id, "c", fmt::format(R"({{"n":"{}"}})", noise(20'000))), {queue}).verdict;
  };
  // At rest what is in memory is written out, and the logs go.
  while (number < 500) ASSERT_EQ(publish_one(), engine::PublishVerdict::accepted);
  until([this] { return spares() > 0; });
  while (number < 3'000 && publish_one() == engine::PublishVerdict::accepted) continue;
  ASSERT_LT(number, 3'000) << "the budget is full";
  until([this] { return spares() == 0; });
}

}  // namespace
}  // namespace trunkline::queue
