// Messages that were received too often, and queues that are purged.
#include "sqs/fixture_test.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::HasSubstr;

class DeadLetterQueues : public testing::MadeQueues {
 protected:
  // What was received too often leaves.
  void expect_nothing(const std::string& queue) {
    EXPECT_TRUE(messages(on("ReceiveMessage", queue, R"(,"WaitTimeSeconds":2)")).empty()) << queue;
  }
};

TEST_F(DeadLetterQueues, what_was_received_too_often_goes_to_the_dead_letter_queue_as_it_was) {
  create("dead.fifo", R"("FifoQueue":"true")");
  create("work.fifo", R"("FifoQueue":"true",)" + redrive_policy("dead.fifo", 2));
  EXPECT_EQ(on("ListDeadLetterSourceQueues", "dead.fifo").body, R"({"queueUrls":[")" + url("work.fifo") + "\"]}");
  const std::string id = text_in(send("work.fifo", "bad", fifo("g", "1")), "MessageId");
  send("work.fifo", "good", fifo("g", "2"));
  for (int i = 0; i < 2; ++i) {
    const auto got = receive("work.fifo", R"(,"VisibilityTimeout":0)");
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].body, "bad");
  }
  // The receive that would be one too many takes the next one of the group.
  EXPECT_EQ(drain("work.fifo", 1), (std::vector<std::string>{"good"}));
  restart_unsigned();
  const auto answer = on("ReceiveMessage", "dead.fifo", R"(,"WaitTimeSeconds":20,"AttributeNames":["All"])");
  EXPECT_THAT(answer.body, HasSubstr(R"("Body":"bad")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("MessageId":")" + id));
  EXPECT_THAT(answer.body, HasSubstr(R"("DeadLetterQueueSourceArn":"arn:aws:sqs:us-east-1:000000000000:work.fifo")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("MessageGroupId":"g")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("MessageDeduplicationId":")" + id));
  EXPECT_THAT(answer.body, HasSubstr(R"("ApproximateReceiveCount":"1")"));
  EXPECT_TRUE(receive_at_once("work.fifo").empty());
}

TEST_F(DeadLetterQueues, a_message_that_moves_along_two_queues_keeps_what_it_was_when_it_was_sent) {
  create("last");
  create("dead", redrive_policy("last", 1));
  create("jobs", R"("VisibilityTimeout":"0",)" + redrive_policy("dead", 1));
  const auto sent = send("jobs", "one", R"(,"MessageAttributes":{"a":{"DataType":"String","StringValue":"b"}})");
  const auto first = on("ReceiveMessage", "jobs", R"(,"WaitTimeSeconds":20,"AttributeNames":["SentTimestamp"])");
  EXPECT_EQ(messages(first).size(), 1u);
  expect_nothing("jobs");
  ASSERT_EQ(receive("dead", R"(,"VisibilityTimeout":0)").size(), 1u);
  expect_nothing("dead");
  const auto got =
      on("ReceiveMessage", "last", R"(,"WaitTimeSeconds":20,"AttributeNames":["All"],"MessageAttributeNames":["All"])");
  json::Document document;
  const auto message = document.parse(got.body)->find("Messages")->first();
  EXPECT_EQ(message->string_at("MessageId"), text_in(sent, "MessageId"));
  EXPECT_EQ(message->string_at("MD5OfMessageAttributes"), text_in(sent, "MD5OfMessageAttributes"));
  const auto attributes = message->find("Attributes");
  EXPECT_EQ(attributes->string_at("DeadLetterQueueSourceArn"), "arn:aws:sqs:us-east-1:000000000000:dead");
  const std::string at(attributes->string_at("SentTimestamp"));
  EXPECT_THAT(first.body, HasSubstr(R"({"SentTimestamp":")" + at + "\"}")) << "when it was sent, not when it moved";
}

