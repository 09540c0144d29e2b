#include "aws/sqs_calls.hpp"

#include <gtest/gtest.h>

namespace trunkline::aws {
namespace {

TEST(SqsCalls, ask_for_ten_messages_with_a_long_poll) {
  EXPECT_EQ(receive_body({"https://q/1/n", base::Millis(60'000), base::Millis(20'000), {}}),
            R"({"QueueUrl":"https://q/1/n","MaxNumberOfMessages":10,"VisibilityTimeout":60,"WaitTimeSeconds":20,)"
            R"("AttributeNames":["MessageGroupId"]})");
  EXPECT_NE(receive_body({"q", {}, {}, "attempt"}).find(R"("ReceiveRequestAttemptId":"attempt")"), std::string::npos);
}

TEST(SqsCalls, leave_out_what_cannot_be_settled_or_is_damaged) {
  const auto messages = parse_received(
      R"({"Messages":[{"MessageId":"1","ReceiptHandle":"h1","Body":"abc","MD5OfBody":"900150983cd24fb0d6963f7d28e17f72",)"
      R"("Attributes":{"MessageGroupId":"g"}},{"MessageId":"2","Body":"no handle"},{"ReceiptHandle":"h3"},)"
      R"({"ReceiptHandle":"h4","Body":"abd","MD5OfBody":"900150983cd24fb0d6963f7d28e17f72"}]})");
  ASSERT_TRUE(messages.ok());
  ASSERT_EQ(messages->size(), 1u);
  EXPECT_EQ((*messages)[0].body, "abc");
  EXPECT_EQ((*messages)[0].receipt_handle, "h1");
  EXPECT_EQ((*messages)[0].group, "g");
  EXPECT_TRUE(parse_received("{}")->empty());
  EXPECT_FALSE(parse_received("[]").ok());
}

TEST(SqsCalls, settle_in_batches) {
  const std::vector<std::string> handles = {"a", "b"};
  EXPECT_EQ(delete_body("q", handles),
            R"({"QueueUrl":"q","Entries":[{"Id":"0","ReceiptHandle":"a"},{"Id":"1","ReceiptHandle":"b"}]})");
  EXPECT_EQ(visibility_body("q", std::span(handles).first(1), base::Millis(30'000)),
            R"({"QueueUrl":"q","Entries":[{"Id":"0","ReceiptHandle":"a","VisibilityTimeout":30}]})");
  EXPECT_FALSE(parse_batch_failure(R"({"Successful":[{"Id":"0"}],"Failed":[]})"));
  EXPECT_EQ(parse_batch_failure(R"({"Failed":[{"Id":"1","Code":"ReceiptHandleIsInvalid","Message":"no"}]})"),
            "ReceiptHandleIsInvalid: no");
}

TEST(SqsCalls, see_what_of_a_queue_loses_events) {
  auto attributes = parse_attributes(
      R"({"Attributes":{"VisibilityTimeout":"30","MessageRetentionPeriod":"345600","ApproximateNumberOfMessages":"7",)"
      R"("ApproximateNumberOfMessagesNotVisible":"1","RedrivePolicy":"{\"maxReceiveCount\":10}"}})");
  ASSERT_TRUE(attributes.ok());
  EXPECT_EQ(attributes->waiting, 7u);
  EXPECT_EQ(attributes->in_flight, 1u);
  EXPECT_EQ(attributes->visibility_timeout, std::chrono::seconds(30));
  EXPECT_TRUE(risks(*attributes).empty());
  attributes->max_receive_count = 2;
  attributes->retention = std::chrono::hours(1);
  EXPECT_EQ(risks(*attributes).size(), 2u);
  EXPECT_EQ(parse_attributes(R"({"Attributes":{"RedrivePolicy":"{\"maxReceiveCount\":\"3\"}"}})")->max_receive_count,
            3);
  const auto none = parse_attributes(R"({"Attributes":{"MessageRetentionPeriod":"1209600"}})");
  ASSERT_EQ(risks(*none).size(), 1u);
  EXPECT_TRUE(risks(*none)[0].starts_with("no dead-letter queue"));
  EXPECT_FALSE(parse_attributes("{}").ok());
}

TEST(SqsCalls, know_region_and_endpoint_by_the_queues_url) {
  EXPECT_EQ(region_of_queue("https://sqs.eu-west-1.amazonaws.com/123456789012/q"), "eu-west-1");
  EXPECT_EQ(region_of_queue("https://sqs.cn-north-1.amazonaws.com.cn/1/q"), "cn-north-1");
  EXPECT_EQ(region_of_queue("https://eu-west-2.queue.amazonaws.com/1/q"), "eu-west-2");
  EXPECT_EQ(region_of_queue("https://queue.amazonaws.com/1/q"), "us-east-1");
  EXPECT_EQ(region_of_queue("https://vpce-0a-b.sqs.eu-west-1.vpce.amazonaws.com/1/q"), "eu-west-1");
  EXPECT_EQ(region_of_queue("http://127.0.0.1:9324/1/q"), "");
  EXPECT_EQ(region_of_queue("q"), "");
  EXPECT_EQ(endpoint_of_queue("http://127.0.0.1:9324/1/q"), "http://127.0.0.1:9324");
  EXPECT_EQ(endpoint_of_queue("q"), "");
}

}  // namespace
}  // namespace trunkline::aws
