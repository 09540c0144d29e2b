#include "sqs/fixture_test.hpp"
#include "sqs/handle.hpp"
#include "sqs/message.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ServiceTest;

TEST_F(ServiceTest, queues_are_listed_by_prefix_and_page_with_the_host_that_the_client_named) {
  add("wfm", event::Order::none);
  add("crm", event::Order::conversation);
  add("wall", event::Order::none);
  start_unsigned();
  EXPECT_EQ(json("ListQueues", "").body,
            R"({"QueueUrls":[")" + url("crm.fifo") + "\",\"" + url("wall") + "\",\"" + url("wfm") + "\"]}");
  EXPECT_EQ(json("ListQueues", R"({"QueueNamePrefix":"wf"})").body, R"({"QueueUrls":[")" + url("wfm") + "\"]}");
  EXPECT_EQ(json("ListQueues", R"({"QueueNamePrefix":"none"})").body, "{}");
  const auto first = json("ListQueues", R"({"MaxResults":2})");
  EXPECT_THAT(first.body, HasSubstr("NextToken"));
  json::Document document;
  const std::string token(document.parse(first.body)->string_at("NextToken"));
  EXPECT_EQ(json("ListQueues", R"({"MaxResults":2,"NextToken":")" + token + "\"}").body,
            R"({"QueueUrls":[")" + url("wfm") + "\"]}");
}

TEST_F(ServiceTest, a_queue_is_found_by_its_name_and_only_in_its_account) {
  add("crm", event::Order::conversation);
  start_unsigned();
  EXPECT_EQ(json("GetQueueUrl", R"({"QueueName":"crm.fifo"})").body, R"({"QueueUrl":")" + url("crm.fifo") + "\"}");
  for (const char* wrong : {R"({"QueueName":"crm"})", R"({"QueueName":"x.fifo"})",
                            R"({"QueueName":"crm.fifo","QueueOwnerAWSAccountId":"111111111111"})"}) {
    const auto answer = json("GetQueueUrl", wrong);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body,
              R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."})");
    EXPECT_EQ(header(answer, "x-amzn-query-error"), "AWS.SimpleQueueService.NonExistentQueue;Sender");
    EXPECT_NE(header(answer, "x-amzn-RequestId"), "");
  }
  EXPECT_THAT(json("GetQueueUrl", "{}").body, HasSubstr("The request must contain the parameter QueueName."));
  EXPECT_THAT(json("GetQueueAttributes", R"({"QueueUrl":"http://h/111111111111/crm.fifo"})").body,
              HasSubstr("QueueDoesNotExist"));
  EXPECT_THAT(json("GetQueueAttributes", R"({"QueueUrl":"crm.fifo"})").body, HasSubstr("InvalidAddress"));
}

