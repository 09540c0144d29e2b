// Queues that clients make, and what they send to them.
#include "base/crypto.hpp"
#include "sqs/fixture_test.hpp"
#include "sqs/message.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::HasSubstr;
using testing::MadeQueues;
using ::testing::Not;

TEST_F(MadeQueues, a_queue_is_made_once_and_has_what_it_was_told) {
  EXPECT_EQ(create("jobs", R"("VisibilityTimeout":"7","DelaySeconds":"0")").body,
            R"({"QueueUrl":")" + url("jobs") + "\"}");
  EXPECT_EQ(create("jobs").status, 200) << "nothing was said that differs";
  EXPECT_EQ(create("jobs", R"("VisibilityTimeout":"7","MaximumMessageSize":"1048576")").status, 200);
  const auto differs = create("jobs", R"("VisibilityTimeout":"8")");
  EXPECT_EQ(differs.body,
            R"({"__type":"com.amazonaws.sqs#QueueNameExists","message":"A queue already exists with the same )"
            R"(name and a different value for attribute VisibilityTimeout"})");
  EXPECT_EQ(header(differs, "x-amzn-query-error"), "QueueAlreadyExists;Sender");
  EXPECT_EQ(attribute("jobs", "VisibilityTimeout"), "7");
  EXPECT_EQ(attribute("jobs", "MessageRetentionPeriod"), "345600");
  EXPECT_EQ(attribute("jobs", "FifoQueue"), "");
  EXPECT_EQ(attribute("jobs", "CreatedTimestamp"), attribute("jobs", "LastModifiedTimestamp"));
  clock_.advance(std::chrono::seconds(5));
  EXPECT_EQ(on("SetQueueAttributes", "jobs", R"(,"Attributes":{"MessageRetentionPeriod":"60"})").status, 200);
  EXPECT_NE(attribute("jobs", "CreatedTimestamp"), attribute("jobs", "LastModifiedTimestamp"));
  EXPECT_EQ(json("ListQueues", "{}").body, R"({"QueueUrls":[")" + url("jobs") + "\"]}");
}

TEST_F(MadeQueues, what_cannot_be_is_refused_in_aws_words) {
  const std::vector<std::array<std::string, 3>> cases = {
      {"a b", "", "Can only include alphanumeric characters"},
      {"x.fifo", "", "Can only include alphanumeric characters"},
      {"x", R"("FifoQueue":"true")", "must end with .fifo suffix"},
      {"x", R"("FifoQueue":"false")", "Unknown Attribute FifoQueue."},
      {"x", R"("DeduplicationScope":"queue")",
       "You can specify the DeduplicationScope only when FifoQueue is set to true."},
      {"x", R"("VisibilityTimeout":"43201")", "Invalid value for the parameter VisibilityTimeout."},
      {"x", R"("QueueArn":"a")", "Unknown Attribute QueueArn."},
      {"x", R"("KmsMasterKeyId":"alias/aws/sqs")", "does not encrypt"},
      {"x", R"("Policy":"no json")", "Invalid value for the parameter Policy."},
      {"x", R"("RedrivePolicy":"{\"maxReceiveCount\":1001,\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:0:d\"}")",
       "Invalid value for maxReceiveCount: 1001"},
      {"x",
       R"("RedrivePolicy":"{\"maxReceiveCount\":1,\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:d\"}")",
       "Dead letter target does not exist."},
      {"x.fifo", R"("FifoQueue":"true","FifoThroughputLimit":"perMessageGroupId")",
       "only when the value for DeduplicationScope"},
  };
  for (const auto& [name, attributes, message] : cases) {
    const auto answer = create(name, attributes);
    EXPECT_EQ(answer.status, 400) << name << attributes;
    EXPECT_THAT(answer.body, HasSubstr(message));
  }
  EXPECT_EQ(json("ListQueues", "{}").body, "{}");
}

TEST_F(MadeQueues, a_queue_of_the_configuration_stays_as_it_is) {
  const Queue wfm = add("wfm", event::Order::none);
  EXPECT_EQ(create("wfm").status, 200) << "it is there already";
  EXPECT_EQ(create("wfm", R"("VisibilityTimeout":"31")").status, 400);
  for (const char* operation : {"DeleteQueue", "SendMessage", "SetQueueAttributes", "TagQueue"}) {
    const auto answer =
        on(operation, "wfm", R"(,"MessageBody":"b","Attributes":{"VisibilityTimeout":"1"},"Tags":{"a":"b"})");
    EXPECT_THAT(answer.body, HasSubstr("UnsupportedOperation")) << operation;
    EXPECT_THAT(answer.body, HasSubstr("belongs to the configuration")) << operation;
  }
  EXPECT_EQ(on("ListQueueTags", "wfm").body, "{}");
  publish(wfm, "c1", R"({"n":1})");
  EXPECT_EQ(drain("wfm", 1), (std::vector<std::string>{R"({"n":1})"}));
}

