#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "queue/codec.hpp"

namespace trunkline::queue {
namespace {

ScanEntry entry_with(std::vector<base::QueueId> routes) {
  ScanEntry entry;
  entry.accepted_ms = 1'772'460'000'000;
  entry.event_ms = entry.accepted_ms - 1'234;
  entry.bytes = 1'024;
  for (std::size_t i = 0; i < entry.groups.size(); ++i) entry.groups[i] = {0x8000'0000'0000'0001 * (i + 1)};
  entry.routes = std::move(routes);
  return entry;
}

TEST(ScanEntry, names_a_queue_without_being_decoded_exactly_where_it_does_decoded) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    std::vector<base::QueueId> routes;
    for (std::uint32_t id = 1; id < 400; ++id) {
      if (random() % 20 == 0) routes.push_back({id});
    }
    const std::string bytes = encode_scan(entry_with(routes));
    for (std::uint32_t id = 1; id < 400; ++id) {
      const bool named = std::binary_search(routes.begin(), routes.end(), base::QueueId{id});
      ASSERT_EQ(may_route_to(bytes, {id}), named) << id << " of " << routes.size();
    }
  }
}

TEST(ScanEntry, one_that_is_cut_before_its_routes_end_is_left_to_the_decoder) {
  const std::string bytes = encode_scan(entry_with({{3}, {500}}));
  const std::size_t behind_routes = encode_scan(entry_with({})).size() + 3;  // 3, and 497 in two bytes
  for (std::size_t size = 0; size + 2 < behind_routes; ++size) {
    const std::string_view cut = std::string_view(bytes).substr(0, size);
    if (decode_scan(cut).ok()) continue;
    EXPECT_TRUE(may_route_to(cut, {500})) << size;
  }
}

}  // namespace
}  // namespace trunkline::queue
