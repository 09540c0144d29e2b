#include "board/board.hpp"

#include "board/board_testing.hpp"

namespace trunkline::board {
namespace {

using event::testing::envelope;
using testing::detail;
using testing::kAccepted;
using testing::record_of;
using testing::samples;
using testing::sorted;
using testing::TestBoard;

constexpr std::string_view kCall = "388fa6ad-33a8-439b-a5b7-9085a352469d";
constexpr std::string_view kFirst = "1cbf2722-7141-47ac-a910-c095da13217c";
constexpr std::string_view kSecond = "15df8587-1af5-44a5-a848-319159c0ba82";
constexpr std::string_view kQueue = "d5d31e9a-86fb-4a89-a3e6-2273d479986a";

TEST(Board, follows_a_call_from_the_flow_to_the_after_call_work) {
  const auto events = samples("schema-lifecycle-");
  ASSERT_EQ(events.size(), 17u);
  const std::string queue(kQueue);
  const std::string waiting = "waiting " + queue + " null 2026-03-02T14:00:15.020Z";
  const std::string ivr = "ivr null null 2026-03-02T14:00:00.";
  const std::string wrapup = "wrapup " + queue + " " + std::string(kSecond) + " 2026-03-02T14:03:3";
  const std::vector<std::string> expected = {
      ivr + "000Z",
      ivr + "040Z",
      ivr + "040Z",
      ivr + "040Z",
      "ivr null null 2026-03-02T14:00:15.000Z",  // the flow has ended, the queue is not there yet
      waiting,
      "alerting " + queue + " " + std::string(kFirst) + " 2026-03-02T14:00:21.000Z",
      waiting,  // nobody answered: not the end
      waiting,
      "alerting " + queue + " " + std::string(kSecond) + " 2026-03-02T14:00:30.000Z",
      "connected " + queue + " " + std::string(kSecond) + " 2026-03-02T14:00:33.000Z",
      wrapup + "3.000Z",
      wrapup + "3.010Z",
      "none",
      "none",
      "none",
      "none"};
  TestBoard board;
  for (std::size_t i = 0; i < events.size(); ++i) {
    board.give(events[i]);
    EXPECT_EQ(board.state(kCall), expected[i]) << "after event " << i + 1;
    if (i == 6) {
      EXPECT_EQ(board.agent(kFirst), "null null " + std::string(kCall) + " alerting");
    }
    if (i == 8) {
      EXPECT_EQ(board.agent(kFirst), "null NOT_RESPONDING null null");
    }
    if (i == 5) {
      EXPECT_EQ(board.queue(kQueue), "1 0 2026-03-02T14:00:15.020Z");
    }
    if (i == 10) {
      EXPECT_EQ(board.queue(kQueue), "0 1 null");
    }
    if (i == 12) {
      EXPECT_EQ(board.agent(kSecond), "null null " + std::string(kCall) + " wrapup");
    }
  }
  EXPECT_EQ(board.queue(kQueue), "0 0 null");
  EXPECT_EQ(board.agent(kSecond), "null null null null");
}

TEST(Board, what_all_has_early_comes_again_with_the_next_changes) {
  TestBoard board;
  board.give(detail(kCall, "customer.start", kAccepted, "c"));
  EXPECT_NE(board.board.take_changes().conversations.find("\"ivr\""), std::string::npos);
  EXPECT_FALSE(board.board.take_changes().conversations_changed) << "nothing has changed";
  board.give(detail(kCall, "acd.start", kAccepted + 1, "q", R"(,"queueId":")" + std::string(kQueue) + "\""));
  EXPECT_NE(board.board.all().conversations.find("\"waiting\""), std::string::npos);
  EXPECT_NE(board.board.take_changes().conversations.find("\"waiting\""), std::string::npos);
  board.give(detail(kCall, "acd.end", kAccepted + 2, "q"));
  board.give(detail(kCall, "customer.end", kAccepted + 2, "c"));
  EXPECT_EQ(board.board.all().conversations, "[]");
  EXPECT_EQ(board.board.take_changes().conversations_gone, "[\"" + std::string(kCall) + "\"]");
  EXPECT_EQ(board.board.take_changes().conversations_gone, "[]") << "once";
}

TEST(Board, is_the_same_for_any_order_and_any_repeats_of_the_same_events) {
  auto events = samples("schema-lifecycle-");
  for (const auto& more : {samples("schema-user-"), samples("schema-agent-state"), samples("schema-queue-")})
    events.insert(events.end(), more.begin(), more.end());
  std::mt19937 random(7);
  for (std::size_t count = 1; count <= events.size(); ++count) {
    TestBoard straight;
    for (std::size_t i = 0; i < count; ++i) straight.board.apply(record_of(events[i], i + 1));
    const std::string expected = straight.shown();
    for (int round = 0; round < 20; ++round) {
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < count; ++i) order.insert(order.end(), 1 + random() % 3, i);
      std::shuffle(order.begin(), order.end(), random);
      TestBoard shuffled;
      for (const std::size_t i : order) {
        shuffled.board.apply(record_of(events[i], i + 1));
        if (random() % 4 == 0) shuffled.board.take_changes();
      }
      ASSERT_EQ(shuffled.shown(), expected) << "the first " << count << " events, round " << round;
    }
  }
}

