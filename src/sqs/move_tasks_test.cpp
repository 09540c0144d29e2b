// Tasks that move what is in a dead-letter queue.
#include "sqs/move_tasks.hpp"

#include <set>

#include "base/crypto.hpp"
#include "sqs/fixture_test.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MessageMoves : public testing::MadeQueues {
 protected:
  void SetUp() override {
    start_unsigned();
    create("idle");
    create("dead");
    create("jobs", redrive_policy("dead", 1));
  }
  static std::string arn(const std::string& queue) { return "arn:aws:sqs:us-east-1:000000000000:" + queue; }
  // So many messages of `jobs` were received too often: "0", "1", ….
  void fill(int count) {
    for (int i = 0; i < count; ++i) send("jobs", std::to_string(i));
    while (!messages(on("ReceiveMessage", "jobs", R"(,"WaitTimeSeconds":1,"VisibilityTimeout":0)")).empty()) {
    }
  }
  net::ClientResponse begin(const std::string& source, const std::string& rest = "") {
    return json("StartMessageMoveTask", R"({"SourceArn":")" + arn(source) + "\"" + rest + "}");
  }
  net::ClientResponse list(const std::string& source, int most = 1) {
    return json("ListMessageMoveTasks",
                R"({"SourceArn":")" + arn(source) + R"(","MaxResults":)" + std::to_string(most) + "}");
  }
  // Of the newest task, once it has ended.
  net::ClientResponse ended(const std::string& source) {
    auto answer = list(source);
    while (answer.body.find("RUNNING") != std::string::npos || answer.body.find("CANCELLING") != std::string::npos) {
      receive_at_once("idle");  // takes a moment
      answer = list(source);
    }
    return answer;
  }
  static std::string to(const std::string& queue) { return R"(,"DestinationArn":")" + arn(queue) + "\""; }
};

TEST_F(MessageMoves, what_came_from_a_queue_goes_back_to_it_as_new_messages) {
  const std::string id = text_in(send("jobs", "first"), "MessageId");
  fill(2);
  EXPECT_EQ(begin("dead").status, 200);
  const auto answer = ended("dead");
  EXPECT_THAT(answer.body, HasSubstr(R"("Status":"COMPLETED","SourceArn":")" + arn("dead")));
  EXPECT_THAT(answer.body, HasSubstr(R"("ApproximateNumberOfMessagesMoved":3)"));
  EXPECT_THAT(answer.body, HasSubstr(R"("StartedTimestamp":1)"));
  EXPECT_THAT(answer.body, Not(HasSubstr("TaskHandle")));
  EXPECT_THAT(answer.body, Not(HasSubstr("DestinationArn")));
  std::set<std::string> bodies;
  while (bodies.size() < 3) {
    const auto got = on("ReceiveMessage", "jobs", R"(,"WaitTimeSeconds":20,"AttributeNames":["All"])");
    const auto each = messages(got);
    ASSERT_EQ(each.size(), 1u);
    EXPECT_EQ(each[0].count, "1");
    EXPECT_NE(each[0].id, id);
    EXPECT_THAT(got.body, Not(HasSubstr("DeadLetterQueueSourceArn")));
    bodies.insert(each[0].body);
  }
  EXPECT_EQ(bodies, (std::set<std::string>{"0", "1", "first"}));
  EXPECT_TRUE(receive_at_once("dead").empty());
}

TEST_F(MessageMoves, a_destination_takes_all_also_what_was_sent_to_the_dead_letter_queue_itself) {
  create("elsewhere");
  fill(1);
  send("dead", "direct");
  EXPECT_EQ(begin("dead", to("elsewhere") + R"(,"MaxNumberOfMessagesPerSecond":500)").status, 200);
  const auto answer = ended("dead");
  EXPECT_THAT(answer.body, HasSubstr(R"("DestinationArn":")" + arn("elsewhere") +
                                     R"(","MaxNumberOfMessagesPerSecond":500,"ApproximateNumberOfMessagesMoved":2)"));
  auto bodies = drain("elsewhere", 2);
  std::ranges::sort(bodies);
  EXPECT_EQ(bodies, (std::vector<std::string>{"0", "direct"}));
}

TEST_F(MessageMoves, a_fifo_queue_gets_its_groups_back_in_order) {
  create("dead.fifo", R"("FifoQueue":"true")");
  create("work.fifo", R"("FifoQueue":"true",)" + redrive_policy("dead.fifo", 1));
  for (const char* body : {"1", "2", "3"}) send("work.fifo", body, fifo("g", body));
  while (!messages(on("ReceiveMessage", "work.fifo", R"(,"WaitTimeSeconds":1,"VisibilityTimeout":0)")).empty()) {
  }
  EXPECT_EQ(begin("dead.fifo").status, 200);
  EXPECT_THAT(ended("dead.fifo").body, HasSubstr(R"("ApproximateNumberOfMessagesMoved":3)"));
  EXPECT_EQ(drain("work.fifo", 3), (std::vector<std::string>{"1", "2", "3"}));
}

TEST_F(MessageMoves, a_message_that_has_no_way_back_fails_the_task_and_stays) {
  send("dead", "direct");
  EXPECT_EQ(begin("dead").status, 200);
  EXPECT_THAT(ended("dead").body, HasSubstr(R"("FailureReason":"CouldNotDetermineMessageSource")"));
  EXPECT_EQ(drain("dead", 1), (std::vector<std::string>{"direct"}));
  create("other", redrive_policy("dead", 1));
  fill(1);
  on("DeleteQueue", "jobs");
  EXPECT_EQ(begin("dead").status, 200);
  const auto answer = ended("dead");
  EXPECT_THAT(answer.body, HasSubstr(R"("Status":"FAILED")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("FailureReason":"AWS.SimpleQueueService.NonExistentQueue")"));
  EXPECT_EQ(drain("dead", 1), (std::vector<std::string>{"0"}));
  EXPECT_THAT(list("dead", 2).body, HasSubstr("CouldNotDetermineMessageSource")) << "the older one is remembered";
}

TEST_F(MessageMoves, one_task_of_a_source_runs_at_its_rate_until_it_is_cancelled) {
  fill(40);
  const std::string handle = text_in(begin("dead", R"(,"MaxNumberOfMessagesPerSecond":1)"), "TaskHandle");
  const auto again = begin("dead");
  EXPECT_EQ(again.status, 400);
  EXPECT_THAT(again.body, HasSubstr("There is already a task running. Only one active task is allowed for a source "
                                    "queue arn at a given time."));
  EXPECT_THAT(list("dead").body, HasSubstr(R"({"TaskHandle":")" + handle + R"(","Status":"RUNNING")"));
  const std::string cancel = R"({"TaskHandle":")" + handle + "\"}";
  EXPECT_THAT(json("CancelMessageMoveTask", cancel).body, HasSubstr(R"({"ApproximateNumberOfMessagesMoved":)"));
  EXPECT_THAT(ended("dead").body, HasSubstr(R"("Status":"CANCELLED")"));
  EXPECT_EQ(json("CancelMessageMoveTask", cancel).status, 404);
  EXPECT_FALSE(receive_at_once("dead").empty());
  restart_unsigned();
  EXPECT_THAT(list("dead").body, HasSubstr(R"("Status":"CANCELLED")"));
}