TEST_F(MadeQueues, queues_their_tags_and_their_messages_outlive_a_restart) {
  create("jobs", R"("VisibilityTimeout":"7")");
  create("gone");
  create("work.fifo", R"("FifoQueue":"true","ContentBasedDeduplication":"true")");
  EXPECT_EQ(on("TagQueue", "jobs", R"(,"Tags":{"a":"1","b":"2"})").status, 200);
  EXPECT_EQ(on("UntagQueue", "jobs", R"(,"TagKeys":["a"])").status, 200);
  const std::string id = text_in(send("jobs", "one"), "MessageId");
  send("gone", "lost with its queue");
  EXPECT_EQ(on("DeleteQueue", "gone").status, 200);
  restart_unsigned();
  EXPECT_EQ(json("ListQueues", "{}").body, R"({"QueueUrls":[")" + url("jobs") + "\",\"" + url("work.fifo") + "\"]}");
  EXPECT_EQ(on("ListQueueTags", "jobs").body, R"({"Tags":{"b":"2"}})");
  EXPECT_EQ(attribute("jobs", "VisibilityTimeout"), "7");
  EXPECT_EQ(attribute("work.fifo", "ContentBasedDeduplication"), "true");
  const auto got = receive("jobs");
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].id, id);
  EXPECT_EQ(create("gone").status, 200);
  EXPECT_TRUE(receive_at_once("gone").empty()) << "another queue of that name";
  EXPECT_EQ(engine_->stored_queues().value().size(), 3u);
}

TEST_F(MadeQueues, a_message_comes_with_all_that_was_sent_and_the_digests_that_aws_makes) {
  create("jobs");
  const auto sent =
      send("jobs", "hi <&>",
           R"(,"MessageAttributes":{"n.x":{"DataType":"Number.int","StringValue":"7"},)"
           R"("b":{"DataType":"Binary","BinaryValue":"AAEC"}},"MessageGroupId":"tenant",)"
           R"("MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1"}})");
  const std::string md5 = md5_of_attributes({{"n.x", "Number.int", "7"}, {"b", "Binary", std::string("\0\1\2", 3)}});
  EXPECT_EQ(text_in(sent, "MD5OfMessageBody"), base::hex_encode(base::md5("hi <&>")));
  EXPECT_EQ(text_in(sent, "MD5OfMessageAttributes"), md5);
  EXPECT_EQ(text_in(sent, "MD5OfMessageSystemAttributes"), md5_of_attributes({{"AWSTraceHeader", "String", "Root=1"}}));
  EXPECT_EQ(text_in(sent, "SequenceNumber"), "");
  const auto got =
      on("ReceiveMessage", "jobs", R"(,"WaitTimeSeconds":20,"AttributeNames":["All"],"MessageAttributeNames":["All"])");
  EXPECT_THAT(got.body, HasSubstr(R"("MD5OfMessageAttributes":")" + md5 + "\""));
  EXPECT_THAT(got.body, HasSubstr(R"("b":{"DataType":"Binary","BinaryValue":"AAEC"})"));
  EXPECT_THAT(got.body, HasSubstr(R"("n.x":{"DataType":"Number.int","StringValue":"7"})"));
  EXPECT_THAT(got.body, HasSubstr(R"("MessageGroupId":"tenant")"));
  EXPECT_THAT(got.body, HasSubstr(R"("AWSTraceHeader":"Root=1")"));
  EXPECT_THAT(got.body, HasSubstr(R"("SenderId":"anonymous")"));
  EXPECT_THAT(got.body, Not(HasSubstr("eventType"))) << "it is no event";
}

TEST_F(MadeQueues, the_query_protocol_sends_the_same) {
  EXPECT_EQ(form("Action=CreateQueue&QueueName=jobs&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=9&Tag.1.Key=k"
                 "&Tag.1.Value=v")
                .status,
            200);
  EXPECT_EQ(attribute("jobs", "VisibilityTimeout"), "9");
  EXPECT_THAT(form("Action=ListQueueTags", "/000000000000/jobs").body,
              HasSubstr("<Tag><Key>k</Key><Value>v</Value></Tag>"));
  const auto sent = form(
      "Action=SendMessage&MessageBody=b&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary"
      "&MessageAttribute.1.Value.BinaryValue=AAEC",
      "/000000000000/jobs");
  EXPECT_THAT(sent.body, HasSubstr("<MD5OfMessageBody>" + base::hex_encode(base::md5("b")) + "</MD5OfMessageBody>"));
  EXPECT_THAT(sent.body, HasSubstr(md5_of_attributes({{"a", "Binary", std::string("\0\1\2", 3)}})));
  const auto got = form("Action=ReceiveMessage&WaitTimeSeconds=20&MessageAttributeName.1=All", "/000000000000/jobs");
  EXPECT_THAT(got.body, HasSubstr("<Value><BinaryValue>AAEC</BinaryValue><DataType>Binary</DataType></Value>"));
}

