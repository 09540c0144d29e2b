// ReceiveRequestAttemptId: a receive whose answer was lost gets the same again.
#include "sqs/receive_attempts.hpp"

#include "sqs/fixture_test.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::HasSubstr;

class Attempts : public testing::MadeQueues {
 protected:
  void SetUp() override {
    start_unsigned();
    create("work.fifo", R"("FifoQueue":"true","VisibilityTimeout":"3600")");
    for (const char* body : {"1", "2"}) send("work.fifo", body, fifo("g", body));
  }
  std::vector<Got> attempt(const std::string& id, const std::string& rest = "") {
    return messages(
        on("ReceiveMessage", "work.fifo",
           R"(,"AttributeNames":["All"],"WaitTimeSeconds":2,"ReceiveRequestAttemptId":")" + id + "\"" + rest));
  }
  // The group's first message.
  Got first(const std::string& id) {
    const auto got = attempt(id, R"(,"MaxNumberOfMessages":1)");
    EXPECT_EQ(got.size(), 1u);
    return got.empty() ? Got() : got[0];
  }
  void settle(const std::string& operation, const Got& message, const std::string& rest = "") {
    EXPECT_EQ(on(operation, "work.fifo", R"(,"ReceiptHandle":")" + message.handle + "\"" + rest).status, 200);
  }
};

TEST_F(Attempts, give_the_same_messages_and_handles_again) {
  const Got got = first("a");
  const auto again = attempt("a");
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].id, got.id);
  EXPECT_EQ(again[0].handle, got.handle);
  EXPECT_EQ(again[0].count, "1") << "it is the same receive";
  EXPECT_EQ(again[0].body, "1");
  EXPECT_TRUE(attempt("b").empty()) << "another receive finds the group in flight";
  settle("DeleteMessage", again[0]);
  const auto next = attempt("b");
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].body, "2");
}

TEST_F(Attempts, begin_the_visibility_anew) {
  const Got got = first("a");
  ASSERT_EQ(attempt("a", R"(,"VisibilityTimeout":0)").size(), 1u);
  // What was to be hidden for an hour came again at once: the repeat has said so.
  const auto other = attempt("b");
  ASSERT_FALSE(other.empty());
  EXPECT_EQ(other[0].count, "2");
  EXPECT_NE(other[0].handle, got.handle);
}

TEST_F(Attempts, are_new_receives_once_a_message_was_deleted_or_changed) {
  settle("DeleteMessage", first("a"));
  const auto next = attempt("a");
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].body, "2");
  settle("ChangeMessageVisibility", next[0], R"(,"VisibilityTimeout":3000)");
  EXPECT_TRUE(attempt("a").empty());
  settle("ChangeMessageVisibility", next[0], R"(,"VisibilityTimeout":0)");
  const auto last = attempt("a");
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].body, "2");
  EXPECT_EQ(last[0].count, "2");
}

TEST_F(Attempts, are_forgotten_after_five_minutes) {
  first("a");
  clock_.advance(std::chrono::minutes(4));
  EXPECT_EQ(attempt("a").size(), 1u);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_TRUE(attempt("a").empty()) << "five minutes from the first one, whenever it was repeated";
}

TEST_F(Attempts, are_of_fifo_queues) {
  create("jobs");
  const auto standard = on("ReceiveMessage", "jobs", R"(,"ReceiveRequestAttemptId":"a")");
  EXPECT_EQ(standard.status, 400);
  EXPECT_THAT(standard.body, HasSubstr("Value a for parameter ReceiveRequestAttemptId is invalid."));
  EXPECT_EQ(on("ReceiveMessage", "work.fifo", R"(,"ReceiveRequestAttemptId":"a b")").status, 400);
  EXPECT_EQ(on("ReceiveMessage", "work.fifo", R"(,"ReceiveRequestAttemptId":")" + std::string(129, 'x') + "\"").status,
            400);
}

TEST(ReceiveAttempts, are_bounded_in_number_and_bytes_and_forget_the_oldest) {
  ReceiveAttempts attempts;
  const base::WallTime now{std::chrono::hours(1)};
  const auto given = [&](std::uint64_t lease, std::size_t bytes) {
    auto record = std::make_shared<engine::Record>();
    record->event.raw.assign(bytes, 'x');
    ReceiveAttempts::Given one;
    one.at = now;
    one.leases.resize(1);
    one.leases[0].id = lease;
    one.leases[0].messages.resize(1);
    one.leases[0].messages[0].record = std::move(record);
    return one;
  };
  const base::QueueId queue{1};
  for (std::uint64_t i = 0; i <= ReceiveAttempts::kMax; ++i) attempts.put(queue, std::to_string(i), given(i, 1));
  EXPECT_FALSE(attempts.find(queue, "0", now));
  EXPECT_TRUE(attempts.find(queue, "1", now));
  EXPECT_FALSE(attempts.find(base::QueueId{2}, "1", now));
  attempts.changed(1);
  EXPECT_FALSE(attempts.find(queue, "1", now));
  attempts.put(queue, "large", given(1'000'000, ReceiveAttempts::kBytesMax));
  EXPECT_FALSE(attempts.find(queue, "2", now));
  EXPECT_TRUE(attempts.find(queue, "large", now));
  attempts.put(queue, "larger", given(1'000'001, ReceiveAttempts::kBytesMax + 1));
  EXPECT_FALSE(attempts.find(queue, "larger", now));
  EXPECT_TRUE(attempts.find(queue, "large", now));
}

}  // namespace
}  // namespace trunkline::sqs