TEST_F(MessageMoves, a_task_goes_on_after_a_restart_and_moves_each_once) {
  fill(4);
  EXPECT_EQ(begin("dead", R"(,"MaxNumberOfMessagesPerSecond":1)").status, 200);
  EXPECT_EQ(drain("jobs", 1).size(), 1u);
  restart_unsigned();
  EXPECT_THAT(list("dead").body, HasSubstr(R"("Status":"RUNNING")"));
  EXPECT_EQ(drain("jobs", 3).size(), 3u);
  EXPECT_THAT(ended("dead").body, HasSubstr(R"("Status":"COMPLETED")"));
  EXPECT_THAT(list("dead").body, HasSubstr(R"("ApproximateNumberOfMessagesMoved":4)"));
  EXPECT_TRUE(receive_at_once("jobs").empty());
}

TEST_F(MessageMoves, what_cannot_be_moved_is_refused_in_aws_words) {
  create("dead.fifo", R"("FifoQueue":"true")");
  add("wfm", event::Order::none);
  const std::vector<std::array<std::string, 3>> cases = {
      {"gone", "", "The resource that you specified for the SourceArn parameter doesn't exist."},
      {"jobs", "", "Source queue must be configured as a Dead Letter Queue."},
      {"wfm", "", "Source queue must be configured as a Dead Letter Queue."},
      {"dead", to("gone"), "The resource that you specified for the DestinationArn parameter doesn't exist."},
      {"dead", to("dead.fifo"), "The source queue and destination queue must be of the same queue type."},
      {"dead", to("wfm"), "UnsupportedOperation"},
      {"dead", R"(,"MaxNumberOfMessagesPerSecond":501)", "Value 501 for parameter MaxNumberOfMessagesPerSecond"},
  };
  for (const auto& [source, rest, message] : cases) {
    const auto answer = begin(source, rest);
    EXPECT_EQ(answer.status, message.starts_with("The resource") ? 404 : 400) << message;
    EXPECT_THAT(answer.body, HasSubstr(message));
  }
  EXPECT_EQ(list("dead").body, R"({"Results":[]})");
  EXPECT_EQ(list("gone").status, 404);
  EXPECT_THAT(json("CancelMessageMoveTask", R"({"TaskHandle":"x"})").body,
              HasSubstr("Value for parameter TaskHandle is invalid."));
  const std::string unknown = base::base64_encode(R"({"taskId":"a","sourceArn":")" + arn("dead") + "\"}");
  const auto none = json("CancelMessageMoveTask", R"({"TaskHandle":")" + unknown + "\"}");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(header(none, "x-amzn-query-error"), "ResourceNotFoundException;Sender");
  EXPECT_THAT(none.body, HasSubstr("Task does not exist."));
}

TEST_F(MessageMoves, the_query_protocol_says_the_same) {
  const auto started = form("Action=StartMessageMoveTask&SourceArn=" + arn("dead"));
  EXPECT_THAT(started.body, HasSubstr("<StartMessageMoveTaskResult><TaskHandle>"));
  ended("dead");
  EXPECT_THAT(form("Action=ListMessageMoveTasks&SourceArn=" + arn("dead")).body,
              HasSubstr("<ListMessageMoveTasksResult><ListMessageMoveTasksResultEntry><Status>COMPLETED</Status>"));
}

TEST(MoveTask, is_what_it_was_when_it_is_read_again) {
  const MoveTask task{"id", "dead", "to", 7, MoveStatus::failed, 3, 5, "Why", 1'700'000'000'000};
  const auto again = decode_move_task(encode_move_task(task));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(encode_move_task(*again), encode_move_task(task));
  for (const char* text : {"", "{}", R"({"id":"a","source":"b","status":"ASLEEP"})"})
    EXPECT_FALSE(decode_move_task(text).ok()) << text;
}

}  // namespace
}  // namespace trunkline::sqs
