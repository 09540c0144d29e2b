#include "board/service_level.hpp"

#include "board/board_testing.hpp"

namespace trunkline::board {
namespace {

using testing::detail;
using testing::kAccepted;
using testing::record_of;
using testing::TestBoard;

constexpr Time kSecond = 1'000;
constexpr Time kMinute = 60 * kSecond;

struct Call {
  std::string id;
  Time came = kAccepted;
  Time waited = 0;
  std::string outcome = "ANSWERED";
};

std::vector<std::string> events_of(const Call& call) {
  const std::string queue = R"(,"queueId":"q")";
  const Time end = call.came + call.waited;
  const std::string agent = call.outcome == "ANSWERED" ? R"(,"answeredUserId":"u")" : "";
  return {detail(call.id, "customer.start", call.came, "c-" + call.id),
          detail(call.id, "acd.start", call.came, "w-" + call.id, queue),
          detail(call.id, "acd.end", end, "w-" + call.id, queue + R"(,"acdOutcome":")" + call.outcome + "\"" + agent),
          detail(call.id, "customer.end", end + kSecond, "c-" + call.id)};
}

class ServiceLevelOfAQueue : public ::testing::Test {
 protected:
  void take(const Call& call) {
    for (const std::string& event : events_of(call)) board_.give(event);
  }
  std::string level() { return board_.level("q"); }

  TestBoard board_;
};

TEST_F(ServiceLevelOfAQueue, is_the_share_answered_in_time_of_all_who_were_answered_or_gave_up) {
  EXPECT_EQ(level(), "none");
  take({"a", kAccepted, 20 * kSecond});
  EXPECT_EQ(level(), "1 0 100.0");
  take({"b", kAccepted, 20 * kSecond + 1});
  EXPECT_EQ(level(), "2 0 50.0");
  take({"c", kAccepted, 5 * kSecond, "ABANDON"});
  EXPECT_EQ(level(), "2 1 33.3");
  take({"d", kAccepted, 5 * kSecond, "FLOW_OUT"});
  EXPECT_EQ(level(), "2 1 33.3") << "sent elsewhere, counted there";
}

TEST_F(ServiceLevelOfAQueue, counts_a_wait_once_however_often_and_in_whatever_order_it_is_told) {
  std::vector<std::string> events;
  for (const Call& call : {Call{"a", kAccepted, 10 * kSecond}, Call{"b", kAccepted, 40 * kSecond},
                           Call{"c", kAccepted + kMinute, 3 * kSecond, "ABANDON"}})
    for (const std::string& event : events_of(call)) events.push_back(event);
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < events.size(); ++i) order.insert(order.end(), 1 + random() % 3, i);
    std::shuffle(order.begin(), order.end(), random);
    TestBoard board;
    for (const std::size_t i : order) board.board.apply(record_of(events[i], i + 1));
    ASSERT_EQ(board.level("q"), "2 1 33.3") << "round " << round;
  }
}

TEST_F(ServiceLevelOfAQueue, forgets_what_lies_further_back_than_the_window) {
  take({"a", kAccepted, 10 * kSecond});
  take({"b", kAccepted + 29 * kMinute, kSecond, "ABANDON"});
  EXPECT_EQ(level(), "1 1 50.0");
  take({"c", kAccepted + 40 * kMinute, kSecond});
  EXPECT_EQ(level(), "1 1 50.0") << "the first is older than half an hour";
  board_.give(detail("other", "customer.start", kAccepted + 2 * 60 * kMinute, "c"));
  board_.board.sweep(base::WallTime(base::Millis(kAccepted)));
  EXPECT_EQ(level(), "0 0 null");
}

TEST_F(ServiceLevelOfAQueue, is_not_emptied_by_one_event_of_a_clock_that_is_years_ahead) {
  take({"a", kAccepted, 10 * kSecond});
  board_.give(detail("b", "customer.start", kAccepted + 400LL * 24 * 60 * kMinute, "c"));
  EXPECT_EQ(level(), "1 0 100.0");
}