TEST_F(DeadLetterQueues, the_others_of_a_receive_come_although_one_of_them_moves) {
  create("dead");
  create("jobs", redrive_policy("dead", 1));
  send("jobs", "old");
  ASSERT_EQ(receive("jobs", R"(,"VisibilityTimeout":0)").size(), 1u);
  send("jobs", "new");
  EXPECT_EQ(drain("jobs", 1), (std::vector<std::string>{"new"}));
  expect_nothing("jobs");
  EXPECT_EQ(drain("dead", 1), (std::vector<std::string>{"old"}));
  EXPECT_TRUE(receive_at_once("jobs").empty());
}

TEST_F(DeadLetterQueues, a_dead_letter_queue_says_whose_messages_it_takes) {
  const std::string arn = "arn:aws:sqs:us-east-1:000000000000:";
  create("dead",
         R"("RedriveAllowPolicy":"{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\")" + arn + R"(jobs\"]}")");
  EXPECT_EQ(create("jobs", redrive_policy("dead", 1)).status, 200);
  EXPECT_EQ(create("other", redrive_policy("dead", 1)).status, 400);
  create("other");
  const std::string wanted = R"(,"Attributes":{)" + redrive_policy("dead", 1) + "}";
  EXPECT_EQ(on("SetQueueAttributes", "other", wanted).status, 400);
  const std::string allow = R"(,"Attributes":{"RedriveAllowPolicy":"{\"redrivePermission\":\"allowAll\"}"})";
  EXPECT_EQ(on("SetQueueAttributes", "dead", allow).status, 200);
  EXPECT_EQ(on("SetQueueAttributes", "other", wanted).status, 200);
  const auto page = on("ListDeadLetterSourceQueues", "dead", R"(,"MaxResults":1)");
  EXPECT_THAT(page.body, HasSubstr(url("jobs")));
  const auto next =
      on("ListDeadLetterSourceQueues", "dead", R"(,"MaxResults":1,"NextToken":")" + text_in(page, "NextToken") + "\"");
  EXPECT_EQ(next.body, R"({"queueUrls":[")" + url("other") + "\"]}");
}

TEST_F(DeadLetterQueues, without_its_dead_letter_queue_a_message_goes_on_being_given_out) {
  create("dead");
  create("jobs", R"("VisibilityTimeout":"0",)" + redrive_policy("dead", 1));
  send("jobs", "one");
  on("DeleteQueue", "dead");
  for (int i = 1; i < 4; ++i) {
    const auto got = receive("jobs");
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].count, std::to_string(i));
  }
}

TEST_F(DeadLetterQueues, a_purge_takes_all_and_what_is_known_of_deduplication_once_a_minute) {
  create("work.fifo", R"("FifoQueue":"true")");
  send("work.fifo", "one", fifo("g", "1"));
  const auto held = receive("work.fifo");
  ASSERT_EQ(held.size(), 1u) << "in flight it goes, too";
  send("work.fifo", "two", fifo("h", "2"));
  EXPECT_EQ(on("PurgeQueue", "work.fifo").status, 200);
  EXPECT_TRUE(receive_at_once("work.fifo").empty());
  const auto again = on("PurgeQueue", "work.fifo");
  EXPECT_EQ(again.status, 403);
  EXPECT_THAT(again.body, HasSubstr("Only one PurgeQueue operation on work.fifo is allowed every 60 seconds."));
  const std::string handle = R"(,"ReceiptHandle":")" + held[0].handle + "\"";
  EXPECT_THAT(on("DeleteMessage", "work.fifo", handle).body, HasSubstr("The receipt handle has expired."));
  create("other.fifo", R"("FifoQueue":"true")");
  send("work.fifo", "anew", fifo("g", "1"));
  restart_unsigned();
  const auto anew = receive("work.fifo");
  ASSERT_EQ(anew.size(), 1u);
  EXPECT_EQ(anew[0].body, "anew");
  EXPECT_THAT(on("DeleteMessage", "other.fifo", R"(,"ReceiptHandle":")" + anew[0].handle + "\"").body,
              HasSubstr("ReceiptHandleIsInvalid"));
  clock_.advance(std::chrono::seconds(61));
  EXPECT_EQ(on("PurgeQueue", "work.fifo").status, 200);
  EXPECT_EQ(on("PurgeQueue", "gone.fifo").status, 400);
}

}  // namespace
}  // namespace trunkline::sqs
