#include "lambda/payload.hpp"

#include <gtest/gtest.h>

#include <string>

#include "lambda/metrics.hpp"

namespace trunkline::lambda {
namespace {

using base::Errc;

const std::string kArn = "arn:aws:sqs:eu-west-1:123456789012:events";

// As the developer guide shows it.
std::string record(const std::string& id, const std::string& body, const std::string& arn = kArn) {
  return R"({"messageId":")" + id + R"(","receiptHandle":"handle-)" + id + R"(","body":")" + body +
         R"(","attributes":{"ApproximateReceiveCount":"3","SentTimestamp":"1545082649183"},"messageAttributes":)"
         R"({"trunkline":{"stringValue":"head","stringListValues":[],"binaryListValues":[],"dataType":"String"}},)"
         R"("md5OfBody":"e4","eventSource":"aws:sqs","eventSourceARN":")" +
         arn + R"(","awsRegion":"eu-west-1"})";
}
std::string batch(const std::string& records) {
  return R"({"Records":[)" + records + "]}";
}

TEST(LambdaPayload, MessagesOfAQueueAreReadWithWhatIsNeededToAnswerForThem) {
  const auto payload = read_payload(batch(record("a", R"(\"x\u00e9)") + "," + record("b", "y")));
  ASSERT_TRUE(payload.ok()) << payload.error().detail;
  EXPECT_EQ(payload->kind, PayloadKind::messages);
  EXPECT_EQ(payload->queue_arn, kArn);
  EXPECT_FALSE(payload->fifo);
  ASSERT_EQ(payload->messages.size(), 2U);
  EXPECT_EQ(payload->messages[0].id, "a");
  EXPECT_EQ(payload->messages[0].receipt_handle, "handle-a");
  EXPECT_EQ(payload->messages[0].body, "\"x\xc3\xa9");
  EXPECT_EQ(payload->messages[0].head, "head");
  EXPECT_EQ(payload->messages[0].receive_count, 3U);
  EXPECT_EQ(payload->messages[0].sent_ms, 1545082649183);
  EXPECT_TRUE(read_payload(batch(record("a", "x", kArn + ".fifo")))->fifo);
}

TEST(LambdaPayload, WhatCannotBeAnsweredForMessageByMessageIsRefused) {
  for (const std::string& bad : {
           batch(record("a", "x") + R"(,{"messageId":"b","body":"y","eventSource":"aws:sqs","eventSourceARN":")" +
                 kArn + "\"}"),
           batch(record("", "x")),
           batch(R"({"eventSource":"aws:sqs"})"),
           batch(R"({"eventSource":"aws:kinesis","eventSourceARN":"arn"})"),
           batch(record("a", "x") + "," + record("b", "y", kArn + "2")),
       }) {
    const auto payload = read_payload(bad);
    ASSERT_FALSE(payload.ok()) << bad;
    EXPECT_EQ(payload.error().code, Errc::invalid);
  }
  std::string many = record("a", "x");
  for (std::size_t i = 0; i < kMessagesMax; ++i) many += "," + record("a", "x");
  EXPECT_EQ(read_payload(batch(many)).error().code, Errc::too_large);
}

TEST(LambdaPayload, EverythingElseIsTheDecodersAndAScheduledEventIsKnown) {
  EXPECT_EQ(read_payload(R"({"source":"aws.events","detail-type":"Scheduled Event","detail":{}})")->kind,
            PayloadKind::scheduled);
  for (const char* text : {R"({"source":"genesys","detail-type":"Scheduled Event","detail":{}})", "{}", "[]", "no JSON",
                           R"({"Records":[]})", R"({"Records":[{"body":"{}"}]})", R"({"Records":7})"}) {
    const auto payload = read_payload(text);
    ASSERT_TRUE(payload.ok()) << text;
    EXPECT_EQ(payload->kind, PayloadKind::event) << text;
  }
}

TEST(LambdaPayload, FailuresAreNamedAndAnEmptyListIsSuccess) {
  const std::vector<QueueMessage> messages = {{"a", "h", "x"}, {"b\"", "h", "y"}, {"c", "h", "z"}};
  EXPECT_EQ(batch_failures(messages, {true, true, true}), R"({"batchItemFailures":[]})");
  EXPECT_EQ(batch_failures(messages, {true, false}),
            R"({"batchItemFailures":[{"itemIdentifier":"b\""},{"itemIdentifier":"c"}]})");
}

TEST(LambdaPayload, TheOldestMessageSaysHowFarTheConsumerIsBehind) {
  const auto sent = [](std::int64_t at) {
    QueueMessage message;
    message.sent_ms = at;
    return message;
  };
  const base::WallTime now(base::Millis(100'000));
  EXPECT_EQ(oldest_age_seconds({sent(97'900), sent(90'100), sent(99'000)}, now), 9);
  EXPECT_EQ(oldest_age_seconds({sent(0)}, now), 0) << "it does not say";
  EXPECT_EQ(oldest_age_seconds({sent(105'000)}, now), 0) << "the queue's clock is ahead";
  EXPECT_EQ(oldest_age_seconds({}, now), 0);
  for (const char* time : {"", "x", "-5", "99999999999999999999"}) {
    const auto payload =
        read_payload(batch(R"({"messageId":"a","receiptHandle":"h","body":"b","eventSource":"aws:sqs",)"
                           R"("eventSourceARN":"arn:q","attributes":{"SentTimestamp":")" +
                           std::string(time) + R"("}})"));
    EXPECT_EQ(payload->messages.at(0).sent_ms, 0) << time;
  }
}

TEST(LambdaMetrics, ALineIsOfTheEmbeddedMetricFormat) {
  EXPECT_EQ(metrics_line(base::WallTime(base::Millis(1'700'000'000'123)), "consumer", "crm",
                         {{"Settled", "Count", 9}, {"Duration", "Milliseconds", 17}}),
            R"({"_aws":{"Timestamp":1700000000123,"CloudWatchMetrics":[{"Namespace":"Trunkline",)"
            R"("Dimensions":[["consumer"]],"Metrics":[{"Name":"Settled","Unit":"Count"},)"
            R"({"Name":"Duration","Unit":"Milliseconds"}]}]},"consumer":"crm","Settled":9,"Duration":17})");
}

}  // namespace
}  // namespace trunkline::lambda