TEST_F(ServiceTest, attributes_are_those_that_were_asked_for) {
  const Queue wfm = add("wfm", event::Order::none);
  add("crm", event::Order::conversation);
  start_unsigned();
  EXPECT_EQ(on("GetQueueAttributes", "wfm").body, "{}");
  EXPECT_EQ(on("GetQueueAttributes", "wfm", R"(,"AttributeNames":["QueueArn","VisibilityTimeout","FifoQueue"])").body,
            R"({"Attributes":{"QueueArn":"arn:aws:sqs:us-east-1:000000000000:wfm","VisibilityTimeout":"30"}})");
  const std::string all = on("GetQueueAttributes", "crm.fifo", R"(,"AttributeNames":["All"])").body;
  EXPECT_THAT(all, HasSubstr(R"("FifoQueue":"true")"));
  EXPECT_THAT(all, HasSubstr(R"("MessageRetentionPeriod":"1209600")"));
  const auto wrong = on("GetQueueAttributes", "wfm", R"(,"AttributeNames":["Colour"])");
  EXPECT_THAT(wrong.body,
              HasSubstr(R"("com.amazonaws.sqs#InvalidAttributeName","message":"Unknown Attribute Colour.")"));
}

TEST_F(ServiceTest, messages_of_a_standard_queue_are_deleted_one_by_one) {
  const Queue wfm = add("wfm", event::Order::none);
  start_unsigned();
  for (int i = 1; i <= 3; ++i) publish(wfm, "c1", "{\"n\":" + std::to_string(i) + "}");
  std::vector<Got> got;
  while (got.size() < 3) {
    for (Got& each : receive("wfm", R"(,"MaxNumberOfMessages":10)")) got.push_back(std::move(each));
  }
  EXPECT_EQ(got[0].body, R"({"n":1})");
  EXPECT_NE(got[0].id, got[1].id);
  EXPECT_EQ(on("DeleteMessage", "wfm", R"(,"ReceiptHandle":")" + got[1].handle + "\"").status, 200);
  for (const int i : {0, 2})
    EXPECT_EQ(on("ChangeMessageVisibility", "wfm",
                 R"(,"VisibilityTimeout":0,"ReceiptHandle":")" + got[static_cast<std::size_t>(i)].handle + "\"")
                  .status,
              200);
  std::vector<std::string> again;
  while (again.size() < 2) {
    for (const Got& each : receive("wfm", R"(,"MaxNumberOfMessages":10)")) {
      again.push_back(each.id);
      EXPECT_EQ(each.count, "2");
    }
  }
  EXPECT_EQ(again, (std::vector<std::string>{got[0].id, got[2].id}));
  // A handle whose receive has ended deletes nothing and is no error on a standard queue.
  EXPECT_EQ(on("DeleteMessage", "wfm", R"(,"ReceiptHandle":")" + got[0].handle + "\"").status, 200);
}

TEST_F(ServiceTest, a_fifo_queue_gives_more_of_a_group_when_those_before_are_deleted) {
  const Queue crm = add("crm", event::Order::conversation);
  start_unsigned();
  publish(crm, "c1", R"({"n":1})");
  ASSERT_EQ(receive("crm.fifo").size(), 1u);
  publish(crm, "c1", R"({"n":2})");
  publish(crm, "c2", R"({"n":3})");
  const auto other = receive("crm.fifo", R"(,"MaxNumberOfMessages":10)");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_EQ(other[0].body, R"({"n":3})");
  EXPECT_EQ(other[0].group, "conversation/org/c2");
  EXPECT_TRUE(receive_at_once("crm.fifo").empty());
}

