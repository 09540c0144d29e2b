#include "board/feed.hpp"

#include "board/board_testing.hpp"

namespace trunkline::board {
namespace {

using testing::detail;
using testing::kAccepted;

constexpr base::WallTime kNow{base::Millis(kAccepted)};
constexpr std::int64_t kStart = 1'772'460'000'000;

struct Fixture {
  testing::TestBoard board;
  Feed feed{board.board, "e1"};
  void call(const std::string& id) {
    board.give(detail(id, "customer.start", kStart, "s"));
    EXPECT_TRUE(feed.advance(kNow));
  }
};

TEST(Feed, sends_a_snapshot_then_numbered_changes) {
  Fixture f;
  EXPECT_FALSE(f.feed.advance(kNow)) << "nothing has changed";
  EXPECT_EQ(*f.feed.snapshot(kEverything, kNow),
            "id: e1-0\nevent: snapshot\ndata: {\"sequence\":0,\"at\":\"2026-03-02T14:05:00.000Z\",\"agents\":[],"
            "\"queues\":[],\"conversations\":[]}\n\n");
  f.call("c1");
  const std::string item =
      R"({"id":"c1","media":"voice","direction":"inbound","queue":null,"agent":null,"state":"ivr","since":"2026-03-02T14:00:00.000Z","stale":false})";
  EXPECT_EQ(*f.feed.delta(kEverything),
            "id: e1-1\nevent: delta\ndata: {\"sequence\":1,\"at\":"
            "\"2026-03-02T14:05:00.000Z\",\"conversations\":[" +
                item + "]}\n\n");
  EXPECT_NE(f.feed.snapshot(kEverything, kNow)->find(item), std::string::npos);
  f.board.give(detail("c1", "customer.end", kStart + 1, "s"));
  EXPECT_TRUE(f.feed.advance(kNow));
  EXPECT_EQ(*f.feed.delta(kEverything),
            "id: e1-2\nevent: delta\ndata: {\"sequence\":2,\"at\":"
            "\"2026-03-02T14:05:00.000Z\",\"gone\":{\"conversations\":[\"c1\"]}}\n\n");
}

TEST(Feed, goes_on_behind_the_last_event_of_the_same_epoch) {
  Fixture f;
  for (const char* id : {"c1", "c2", "c3"}) f.call(id);
  const auto texts = f.feed.since("e1-1", kEverything);
  ASSERT_TRUE(texts);
  ASSERT_EQ(texts->size(), 2u);
  EXPECT_TRUE((*texts)[0]->starts_with("id: e1-2\n"));
  EXPECT_TRUE((*texts)[1]->starts_with("id: e1-3\n"));
  EXPECT_TRUE(f.feed.since("e1-3", kEverything)->empty());
  for (const char* other : {"", "e1", "e1-", "e1-x", "e1-4", "e2-1", "-1", "e1-1 "})
    EXPECT_FALSE(f.feed.since(other, kEverything)) << other;
}

TEST(Feed, keeps_a_bounded_number_of_changes) {
  Fixture f;
  for (std::size_t i = 0; i < Feed::kKeptMax + 5; ++i) f.call("c" + std::to_string(i));
  EXPECT_FALSE(f.feed.since("e1-4", kEverything));
  const auto texts = f.feed.since("e1-5", kEverything);
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->size(), Feed::kKeptMax);
}

TEST(Feed, gives_only_the_parts_that_are_wanted) {
  Fixture f;
  f.call("c1");
  EXPECT_EQ(f.feed.delta(kAgents | kQueues), nullptr);
  EXPECT_TRUE(f.feed.since("e1-0", kAgents)->empty());
  EXPECT_EQ(f.feed.snapshot(kAgents, kNow)->find("conversations"), std::string::npos);
  EXPECT_EQ(parse_parts("agents,queues"), kAgents | kQueues);
  EXPECT_EQ(parse_parts("conversations"), std::uint8_t{kConversations});
  EXPECT_EQ(parse_parts(""), std::uint8_t{kEverything});
  EXPECT_FALSE(parse_parts("agents,"));
  EXPECT_FALSE(parse_parts("users"));
}

}  // namespace
}  // namespace trunkline::board