TEST(Board, newer_state_of_an_agent_is_not_overwritten_by_older) {
  const auto presence = [](std::string_view what, std::string_view time) {
    return envelope("v2.users.u.presence", R"({"presenceDefinition":{"id":"d","systemPresence":")" + std::string(what) +
                                               R"("},"primary":true,"modifiedDate":")" + std::string(time) + "\"}");
  };
  TestBoard board;
  board.give(presence("BREAK", "2026-03-02T14:05:00.000Z"));
  board.give(presence("AVAILABLE", "2026-03-02T14:04:00.000Z"));
  EXPECT_EQ(board.agent("u"), "BREAK null null null");
  // Of the same moment, the one that was accepted later.
  board.give(presence("MEAL", "2026-03-02T14:05:00.000Z"));
  EXPECT_EQ(board.agent("u"), "MEAL null null null");
  board.give(envelope("v2.users.u.presence", R"({"presenceDefinition":{"systemPresence":"BUSY"},"primary":false,)"
                                             R"("modifiedDate":"2026-03-02T15:00:00.000Z"})"));
  EXPECT_EQ(board.agent("u"), "MEAL null null null") << "a secondary source";
  // An activity event tells both, each with its own time.
  board.give(
      envelope("v2.users.u.activity",
               R"({"id":"u","routingStatus":{"status":"IDLE","startTime":"2026-03-02T14:06:00.000Z"},"presence":)"
               R"({"presenceDefinition":{"systemPresence":"AVAILABLE"},"modifiedDate":"2026-03-02T13:00:00Z"}})"));
  EXPECT_EQ(board.agent("u"), "MEAL IDLE null null");
}