TEST_F(ServiceLevelOfAQueue, does_not_count_a_wait_that_ends_years_ahead_over_a_restart_either) {
  take({"a", kAccepted, 10 * kSecond});
  take({"b", kAccepted + 400LL * 24 * 60 * kMinute, 10 * kSecond, "ABANDON"});
  EXPECT_EQ(level(), "1 0 100.0");
  TestBoard again;
  for (const auto& stored : board_.board.take_unstored()) EXPECT_TRUE(again.board.restore(stored.key, *stored.bytes));
  EXPECT_EQ(again.level("q"), "1 0 100.0");
  for (const std::string& event : events_of({"c", kAccepted + kMinute, kSecond, "ABANDON"})) again.give(event);
  EXPECT_EQ(again.level("q"), "1 1 50.0");
}

TEST_F(ServiceLevelOfAQueue, stands_after_a_restart_and_counts_on) {
  take({"a", kAccepted, 10 * kSecond});
  const auto half = events_of({"b", kAccepted, 40 * kSecond});
  for (std::size_t i = 0; i < 3; ++i) board_.give(half[i]);
  TestBoard again;
  for (const auto& stored : board_.board.take_unstored()) EXPECT_TRUE(again.board.restore(stored.key, *stored.bytes));
  EXPECT_EQ(again.level("q"), "2 0 50.0");
  for (const std::string& event : half) again.give(event);
  EXPECT_EQ(again.level("q"), "2 0 50.0") << "told again";
}

TEST(ServiceLevel, holds_a_day_at_most) {
  ServiceLevel level;
  for (std::size_t step = 0; step < 2 * ServiceLevel::kStepsMax; ++step)
    level.add(static_cast<Time>(step) * ServiceLevel::kStep, {1, 0, 0});
  constexpr Time kEnd = static_cast<Time>(2 * ServiceLevel::kStepsMax) * ServiceLevel::kStep;
  EXPECT_EQ(level.between(0, kEnd).in_time, static_cast<std::int64_t>(ServiceLevel::kStepsMax));
}

TEST(ServiceLevel, keeps_the_steps_between_two_times_and_lets_go_the_others) {
  constexpr Time kStep = ServiceLevel::kStep;
  ServiceLevel level;
  for (Time step = 1; step <= 10; ++step) level.add(step * kStep, {1, 0, 0});
  EXPECT_EQ(level.between(3 * kStep, 5 * kStep).in_time, 3);
  EXPECT_EQ(level.newest(5 * kStep + 1), 5 * kStep);
  EXPECT_EQ(level.newest(kStep - 1), 0);
  EXPECT_TRUE(level.keep_between(3 * kStep, 5 * kStep));
  EXPECT_FALSE(level.keep_between(3 * kStep, 5 * kStep));
  EXPECT_EQ(level.between(0, 20 * kStep).in_time, 3);
}

TEST(ServiceLevel, refuses_bytes_that_are_none) {
  std::string bytes;
  base::put_varint(bytes, ServiceLevel::kStepsMax + 1);
  base::ByteReader many(bytes);
  EXPECT_FALSE(ServiceLevel().decode(many));
  bytes.clear();
  base::put_varint(bytes, 2);
  base::ByteReader cut(bytes);
  EXPECT_FALSE(ServiceLevel().decode(cut));
}

// ---- stale

TEST(Stale, is_what_was_not_heard_of_for_long_until_it_is_heard_of_again) {
  BoardOptions options;
  options.stale_after = std::chrono::minutes(10);
  TestBoard board(options);
  board.give(detail("x", "customer.start", kAccepted, "c"));
  board.give(detail("x", "acd.start", kAccepted, "w", R"(,"queueId":"q")"));
  const auto sweep = [&](Time after) { board.board.sweep(base::WallTime(base::Millis(kAccepted + after))); };
  sweep(10 * kMinute);
  EXPECT_EQ(board.stale("x"), "false false");
  sweep(10 * kMinute + 1);
  EXPECT_EQ(board.stale("x"), "true true");
  board.give(detail("x", "acd.end", kAccepted + 11 * kMinute, "w", R"(,"queueId":"q")"), kAccepted + 11 * kMinute);
  EXPECT_EQ(board.stale("x"), "false false");
}

}  // namespace
}  // namespace trunkline::board