TEST_F(ServiceTest, a_message_says_what_the_event_is_with_the_md5_of_what_is_there) {
  const Queue crm = add("crm", event::Order::conversation);
  start_unsigned();
  const std::uint64_t sequence = publish(crm, "c1", R"({"n":1.0})");
  const std::string body = on("ReceiveMessage", "crm.fifo",
                              R"(,"WaitTimeSeconds":20,"MessageSystemAttributeNames":["SequenceNumber","SenderId"],)"
                              R"("MessageAttributeNames":["conversationId","event.*"])")
                               .body;
  EXPECT_THAT(body, HasSubstr(R"("Body":"{\"n\":1.0}")"));
  EXPECT_THAT(body,
              HasSubstr(R"("Attributes":{"SenderId":"genesys","SequenceNumber":")" +
                        std::string(20 - std::to_string(sequence).size(), '0') + std::to_string(sequence) + "\"}"));
  EXPECT_THAT(body, HasSubstr(R"("conversationId":{"DataType":"String","StringValue":"c1"})"));
  EXPECT_THAT(body, HasSubstr(R"("eventId":{"DataType":"String","StringValue":"event-1"})"));
  EXPECT_THAT(body, Not(HasSubstr("orgId")));
  const std::string expected = md5_of_attributes({{"conversationId", "String", "c1"},
                                                  {"eventCategory", "String", "conversation"},
                                                  {"eventId", "String", "event-1"},
                                                  {"eventType", "String", "v2.test.{id}"}});
  EXPECT_THAT(body, HasSubstr("\"MD5OfMessageAttributes\":\"" + expected + "\""));
}

TEST_F(ServiceTest, a_long_poll_ends_when_a_message_comes) {
  const Queue wfm = add("wfm", event::Order::none);
  start_unsigned();
  net::testing::RawClient client(port_);
  const std::string body = R"({"QueueUrl":")" + url("wfm") + R"(","WaitTimeSeconds":20})";
  ASSERT_TRUE(client.send(net::request_bytes("POST", "/", "h", {{"X-Amz-Target", "AmazonSQS.ReceiveMessage"}}, body)));
  publish(wfm, "c1");
  EXPECT_THAT(client.read_answer().body, HasSubstr("\"Messages\""));
}

TEST_F(ServiceTest, a_message_for_a_client_that_went_away_goes_to_the_next_one_uncounted) {
  const Queue wfm = add("wfm", event::Order::none, 1);
  start_unsigned();
  {
    net::testing::RawClient client(port_);
    const std::string body = R"({"QueueUrl":")" + url("wfm") + R"(","WaitTimeSeconds":20,"VisibilityTimeout":43200})";
    ASSERT_TRUE(
        client.send(net::request_bytes("POST", "/", "h", {{"X-Amz-Target", "AmazonSQS.ReceiveMessage"}}, body)));
    // Its receive stands first in the queue: a second request on the connection is answered after it was read.
    ASSERT_TRUE(client.send(net::request_bytes("POST", "/", "h", {{"X-Amz-Target", "AmazonSQS.ListQueues"}}, "{}")));
    while (server_->statistics().requests < 2) std::this_thread::yield();
  }
  publish(wfm, "c1");
  const auto got = receive("wfm");
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].count, "1");
}

TEST_F(ServiceTest, a_paused_queue_gives_nothing) {
  Queue wfm = add("wfm", event::Order::none);
  start_unsigned();
  publish(wfm, "c1");
  wfm.paused = true;
  queues_->put(wfm);
  EXPECT_TRUE(receive_at_once("wfm").empty());
  wfm.paused = false;
  queues_->put(wfm);
  EXPECT_EQ(receive("wfm").size(), 1u);
}

TEST_F(ServiceTest, a_visibility_timeout_is_changed_within_twelve_hours_of_the_receive) {
  const Queue wfm = add("wfm", event::Order::none);
  start_unsigned();
  publish(wfm, "c1");
  const auto got = receive("wfm", R"(,"VisibilityTimeout":1)");
  ASSERT_EQ(got.size(), 1u);
  const std::string handle = R"(,"ReceiptHandle":")" + got[0].handle + "\"";
  EXPECT_EQ(on("ChangeMessageVisibility", "wfm", R"(,"VisibilityTimeout":3600)" + handle).status, 200);
  EXPECT_TRUE(messages(on("ReceiveMessage", "wfm", R"(,"WaitTimeSeconds":2)")).empty())
      << "it would have been visible again";
  const Handle old{wfm.id, decode_handle(got[0].handle)->lease, {1}, decode_handle(got[0].handle)->received_ms - 2'000};
  const auto beyond = on("ChangeMessageVisibility", "wfm",
                         R"(,"VisibilityTimeout":43200,"ReceiptHandle":")" + encode_handle(old) + "\"");
  EXPECT_THAT(beyond.body, HasSubstr("Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."));
  EXPECT_THAT(on("ChangeMessageVisibility", "wfm", handle).body,
              HasSubstr("The request must contain the parameter VisibilityTimeout."));
  EXPECT_EQ(on("DeleteMessage", "wfm", handle).status, 200);
  EXPECT_THAT(on("ChangeMessageVisibility", "wfm", R"(,"VisibilityTimeout":5)" + handle).body,
              HasSubstr("Message does not exist or is not available for visibility timeout change."));
}