TEST_F(MadeQueues, a_message_that_cannot_be_sent_says_why) {
  create("jobs", R"("MaximumMessageSize":"1024")");
  create("work.fifo", R"("FifoQueue":"true")");
  const std::vector<std::array<std::string, 3>> cases = {
      {"jobs", R"(,"MessageBody":"")", "The request must contain the parameter MessageBody."},
      {"jobs", R"(,"MessageBody":"a\u0001")", "InvalidMessageContents"},
      {"jobs", R"(,"MessageBody":")" + std::string(1025, 'x') + "\"", "Message must be shorter than 1024 bytes."},
      {"jobs", R"(,"MessageBody":"a","DelaySeconds":901)", "Value 901 for parameter DelaySeconds is invalid."},
      {"jobs", R"(,"MessageBody":"a","MessageDeduplicationId":"1")", "not valid for this queue type."},
      {"jobs", R"(,"MessageBody":"a","MessageAttributes":{"AWS.x":{"DataType":"String","StringValue":"v"}})",
       "is invalid."},
      {"jobs", R"(,"MessageBody":"a","MessageAttributes":{"x":{"DataType":"String","StringValue":""}})",
       "Message (user) attribute 'x' must contain a non-empty value of type 'String'."},
      {"jobs", R"(,"MessageBody":"a","MessageAttributes":{"x":{"DataType":"Number","StringValue":"seven"}})",
       "Can't cast the value of message (user) attribute 'x' to a number."},
      {"work.fifo", R"(,"MessageBody":"a")", "The request must contain the parameter MessageGroupId."},
      {"work.fifo", R"(,"MessageBody":"a","MessageGroupId":"g")", "ContentBasedDeduplication enabled or"},
      {"work.fifo", R"(,"MessageBody":"a","MessageGroupId":"g h","MessageDeduplicationId":"1")",
       "MessageGroupId is invalid."},
      {"work.fifo", R"(,"MessageBody":"a","MessageGroupId":"g","MessageDeduplicationId":"1","DelaySeconds":2)",
       "Value 2 for parameter DelaySeconds is invalid."},
  };
  for (const auto& [queue, members, message] : cases) {
    const auto answer = on("SendMessage", queue, members);
    EXPECT_EQ(answer.status, 400) << members;
    EXPECT_THAT(answer.body, HasSubstr(message));
  }
  EXPECT_TRUE(receive_at_once("jobs").empty());
}

