#include "queue/retention.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/bytes.hpp"
#include "queue/keys.hpp"

namespace trunkline::queue {
namespace {

using base::Sequence;
using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() {
    char name[] = "/tmp/trunkline-retention-XXXXXX";
    directory_ = ::mkdtemp(name);
    store::Options options;
    options.directory = directory_ + "/data";
    options.families = families([](std::string_view, std::string_view) { return false; });
    options.memory_budget = 16 << 20;
    auto opened = store::Store::open(std::move(options));
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().detail);
    store_ = std::move(*opened);
  }
  ~RetentionTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  // As sweeps leave it: all up to `swept` is gone but `kept`.
  void leave(std::uint64_t swept, const std::vector<std::uint64_t>& kept) {
    store::Batch batch;
    batch.put(handle(Table::meta), kSweptKey, sequence_key({swept}));
    for (const std::uint64_t sequence : kept) {
      std::string key = "v";
      base::put_u64(key, sequence);
      batch.put(handle(Table::meta), key, {});
    }
    ASSERT_TRUE(store_->write(batch).ok());
  }
  Ranges ranges(std::size_t max = 1'000) {
    Ranges result;
    const auto found = swept_ranges(*store_, max);
    EXPECT_TRUE(found.ok());
    for (const SweptRange& range : *found) result.emplace_back(range.first.value, range.end.value);
    return result;
  }

  std::string directory_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(RetentionTest, nothing_is_empty_before_the_first_sweep) {
  EXPECT_EQ(ranges(), Ranges{});
}

TEST_F(RetentionTest, what_a_queue_still_holds_is_in_no_swept_range) {
  leave(100, {1, 7, 8, 50});
  EXPECT_EQ(ranges(), (Ranges{{2, 7}, {9, 50}, {51, 101}}));
}

TEST_F(RetentionTest, the_last_swept_record_may_be_the_one_that_is_held) {
  leave(100, {100});
  EXPECT_EQ(ranges(), (Ranges{{1, 100}}));
}

TEST_F(RetentionTest, of_many_swept_ranges_the_widest_are_told) {
  std::vector<std::uint64_t> kept;
  for (std::uint64_t sequence = 2; sequence <= 2'000; sequence += 2) kept.push_back(sequence);
  kept.push_back(5'000);
  leave(6'000, kept);
  EXPECT_EQ(ranges(2), (Ranges{{2'001, 5'000}, {5'001, 6'001}}));
}

}  // namespace
}  // namespace trunkline::queue
