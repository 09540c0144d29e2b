#include "queue/oldest_row.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace trunkline::queue {
namespace {

using base::Sequence;

TEST(OldestRow, begins_where_the_last_search_has_found_one) {
  OldestRow row;
  EXPECT_EQ(row.look(), Sequence{0});
  row.found(Sequence{40});
  EXPECT_EQ(row.look(), Sequence{40});
}

TEST(OldestRow, goes_back_for_a_row_that_is_older) {
  OldestRow row;
  row.look();
  row.found(Sequence{40});
  row.put({30});
  EXPECT_EQ(row.look(), Sequence{30});
}

TEST(OldestRow, remembers_what_the_search_could_not_see) {
  OldestRow row;
  row.put({10});
  row.taken();
  row.look();
  row.put({20});
  row.committed();
  row.found(Sequence{40});
  EXPECT_EQ(row.look(), Sequence{10}) << "it was not on disk when the search began";
}

// Random rows, commits and searches against what there is.
TEST(OldestRow, never_begins_behind_a_row_that_is_there) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t n) { return random() % n; };
    OldestRow oldest;
    std::set<std::uint64_t> disk, writing, collected;
    std::optional<std::optional<Sequence>> search;  // what a search under way has found
    for (int step = 0; step < 2'000; ++step) {
      switch (below(5)) {
        case 0: {
          const std::uint64_t row = 1 + below(1'000);
          collected.insert(row);
          oldest.put({row});
          break;
        }
        case 1:
          if (writing.empty()) writing.swap(collected), oldest.taken();
          break;
        case 2:
          disk.insert(writing.begin(), writing.end());
          writing.clear();
          oldest.committed();
          break;
        case 3:
          if (!disk.empty()) disk.erase(disk.begin());
          break;
        case 4:
          if (search) {
            oldest.found(*std::exchange(search, std::nullopt));
          } else {
            const auto at = disk.lower_bound(oldest.look().value);
            search.emplace(at == disk.end() ? std::nullopt : std::optional(Sequence{*at}));
          }
      }
      std::uint64_t least = UINT64_MAX;
      for (const auto* rows : {&disk, &writing, &collected}) {
        if (!rows->empty()) least = std::min(least, *rows->begin());
      }
      if (!search) {
        OldestRow copy = oldest;
        ASSERT_LE(copy.look().value, least) << "seed " << seed << " step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace trunkline::queue