TEST_F(ServiceTest, a_batch_settles_what_it_can_and_names_what_it_cannot) {
  const Queue wfm = add("wfm", event::Order::none);
  add("other", event::Order::none);
  start_unsigned();
  publish(wfm, "c1");
  const auto got = receive("wfm");
  ASSERT_EQ(got.size(), 1u);
  const std::string good = R"({"Id":"a","ReceiptHandle":")" + got[0].handle + "\"}";
  EXPECT_THAT(on("DeleteMessage", "other", R"(,"ReceiptHandle":")" + got[0].handle + "\"").body,
              HasSubstr("ReceiptHandleIsInvalid"));
  EXPECT_EQ(on("DeleteMessageBatch", "wfm", R"(,"Entries":[)" + good + R"(,{"Id":"b","ReceiptHandle":"x"}])").body,
            R"({"Successful":[{"Id":"a"}],"Failed":[{"Id":"b","SenderFault":true,"Code":"ReceiptHandleIsInvalid",)"
            R"("Message":"The input receipt handle \"x\" is not a valid receipt handle."}]})");
  const auto refused = [&](const std::string& entries) {
    const auto answer = on("DeleteMessageBatch", "wfm", R"(,"Entries":[)" + entries + "]");
    EXPECT_EQ(answer.status, 400);
    return answer.body;
  };
  EXPECT_THAT(refused(""), HasSubstr("#EmptyBatchRequest"));
  EXPECT_THAT(refused(good + "," + good), HasSubstr("#BatchEntryIdsNotDistinct"));
  EXPECT_THAT(refused(R"({"Id":"a b","ReceiptHandle":"x"})"), HasSubstr("#InvalidBatchEntryId"));
  std::string eleven;
  for (int i = 0; i < 11; ++i)
    eleven += (i > 0 ? "," : "") + (R"({"Id":"i)" + std::to_string(i) + R"(","ReceiptHandle":"x"})");
  EXPECT_THAT(refused(eleven), HasSubstr("Maximum number of entries per request are 10. You have sent 11."));
}

TEST_F(ServiceTest, the_query_protocol_says_the_same_in_xml) {
  const Queue wfm = add("wfm", event::Order::none);
  start_unsigned();
  EXPECT_THAT(form("Action=ListQueues&Version=2012-11-05").body,
              HasSubstr("<ListQueuesResult><QueueUrl>" + url("wfm") + "</QueueUrl></ListQueuesResult>"));
  publish(wfm, "c1", R"({"text":"a < b & \"c\""})");
  const std::string got = form(
                              "Action=ReceiveMessage&WaitTimeSeconds=20&AttributeName.1=SenderId"
                              "&MessageAttributeName.1=conversationId&QueueUrl=http%3A%2F%2Fh%2F000000000000%2Fwfm")
                              .body;
  EXPECT_THAT(got, HasSubstr("<Body>{&quot;text&quot;:&quot;a &lt; b &amp; \\&quot;c\\&quot;&quot;}</Body>"));
  EXPECT_THAT(got, HasSubstr("<Attribute><Name>SenderId</Name><Value>genesys</Value></Attribute>"));
  EXPECT_THAT(got, HasSubstr("<MessageAttribute><Name>conversationId</Name><Value><StringValue>c1</StringValue>"
                             "<DataType>String</DataType></Value></MessageAttribute>"));
  const std::size_t begin = got.find("<ReceiptHandle>") + 15;
  std::string handle = got.substr(begin, got.find("</ReceiptHandle>") - begin);
  std::string escaped;
  for (const char c : handle) escaped += c == '+' ? "%2B" : std::string(1, c);
  const std::string batch =
      form(
          "Action=DeleteMessageBatch&DeleteMessageBatchRequestEntry.1.Id=a"
          "&DeleteMessageBatchRequestEntry.2.Id=b&DeleteMessageBatchRequestEntry.2.ReceiptHandle=x"
          "&DeleteMessageBatchRequestEntry.1.ReceiptHandle=" +
              escaped,
          "/000000000000/wfm")
          .body;
  EXPECT_THAT(batch, HasSubstr("<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry>"
                               "<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault>"));
  const auto wrong = form("Action=GetQueueUrl&QueueName=none");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("<Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
                                    "<Message>The specified queue does not exist for this wsdl version.</Message>"));
  EXPECT_THAT(form("Action=ListQueues", "/000000000000/wfm").body, HasSubstr("<Code>InvalidAction</Code>"));
  const auto nothing = call("GET", "/", "", {});
  EXPECT_EQ(nothing.status, 404);
  EXPECT_EQ(nothing.body, "<UnknownOperationException/>");
}