TEST_F(MadeQueues, an_entry_of_a_batch_fails_by_itself_and_some_faults_are_of_the_whole_batch) {
  create("jobs");
  create("work.fifo", R"("FifoQueue":"true")");
  const auto answer =
      on("SendMessageBatch", "jobs",
         R"(,"Entries":[{"Id":"a","MessageBody":"one"},{"Id":"b","MessageBody":""},{"Id":"c","MessageBody":"two"}])");
  EXPECT_THAT(answer.body, HasSubstr(R"("Failed":[{"Id":"b","SenderFault":true,"Code":"MissingParameter")"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"Id":"c","MessageId":)"));
  EXPECT_EQ(drain("jobs", 2).size(), 2u);
  const std::string half(600'000, 'x');
  const std::vector<std::array<std::string, 3>> cases = {
      {"jobs", "", "EmptyBatchRequest"},
      {"jobs", R"({"Id":"a","MessageBody":"1"},{"Id":"a","MessageBody":"1"})", "BatchEntryIdsNotDistinct"},
      {"jobs", R"({"Id":"a b","MessageBody":"1"})", "InvalidBatchEntryId"},
      {"jobs", R"({"Id":"a","MessageBody":")" + half + R"("},{"Id":"b","MessageBody":")" + half + "\"}",
       "You have sent 1200000 bytes."},
      {"work.fifo", R"({"Id":"a","MessageBody":"1"})", "The request must contain the parameter MessageGroupId."},
  };
  for (const auto& [queue, entries, message] : cases) {
    const auto refused = on("SendMessageBatch", queue, R"(,"Entries":[)" + entries + "]");
    EXPECT_EQ(refused.status, 400);
    EXPECT_THAT(refused.body, HasSubstr(message));
  }
  EXPECT_TRUE(receive_at_once("jobs").empty());
}

TEST_F(MadeQueues, a_repeated_send_is_the_first_one_for_five_minutes_also_over_a_restart) {
  create("work.fifo", R"("FifoQueue":"true")");
  const auto first = send("work.fifo", "one", fifo("g", "id"));
  const std::string id = text_in(first, "MessageId");
  EXPECT_EQ(drain("work.fifo", 1).size(), 1u);
  clock_.advance(std::chrono::minutes(4));
  restart_unsigned();
  const auto again = send("work.fifo", "another body", fifo("h", "id"));
  EXPECT_EQ(text_in(again, "MessageId"), id);
  EXPECT_EQ(text_in(again, "SequenceNumber"), text_in(first, "SequenceNumber"));
  EXPECT_TRUE(receive_at_once("work.fifo").empty());
  clock_.advance(std::chrono::minutes(2));
  EXPECT_NE(text_in(send("work.fifo", "one", fifo("g", "id")), "MessageId"), id);
  EXPECT_EQ(drain("work.fifo", 1).size(), 1u);
}

TEST_F(MadeQueues, the_scope_of_deduplication_is_the_queue_or_the_group) {
  create("one.fifo", R"("FifoQueue":"true","ContentBasedDeduplication":"true")");
  create("two.fifo", R"("FifoQueue":"true","ContentBasedDeduplication":"true","DeduplicationScope":"messageGroup")");
  for (const char* queue : {"one.fifo", "two.fifo"}) {
    for (const char* group : {"g", "h", "g"}) send(queue, "same", std::string(R"(,"MessageGroupId":")") + group + "\"");
  }
  EXPECT_EQ(drain("one.fifo", 1).size(), 1u);
  EXPECT_TRUE(receive_at_once("one.fifo").empty());
  EXPECT_EQ(drain("two.fifo", 2).size(), 2u);
  EXPECT_TRUE(receive_at_once("two.fifo").empty());
}

TEST_F(MadeQueues, message_groups_of_a_standard_queue_take_turns_over_a_restart) {
  create("jobs", R"("VisibilityTimeout":"3600")");
  for (int i = 0; i < 40; ++i) send("jobs", "noisy", R"(,"MessageGroupId":"noisy")");
  send("jobs", "quiet", R"(,"MessageGroupId":"quiet")");
  // How many come until one of that group does. A send may be answered a moment before the queue has heard of it.
  const auto received_until = [&](const std::string& group) {
    for (int count = 1; count < 30; ++count) {
      for (const Got& each : receive("jobs", R"(,"MaxNumberOfMessages":1)")) {
        if (each.group == group) return count;
      }
    }
    return 30;
  };
  EXPECT_LT(received_until("quiet"), 30) << "it does not wait for the forty before it";
  restart_unsigned();
  ASSERT_EQ(receive("jobs").size(), 1u) << "what waits is in memory";
  send("jobs", "another", R"(,"MessageGroupId":"another")");
  EXPECT_LT(received_until("another"), 30) << "it does not wait for those before it";
}

TEST_F(MadeQueues, a_group_keeps_the_order_in_which_its_sends_were_answered_over_restarts) {
  create("work.fifo", R"("FifoQueue":"true")");
  std::vector<std::string> sent;
  std::string last;
  for (int i = 0; i < 12; ++i) {
    const std::string body = "m" + std::to_string(i);
    const std::string number = text_in(send("work.fifo", body, fifo("g", body)), "SequenceNumber");
    EXPECT_EQ(number.size(), 20u);
    EXPECT_GT(number, last);
    last = number;
    sent.push_back(body);
    if (i == 5) restart_unsigned();
  }
  EXPECT_EQ(drain("work.fifo", 12), sent);
}

TEST_F(MadeQueues, a_delayed_message_comes_when_its_time_has_come_and_the_others_do_not_wait) {
  create("jobs", R"("DelaySeconds":"900")");
  send("jobs", "by the queue");
  const auto due = clock_.wall() + std::chrono::seconds(1);
  send("jobs", "in a second", R"(,"DelaySeconds":1)");
  send("jobs", "now", R"(,"DelaySeconds":0)");
  EXPECT_EQ(drain("jobs", 2), (std::vector<std::string>{"now", "in a second"}));
  EXPECT_GE(clock_.wall(), due);
  EXPECT_TRUE(receive_at_once("jobs").empty());
}

}  // namespace
}  // namespace trunkline::sqs