TEST(Board, an_observation_corrects_what_was_not_seen_and_later_changes_move_it) {
  TestBoard board;
  constexpr std::int64_t t0 = 1'772'460'000'000;
  const std::string queue = R"(,"queueId":"q")";
  board.give(detail("c1", "acd.start", t0, "s1", queue));
  EXPECT_EQ(board.queue("q"), "1 0 2026-03-02T14:00:00.000Z");
  // Four more wait of whom nothing was heard.
  board.give(
      envelope("v2.analytics.queues.q.observations",
               R"({"group":{"queueId":"q","mediaType":"voice"},"data":[{"interval":)"
               R"("2026-03-02T14:01:00.000Z/2026-03-02T14:01:00.000Z","metrics":[)"
               R"({"metric":"oWaiting","stats":{"count":5}},{"metric":"oInteracting","stats":{"count":2}}]}]})"));
  EXPECT_EQ(board.queue("q"), "5 2 2026-03-02T14:00:00.000Z");
  board.give(detail("c2", "acd.start", t0 + 120'000, "s2", queue));
  EXPECT_EQ(board.queue("q"), "6 2 2026-03-02T14:00:00.000Z");
  board.give(detail("c1", "user.start", t0 + 130'000, "u1", queue + R"(,"userId":"u")"));
  board.give(detail("c1", "acd.end", t0 + 135'000, "s1", queue + R"(,"answeredUserId":"u")"));
  EXPECT_EQ(board.queue("q"), "5 3 2026-03-02T14:02:00.000Z");
  // What was before the observation, and comes late, is in it already.
  board.give(detail("c3", "acd.start", t0 + 1'000, "s3", queue));
  EXPECT_EQ(board.queue("q"), "5 3 2026-03-02T14:00:01.000Z");
  // An older observation changes nothing.
  board.give(envelope("v2.analytics.queues.q.observations",
                      R"({"group":{"queueId":"q","mediaType":"voice"},"data":[{"interval":)"
                      R"("2026-03-02T14:00:30.000Z/2026-03-02T14:00:30.000Z","metrics":[)"
                      R"({"metric":"oWaiting","stats":{"count":90}}]}]})"));
  EXPECT_EQ(board.queue("q"), "5 3 2026-03-02T14:00:01.000Z");
}

TEST(Board, an_ended_conversation_leaves_and_its_late_events_do_not_bring_it_back) {
  TestBoard board;
  constexpr std::int64_t t0 = 1'772'460'000'000;
  board.give(detail("c", "customer.start", t0, "s"));
  EXPECT_EQ(board.state("c"), "ivr null null 2026-03-02T14:00:00.000Z");
  board.give(detail("c", "customer.end", t0 + 9'000, "s"));
  EXPECT_EQ(board.board.take_changes().conversations_gone, R"(["c"])");
  board.give(detail("c", "acd.start", t0 + 5'000, "a", R"(,"queueId":"q")"));
  EXPECT_EQ(board.state("c"), "none");
  EXPECT_EQ(board.queue("q"), "0 0 null");
  EXPECT_EQ(board.board.sizes().conversations, 1u);
  board.board.sweep(base::WallTime(base::Millis(kAccepted) + std::chrono::minutes(16)));
  EXPECT_EQ(board.board.sizes().conversations, 0u);
}

TEST(Board, a_customer_who_comes_back_opens_the_conversation_again) {
  TestBoard board;
  constexpr std::int64_t t0 = 1'772'460'000'000;
  board.give(detail("c", "customer.start", t0, "s1"));
  board.give(detail("c", "customer.end", t0 + 9'000, "s1"));
  board.give(detail("c", "customer.start", t0 + 60'000, "s2"));
  EXPECT_EQ(board.state("c"), "ivr null null 2026-03-02T14:01:00.000Z");
}

TEST(Board, a_consulted_agent_is_connected_when_the_first_one_leaves) {
  TestBoard board;
  constexpr std::int64_t t0 = 1'772'460'000'000;
  const std::string queue = R"(,"queueId":"q")";
  board.give(detail("c", "customer.start", t0, "s"));
  board.give(detail("c", "acd.start", t0 + 10, "a", queue));
  board.give(detail("c", "user.start", t0 + 1'000, "u1", queue + R"(,"userId":"one")"));
  board.give(detail("c", "acd.end", t0 + 3'000, "a", queue + R"(,"answeredUserId":"one")"));
  board.give(detail("c", "user.start", t0 + 20'000, "u2", queue + R"(,"userId":"two")"));
  EXPECT_EQ(board.state("c"), "connected q one 2026-03-02T14:00:03.000Z");
  EXPECT_EQ(board.agent("two"), "null null c alerting");
  board.give(detail("c", "user.end", t0 + 60'000, "u1",
                    queue + R"(,"userId":"one","disconnectType":"CONSULT_TRANSFER","interactingDurationMs":57000)"));
  EXPECT_EQ(board.state("c"), "connected q two 2026-03-02T14:01:00.000Z");
  EXPECT_EQ(board.agent("one"), "null null null null");
}

TEST(Board, hold_and_its_end_come_from_the_agent_s_state) {
  TestBoard board;
  constexpr std::int64_t t0 = 1'772'460'000'000;
  const auto state = [](std::string_view what, std::int64_t at) {
    return envelope("v2.detail.events.agent.u.state",
                    R"({"conversationId":"c","sessionId":"u1","sessionStart":1772460000000,"currentStateStart":)" +
                        std::to_string(at) + R"(,"currentState":")" + std::string(what) +
                        R"(","userId":"u","mediaType":"VOICE","queueId":"q"})");
  };
  board.give(detail("c", "customer.start", t0, "s"));
  board.give(state("ALERT", t0 + 1'000));
  EXPECT_EQ(board.state("c"), "alerting q u 2026-03-02T14:00:01.000Z");
  board.give(state("INTERACT", t0 + 2'000));
  board.give(state("HOLD", t0 + 9'000));
  EXPECT_EQ(board.state("c"), "hold q u 2026-03-02T14:00:09.000Z");
  board.give(state("INTERACT", t0 + 12'000));
  EXPECT_EQ(board.state("c"), "connected q u 2026-03-02T14:00:12.000Z");
}

TEST(Board, topics_with_the_whole_conversation_are_read_as_well) {
  TestBoard board;
  const auto whole = [](std::string_view agent_part, std::string_view customer_part) {
    return R"({"topicName":"v2.users.u.conversations","version":"2","timestamp":"2026-03-02T14:00:30.000Z","eventBody":{"id":"c","participants":[)"
           R"({"id":"p1","purpose":"customer","calls":[{"id":"s1","direction":"inbound","connectedTime":"2026-03-02T14:00:00.000Z",)" +
           std::string(customer_part) +
           R"(}]},{"id":"p2","purpose":"acd","queueId":"q","calls":[{"id":"s2","state":"disconnected","connectedTime":"2026-03-02T14:00:01.000Z","disconnectedTime":"2026-03-02T14:00:20.000Z"}]},)"
           R"({"id":"p3","purpose":"agent","userId":"u","name":"Ada","queueId":"q","calls":[{"id":"s3",)" +
           std::string(agent_part) + R"(}]}]},"metadata":{}})";
  };
  board.give(whole(R"("state":"alerting","startAlertingTime":"2026-03-02T14:00:15.000Z")", R"("state":"connected")"));
  EXPECT_EQ(board.state("c"), "alerting q u 2026-03-02T14:00:15.000Z");
  board.give(whole(
      R"("state":"connected","held":true,"connectedTime":"2026-03-02T14:00:20.000Z","startHoldTime":"2026-03-02T14:00:25.000Z")",
      R"("state":"connected")"));
  EXPECT_EQ(board.state("c"), "hold q u 2026-03-02T14:00:25.000Z");
  EXPECT_NE(board.shown().find(R"("name":"Ada")"), std::string::npos);
  board.give(whole(
      R"("state":"disconnected","connectedTime":"2026-03-02T14:00:20.000Z","disconnectedTime":"2026-03-02T14:00:40.000Z","afterCallWork":{"state":"pending"})",
      R"("state":"disconnected","disconnectedTime":"2026-03-02T14:00:39.000Z")"));
  EXPECT_EQ(board.state("c"), "wrapup q u 2026-03-02T14:00:40.000Z");
  board.give(whole(
      R"("state":"disconnected","connectedTime":"2026-03-02T14:00:20.000Z","disconnectedTime":"2026-03-02T14:00:40.000Z","afterCallWork":{"state":"complete","endTime":"2026-03-02T14:01:00.000Z"})",
      R"("state":"disconnected","disconnectedTime":"2026-03-02T14:00:39.000Z")"));
  EXPECT_EQ(board.state("c"), "none");
}

TEST(Board, flat_events_count_too) {
  TestBoard board;
  const auto flat = [](std::string_view type, std::string_view more, std::string_view time) {
    return R"({"id":")" + std::string(time) + R"(","type":")" + std::string(type) +
           R"(","timestamp":"2026-03-02T14:00:)" + std::string(time) + R"(.000Z",)" + std::string(more) + "}";
  };
  board.give(flat("v2.conversations.created", R"("conversationId":"c","mediaType":"voice")", "00"));
  EXPECT_EQ(board.state("c"), "ivr null null 2026-03-02T14:00:00.000Z");
  board.give(flat("v2.conversations.updated", R"("conversationId":"c","queueId":"q")", "01"));
  EXPECT_EQ(board.state("c"), "waiting q null 2026-03-02T14:00:01.000Z");
  board.give(flat("v2.conversations.updated", R"("conversationId":"c","queueId":"q","agentId":"u")", "02"));
  EXPECT_EQ(board.state("c"), "connected q u 2026-03-02T14:00:02.000Z");
  board.give(flat("v2.conversations.ended", R"("conversationId":"c","agentId":"u")", "09"));
  EXPECT_EQ(board.state("c"), "none");
}

TEST(Board, a_full_board_lets_go_what_was_heard_of_longest_ago_the_ended_first) {
  BoardOptions options;
  options.conversations_max = 3;
  options.agents_max = 2;
  TestBoard board(options);
  constexpr std::int64_t t0 = 1'772'460'000'000;
  board.give(detail("old", "customer.start", t0, "s"), kAccepted);
  board.give(detail("mid", "customer.start", t0, "s"), kAccepted + 1);
  board.give(detail("end", "customer.start", t0, "s"), kAccepted + 2);
  board.give(detail("end", "customer.end", t0 + 1, "s"), kAccepted + 3);
  board.board.take_changes();
  board.give(detail("new", "customer.start", t0, "s"), kAccepted + 4);
  EXPECT_NE(board.state("old"), "none");
  EXPECT_EQ(board.board.sizes().evicted, 0u) << "what has ended is no loss";
  board.give(detail("next", "customer.start", t0, "s"), kAccepted + 5);
  EXPECT_EQ(board.state("old"), "none");
  EXPECT_NE(board.state("mid"), "none");
  EXPECT_EQ(board.board.sizes().evicted, 1u);
  for (const char* user : {"u1", "u2", "u3"}) {
    board.give(envelope("v2.users." + std::string(user) + ".presence",
                        R"({"presenceDefinition":{"systemPresence":"BUSY"},"modifiedDate":"2026-03-02T14:00:00Z"})"),
               kAccepted + 10);
  }
  EXPECT_EQ(board.board.sizes().agents, 2u);
  EXPECT_NE(board.agent("u3"), "none");
}

TEST(Board, ids_that_are_none_are_not_taken) {
  TestBoard board;
  const std::string long_id(200, 'x');
  board.give(detail("c", "customer.start", 1'772'460'000'000, long_id));
  board.give(detail(long_id, "customer.start", 1'772'460'000'000, "s"));
  board.give(envelope("v2.users." + long_id + ".presence", R"({"presenceDefinition":{"systemPresence":"BUSY"}})"));
  EXPECT_EQ(board.board.sizes().conversations, 0u);
  EXPECT_EQ(board.board.sizes().agents, 0u);
}

TEST(Board, comes_back_from_what_was_stored_at_any_moment) {
  auto events = samples("schema-lifecycle-");
  for (const auto& more : {samples("schema-user-"), samples("schema-agent-state"), samples("schema-queue-")})
    events.insert(events.end(), more.begin(), more.end());
  TestBoard board;
  std::map<std::string, std::string> disk;
  for (const std::string& event : events) {
    board.give(event);
    if (board.next % 3 == 0) board.board.sweep(base::WallTime(base::Millis(kAccepted)));
    for (auto& stored : board.board.take_unstored()) {
      if (stored.bytes) {
        disk[stored.key] = *stored.bytes;
      } else {
        disk.erase(stored.key);
      }
    }
    TestBoard restored;
    for (const auto& [key, bytes] : disk) ASSERT_TRUE(restored.board.restore(key, bytes)) << key;
    ASSERT_EQ(restored.shown(), board.shown());
    restored.board.take_unstored();
  }
  board.board.sweep(base::WallTime(base::Millis(kAccepted) + std::chrono::hours(25)));
  for (auto& stored : board.board.take_unstored()) {
    ASSERT_FALSE(stored.bytes);
    disk.erase(stored.key);
  }
  for (const auto& [key, bytes] : disk) EXPECT_FALSE(key.starts_with("c/")) << "an ended conversation leaves the disk";
}

TEST(Board, bytes_of_another_version_are_refused) {
  TestBoard board;
  for (const std::string& event : samples("schema-")) {
    for (const auto& decoded : event::testing::decode_all(event)) {
      if (!std::holds_alternative<event::Event>(decoded)) continue;
      engine::Record record;
      record.event = std::get<event::Event>(decoded);
      record.sequence = {board.next++};
      board.board.apply(record);
    }
  }
  std::size_t tried = 0;
  for (const auto& stored : board.board.take_unstored()) {
    TestBoard other;
    EXPECT_FALSE(other.board.restore(stored.key, "\x07" + stored.bytes->substr(1)));
    EXPECT_FALSE(other.board.restore("x/" + stored.key.substr(2), *stored.bytes));
    for (std::size_t cut = 0; cut + 1 < stored.bytes->size(); cut += 3) {
      EXPECT_FALSE(other.board.restore(stored.key, stored.bytes->substr(0, cut))) << stored.key << " cut at " << cut;
      ++tried;
    }
  }
  EXPECT_GT(tried, 100u);
}

}  // namespace
}  // namespace trunkline::board