TEST_F(ServiceTest, what_is_not_there_says_so) {
  add("wfm", event::Order::none);
  start_unsigned();
  const auto purge = on("PurgeQueue", "wfm");
  EXPECT_EQ(purge.status, 400);
  EXPECT_THAT(purge.body, HasSubstr("com.amazonaws.sqs#UnsupportedOperation"));
  EXPECT_EQ(header(purge, "x-amzn-query-error"), "AWS.SimpleQueueService.UnsupportedOperation;Sender");
  EXPECT_THAT(json("Dance", "{}").body, HasSubstr("UnknownOperationException"));
  EXPECT_THAT(json("ListQueues", "[").body, HasSubstr("SerializationException"));
  EXPECT_THAT(json("ListQueues", R"({"MaxResults":1001})").body,
              HasSubstr("Value 1001 for parameter MaxResults is invalid. Reason: Must be between 1 and 1000"));
}

TEST_F(ServiceTest, limits_of_a_receive_are_those_of_aws) {
  add("wfm", event::Order::none);
  start_unsigned();
  EXPECT_THAT(on("ReceiveMessage", "wfm", R"(,"MaxNumberOfMessages":11)").body,
              HasSubstr("Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if "
                        "provided."));
  EXPECT_THAT(on("ReceiveMessage", "wfm", R"(,"WaitTimeSeconds":21)").body,
              HasSubstr("Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if "
                        "provided."));
  EXPECT_THAT(on("ReceiveMessage", "wfm", R"(,"AttributeNames":["Colour"])").body,
              HasSubstr("Unknown Attribute Colour."));
}

TEST_F(ServiceTest, a_request_without_a_good_signature_gets_nothing) {
  add("wfm", event::Order::none);
  ServiceOptions options;
  options.keys.add("AKID", "secret");
  start(std::move(options));
  const auto answer = json("ListQueues", "{}");
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(answer.body, HasSubstr("MissingAuthenticationTokenException"));
  EXPECT_THAT(answer.body, Not(HasSubstr("wfm")));
  const auto unknown = call("POST", "/", "{}",
                            {{"X-Amz-Target", "AmazonSQS.ListQueues"},
                             {"X-Amz-Date", "20150830T123600Z"},
                             {"Authorization",
                              "AWS4-HMAC-SHA256 Credential=X/20150830/us-east-1/sqs/aws4_request, SignedHeaders=host, "
                              "Signature=0"}});
  EXPECT_EQ(unknown.status, 403);
  EXPECT_EQ(header(unknown, "x-amzn-query-error"), "InvalidClientTokenId;Sender");
}

TEST_F(ServiceTest, a_stop_ends_receives_that_wait) {
  add("wfm", event::Order::none);
  start_unsigned();
  net::testing::RawClient client(port_);
  const std::string body = R"({"QueueUrl":")" + url("wfm") + R"(","WaitTimeSeconds":20})";
  ASSERT_TRUE(client.send(net::request_bytes("POST", "/", "h", {{"X-Amz-Target", "AmazonSQS.ReceiveMessage"}}, body)));
  while (handled_.load() < 1) std::this_thread::yield();
  service_->stop();
  EXPECT_EQ(client.read_answer().body, "{}");
  EXPECT_EQ(json("ListQueues", "{}").status, 503);
}

}  // namespace
}  // namespace trunkline::sqs
