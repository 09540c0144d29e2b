// Topics, subscriptions and what is published, over HTTP and on the real engine.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <set>

#include "base/crypto.hpp"
#include "sns/fixture_test.hpp"

namespace trunkline::sns {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using testing::Form;
using testing::kQueueHead;
using testing::kTopicHead;
using testing::Sns;

bool verifies(const std::string& pem, const std::string& text, const std::string& signature, const EVP_MD* digest) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool good =
      certificate != nullptr &&
      EVP_DigestVerifyInit(context, nullptr, digest, nullptr, X509_get0_pubkey(certificate)) == 1 &&
      EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  EVP_MD_CTX_free(context);
  X509_free(certificate);
  BIO_free(bio);
  return good;
}

TEST_F(Sns, a_topic_is_made_once_and_has_what_it_was_told) {
  make_topic("orders", {{"DisplayName", "Orders"}});
  make_topic("orders");
  EXPECT_THAT(sns("CreateTopic",
                  {{"Name", "orders"}, {"Attributes.entry.1.key", "DisplayName"}, {"Attributes.entry.1.value", "Else"}})
                  .body,
              HasSubstr("Invalid parameter: Attributes Reason: Topic already exists with different attributes"));
  const auto attributes = sns("GetTopicAttributes", {{"TopicArn", topic("orders")}});
  EXPECT_THAT(attributes.body, HasSubstr("<entry><key>DisplayName</key><value>Orders</value></entry>"));
  EXPECT_THAT(attributes.body, HasSubstr("<key>SubscriptionsConfirmed</key><value>0</value>"));
  EXPECT_THAT(attributes.body, Not(HasSubstr("FifoTopic")));
  EXPECT_EQ(sns("SetTopicAttributes",
                {{"TopicArn", topic("orders")}, {"AttributeName", "DisplayName"}, {"AttributeValue", "Two"}})
                .status,
            200);
  EXPECT_EQ(sns("SetTopicAttributes",
                {{"TopicArn", topic("orders")}, {"AttributeName", "KmsMasterKeyId"}, {"AttributeValue", "k"}})
                    .body.find("<Code>InvalidParameter</Code>") == std::string::npos,
            false);
  restart();
  EXPECT_THAT(sns("GetTopicAttributes", {{"TopicArn", topic("orders")}}).body,
              HasSubstr("<key>DisplayName</key><value>Two</value>"));
  EXPECT_EQ(sns("DeleteTopic", {{"TopicArn", topic("orders")}}).status, 200);
  EXPECT_EQ(sns("DeleteTopic", {{"TopicArn", topic("orders")}}).status, 200) << "one that is gone is no fault";
  const auto gone = sns("GetTopicAttributes", {{"TopicArn", topic("orders")}});
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(element(gone, "Code"), "NotFound");
  EXPECT_EQ(element(gone, "Message"), "Topic does not exist");
}

TEST_F(Sns, names_and_arns_are_refused_in_awss_words) {
  EXPECT_EQ(element(sns("CreateTopic", {{"Name", "a b"}}), "Message"), "Invalid parameter: Topic Name");
  EXPECT_EQ(element(sns("CreateTopic", {{"Name", "a.fifo"}}), "Message"), "Invalid parameter: Topic Name");
  EXPECT_EQ(element(sns("GetTopicAttributes", {{"TopicArn", "a:b"}}), "Message"),
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 2");
  EXPECT_EQ(element(sns("Publish", {{"TopicArn", "arn:aws:sns:us-east-1:1:other"}, {"Message", "x"}}), "Code"),
            "NotFound");
  EXPECT_EQ(element(sns("Frobnicate", {}), "Code"), "InvalidAction");
  EXPECT_EQ(element(sns("OptInPhoneNumber", {}), "Code"), "InvalidAction");
}

TEST_F(Sns, permissions_are_kept_in_the_topics_policy) {
  make_topic("orders");
  const auto add = [this](const std::string& label, const std::string& action) {
    return sns("AddPermission", {{"TopicArn", topic("orders")},
                                 {"Label", label},
                                 {"AWSAccountId.member.1", "111122223333"},
                                 {"ActionName.member.1", action}});
  };
  const auto policy = [this] { return sns("GetTopicAttributes", {{"TopicArn", topic("orders")}}).body; };
  EXPECT_EQ(add("them", "Publish").status, 200);
  const std::string added = "{&quot;Sid&quot;:&quot;them&quot;";
  EXPECT_THAT(policy(), HasSubstr(added));
  EXPECT_THAT(policy(), HasSubstr("&quot;Action&quot;:&quot;SNS:Publish&quot;"));
  EXPECT_THAT(policy(), HasSubstr("__default_statement_ID"));
  EXPECT_EQ(element(add("them", "Publish"), "Message"), "Invalid parameter: Statement already exists");
  EXPECT_EQ(element(add("you", "Frobnicate"), "Message"),
            "Invalid parameter: Policy statement action out of service scope!");
  restart();
  EXPECT_THAT(policy(), HasSubstr(added));
  EXPECT_EQ(sns("RemovePermission", {{"TopicArn", topic("orders")}, {"Label", "them"}}).status, 200);
  EXPECT_THAT(policy(), Not(HasSubstr(added)));
  EXPECT_THAT(policy(), HasSubstr("__default_statement_ID"));
  EXPECT_EQ(sns("RemovePermission", {{"TopicArn", topic("orders")}, {"Label", "them"}}).status, 200);
  EXPECT_EQ(element(add("no good", "Publish"), "Message"), "Invalid parameter: Label");
}

TEST_F(Sns, lists_come_in_pages) {
  for (int i = 0; i < 101; ++i) make_topic("t" + std::to_string(1000 + i));
  const auto first = sns("ListTopics", {});
  EXPECT_THAT(first.body, HasSubstr(topic("t1099")));
  EXPECT_THAT(first.body, Not(HasSubstr(topic("t1100"))));
  const auto second = sns("ListTopics", {{"NextToken", element(first, "NextToken")}});
  EXPECT_THAT(second.body, HasSubstr(topic("t1100")));
  EXPECT_THAT(second.body, Not(HasSubstr("NextToken")));
  EXPECT_THAT(second.body, Not(HasSubstr(topic("t1099"))));
}

TEST_F(Sns, subscriptions_are_listed_in_pages_over_topics_whose_names_begin_alike) {
  for (const char* name : {"a", "a-b", "ab"}) make_topic(name);
  for (int i = 0; i < 40; ++i) {
    const std::string queue = "q" + std::to_string(i);
    create(queue);
    for (const char* name : {"a", "a-b", "ab"}) subscribe(name, queue);
  }
  std::multiset<std::string> seen;
  std::string token;
  do {
    const auto page = sns("ListSubscriptions", {{"NextToken", token}});
    for (std::size_t at = page.body.find("<SubscriptionArn>"); at != std::string::npos;
         at = page.body.find("<SubscriptionArn>", at + 1))
      seen.insert(page.body.substr(at, page.body.find('<', at + 1) - at));
    token = element(page, "NextToken");
  } while (!token.empty());
  EXPECT_EQ(seen.size(), 120U);
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), 120U) << "each once";
}

TEST_F(Sns, tags_are_kept_and_bounded) {
  make_topic("orders");
  EXPECT_EQ(
      sns("TagResource", {{"ResourceArn", topic("orders")}, {"Tags.member.1.Key", "a"}, {"Tags.member.1.Value", "1"}})
          .status,
      200);
  EXPECT_THAT(sns("ListTagsForResource", {{"ResourceArn", topic("orders")}}).body,
              HasSubstr("<Tags><member><Key>a</Key><Value>1</Value></member></Tags>"));
  Form many = {{"ResourceArn", topic("orders")}};
  for (int i = 0; i < 50; ++i)
    many.emplace_back("Tags.member." + std::to_string(i + 1) + ".Key", "k" + std::to_string(i));
  EXPECT_EQ(element(sns("TagResource", many), "Code"), "TagLimitExceeded");
  EXPECT_EQ(sns("UntagResource", {{"ResourceArn", topic("orders")}, {"TagKeys.member.1", "a"}}).status, 200);
  EXPECT_THAT(sns("ListTagsForResource", {{"ResourceArn", topic("orders")}}).body, HasSubstr("<Tags></Tags>"));
  EXPECT_EQ(element(sns("TagResource", {{"ResourceArn", topic("none")}}), "Code"), "ResourceNotFound");
}

TEST_F(Sns, what_is_published_is_in_all_subscribed_queues) {
  create("one");
  create("two");
  create("other");
  make_topic("orders");
  subscribe("orders", "one");
  subscribe("orders", "two", {{"RawMessageDelivery", "true"}});
  Form rest = attribute(1, "kind", "String", "new");
  for (const auto& each : attribute(2, "bytes", "Binary", base::base64_encode(std::string("\0\1", 2))))
    rest.push_back(each);
  rest.emplace_back("Subject", "S");
  const auto answer = publish("orders", "a <&> \u00e9", rest);
  ASSERT_EQ(answer.status, 200) << answer.body;
  restart();
  const auto one = drain("one", 1);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(member(one[0], "Type"), "Notification");
  EXPECT_EQ(member(one[0], "MessageId"), element(answer, "MessageId"));
  EXPECT_EQ(member(one[0], "TopicArn"), topic("orders"));
  EXPECT_EQ(member(one[0], "Message"), "a <&> \u00e9");
  EXPECT_EQ(member(one[0], "Subject"), "S");
  EXPECT_THAT(one[0], HasSubstr(R"("MessageAttributes":{"bytes":{"Type":"Binary","Value":"AAE="},)"
                                R"("kind":{"Type":"String","Value":"new"}})"));
  const auto raw = on("ReceiveMessage", "two", R"(,"WaitTimeSeconds":20,"MessageAttributeNames":["All"])");
  EXPECT_THAT(raw.body, HasSubstr(R"("Body":"a <&> é")"));
  EXPECT_THAT(raw.body, HasSubstr(R"("kind":{"DataType":"String","StringValue":"new"})"));
  EXPECT_THAT(raw.body, HasSubstr(R"("bytes":{"DataType":"Binary","BinaryValue":"AAE="})"));
  EXPECT_TRUE(all_of("other").empty());
}

TEST_F(Sns, a_notification_verifies_with_the_certificate_that_it_names) {
  create("one");
  make_topic("first");
  make_topic("second", {{"SignatureVersion", "2"}});
  for (const char* name : {"first", "second"}) {
    subscribe(name, "one");
    publish(name, "text", {{"Subject", "S"}});
    const auto got = drain("one", 1);
    ASSERT_EQ(got.size(), 1U);
    const std::string url = member(got[0], "SigningCertURL");
    ASSERT_THAT(url, ::testing::StartsWith("http://hub.example:9324/"));
    const auto certificate = call("GET", url.substr(std::string("http://hub.example:9324").size()), "", {});
    ASSERT_EQ(certificate.status, 200);
    const std::string signed_text = "Message\ntext\nMessageId\n" + member(got[0], "MessageId") +
                                    "\nSubject\nS\nTimestamp\n" + member(got[0], "Timestamp") + "\nTopicArn\n" +
                                    topic(name) + "\nType\nNotification\n";
    const std::string signature = base::base64_decode(member(got[0], "Signature")).value_or("");
    const bool first = std::string(name) == "first";
    EXPECT_EQ(member(got[0], "SignatureVersion"), first ? "1" : "2");
    EXPECT_TRUE(verifies(certificate.body, signed_text, signature, first ? EVP_sha1() : EVP_sha256()));
    EXPECT_FALSE(verifies(certificate.body, signed_text + "x", signature, first ? EVP_sha1() : EVP_sha256()));
    restart();
    EXPECT_EQ(call("GET", url.substr(std::string("http://hub.example:9324").size()), "", {}).body, certificate.body)
        << "the key stays";
  }
  EXPECT_EQ(call("GET", "/SimpleNotificationService-0.pem", "", {}).status, 404);
}

TEST_F(Sns, a_subscription_is_made_once_and_changed) {
  create("one");
  make_topic("orders");
  const std::string arn = subscribe("orders", "one", {{"RawMessageDelivery", "true"}});
  EXPECT_EQ(subscribe("orders", "one"), arn);
  EXPECT_EQ(subscribe("orders", "one", {{"RawMessageDelivery", "true"}}), arn);
  EXPECT_EQ(element(try_subscribe("orders", "one", {{"RawMessageDelivery", "false"}}), "Message"),
            "Invalid parameter: Attributes Reason: Subscription already exists with different attributes");
  EXPECT_EQ(sns("SetSubscriptionAttributes",
                {{"SubscriptionArn", arn}, {"AttributeName", "FilterPolicy"}, {"AttributeValue", R"({"a":["b"]})"}})
                .status,
            200);
  restart();
  const auto attributes = sns("GetSubscriptionAttributes", {{"SubscriptionArn", arn}});
  EXPECT_THAT(attributes.body, HasSubstr("<key>RawMessageDelivery</key><value>true</value>"));
  EXPECT_THAT(attributes.body, HasSubstr("<key>FilterPolicy</key><value>{&quot;a&quot;:[&quot;b&quot;]}</value>"));
  EXPECT_THAT(attributes.body, HasSubstr("<key>FilterPolicyScope</key><value>MessageAttributes</value>"));
  EXPECT_THAT(sns("ListSubscriptionsByTopic", {{"TopicArn", topic("orders")}}).body, HasSubstr(arn));
  EXPECT_EQ(sns("Unsubscribe", {{"SubscriptionArn", arn}}).status, 200);
  EXPECT_EQ(sns("Unsubscribe", {{"SubscriptionArn", arn}}).status, 200) << "one that is gone is no fault";
  EXPECT_EQ(element(sns("GetSubscriptionAttributes", {{"SubscriptionArn", arn}}), "Message"),
            "Subscription does not exist");
  publish("orders", "nobody is there");
  EXPECT_TRUE(all_of("one").empty());
}

TEST_F(Sns, subscribe_refuses_what_cannot_work) {
  create("one");
  create("line.fifo", R"("FifoQueue":"true")");
  add("configured", event::Order::none);
  make_topic("orders");
  const auto message = [&](const Form& form) { return element(sns("Subscribe", form), "Message"); };
  EXPECT_EQ(message({{"TopicArn", topic("orders")}, {"Protocol", "carrier-pigeon"}, {"Endpoint", "x"}}),
            "Invalid parameter: Amazon SNS does not support this protocol string: carrier-pigeon");
  EXPECT_THAT(message({{"TopicArn", topic("orders")}, {"Protocol", "email"}, {"Endpoint", "a@a.example"}}),
              HasSubstr("Invalid parameter: Protocol Reason:"));
  EXPECT_EQ(message({{"TopicArn", topic("orders")}, {"Protocol", "sqs"}, {"Endpoint", "one"}}),
            "Invalid parameter: SQS endpoint ARN");
  EXPECT_EQ(element(try_subscribe("orders", "one", {{"DeliveryPolicy", "{}"}}), "Message"),
            "Invalid parameter: Attributes Reason: Unknown attribute DeliveryPolicy");
  EXPECT_THAT(element(try_subscribe("orders", "configured"), "Message"), HasSubstr("SQS endpoint ARN"));
  EXPECT_EQ(element(try_subscribe("orders", "line.fifo"), "Message"),
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard "
            "SNS topics");
  EXPECT_EQ(element(try_subscribe("orders", "one", {{"RawMessageDelivery", "yes"}}), "Message"),
            "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [yes]. Must be true or false.");
  EXPECT_EQ(element(try_subscribe("orders", "one", {{"RedrivePolicy", R"({"deadLetterTargetArn":"x"})"}}), "Message"),
            "Invalid parameter: Attributes Reason: RedrivePolicy: deadLetterTargetArn is an invalid arn");
  EXPECT_EQ(element(try_subscribe("orders", "one", {{"FilterPolicyScope", "Body"}}), "Message"),
            "Invalid parameter: Attributes Reason: FilterPolicyScope: Invalid value [Body]. Please use either "
            "MessageBody or MessageAttributes");
  EXPECT_THAT(
      element(try_subscribe("orders", "one", {{"FilterPolicy", R"({"a":"b"})"}}), "Message"),
      HasSubstr("Invalid parameter: Attributes Reason: FilterPolicy: &quot;a&quot; must be an object or an array"));
  EXPECT_THAT(element(try_subscribe("orders", "one", {{"FilterPolicy", R"({"a":{"b":["c"]}})"}}), "Message"),
              ::testing::StartsWith("Invalid parameter: Attributes Reason: Filter policy scope MessageAttributes does "
                                    "not support nested filter policy"));
  EXPECT_THAT(sns("ListSubscriptions", {}).body, HasSubstr("<Subscriptions></Subscriptions>"));
}

TEST_F(Sns, filter_policies_decide_by_attributes_and_by_the_body) {
  make_topic("orders");
  const Form kinds = {{"FilterPolicy", R"({"kind":["new",{"prefix":"old-"}],"price":[{"numeric":[">",10]}]})"},
                      {"RawMessageDelivery", "true"}};
  create("attributes");
  subscribe("orders", "attributes", kinds);
  create("body");
  subscribe("orders", "body",
            {{"FilterPolicy", R"({"$or":[{"a":{"b":["x"]}},{"ip":[{"cidr":"10.0.0.0/8"}]}]})"},
             {"FilterPolicyScope", "MessageBody"},
             {"RawMessageDelivery", "true"}});
  const auto send = [&](const std::string& body, const std::string& kind, const std::string& price) {
    Form rest = attribute(1, "kind", "String", kind);
    for (const auto& each : attribute(2, "price", "Number", price)) rest.push_back(each);
    const auto answer = publish("orders", body, rest);
    ASSERT_EQ(answer.status, 200) << answer.body;
  };
  send("1", "new", "11");
  send("2", "new", "10");
  send(R"({"a":{"b":"x"}})", "old-1", "10.5");
  send(R"({"a":{"b":"y"},"ip":"10.1.2.3"})", "none", "99");
  publish("orders", "5");
  const auto by_attributes = all_of("attributes");
  EXPECT_THAT(by_attributes, ::testing::UnorderedElementsAre("1", R"({"a":{"b":"x"}})"));
  EXPECT_THAT(all_of("body"),
              ::testing::UnorderedElementsAre(R"({"a":{"b":"x"}})", R"({"a":{"b":"y"},"ip":"10.1.2.3"})"));
}

TEST_F(Sns, a_long_filter_policy_survives_and_shrinks_again) {
  create("one");
  make_topic("orders");
  const std::string text(120'000, 'x');
  const std::string arn = subscribe("orders", "one", {{"FilterPolicy", R"({"a":[")" + text + R"("]})"}});
  restart();
  EXPECT_THAT(sns("GetSubscriptionAttributes", {{"SubscriptionArn", arn}}).body, HasSubstr(text));
  EXPECT_EQ(sns("SetSubscriptionAttributes",
                {{"SubscriptionArn", arn}, {"AttributeName", "FilterPolicy"}, {"AttributeValue", "{}"}})
                .status,
            200);
  restart();
  EXPECT_THAT(sns("GetSubscriptionAttributes", {{"SubscriptionArn", arn}}).body, Not(HasSubstr("FilterPolicy")));
  publish("orders", "x");
  EXPECT_EQ(all_of("one").size(), 1U);
}

TEST_F(Sns, what_a_queue_cannot_take_goes_to_the_dead_letter_queue_of_its_subscription) {
  create("one");
  create("small", R"("MaximumMessageSize":"1024")");
  create("dead");
  make_topic("orders");
  const Form redrive = {{"RedrivePolicy", R"({"deadLetterTargetArn":")" + kQueueHead + R"(dead"})"},
                        {"RawMessageDelivery", "true"}};
  subscribe("orders", "one", redrive);
  subscribe("orders", "small", redrive);
  EXPECT_EQ(on("DeleteQueue", "one").status, 200);
  ASSERT_EQ(publish("orders", "short").status, 200);
  EXPECT_EQ(all_of("small"), std::vector<std::string>{"short"});
  const auto dead = on("ReceiveMessage", "dead", R"(,"WaitTimeSeconds":20,"MessageAttributeNames":["All"])");
  EXPECT_THAT(dead.body, HasSubstr(R"("Body":"short")"));
  EXPECT_THAT(dead.body, HasSubstr(R"("StringValue":"AWS.SimpleQueueService.NonExistentQueue")"));
  EXPECT_THAT(dead.body, HasSubstr("RequestID"));
  ASSERT_EQ(publish("orders", std::string(2000, 'x')).status, 200);
  EXPECT_EQ(on("SendMessage", "small", R"(,"MessageBody":"the last one")").status, 200);
  EXPECT_EQ(drain("small", 1), std::vector<std::string>{"the last one"});
  EXPECT_EQ(drain("dead", 2), (std::vector<std::string>{std::string(2000, 'x'), std::string(2000, 'x')}));
  create("one");
  ASSERT_EQ(publish("orders", "it is back").status, 200);
  EXPECT_EQ(all_of("one"), std::vector<std::string>{"it is back"}) << "an endpoint is a name";
}

TEST_F(Sns, publish_says_in_awss_words_what_is_wrong) {
  make_topic("orders");
  const auto message = [&](const std::string& text, const Form& rest = {}) {
    return element(publish("orders", text, rest), "Message");
  };
  EXPECT_EQ(message(""), "Invalid parameter: Empty message");
  EXPECT_EQ(message(std::string(262'145, 'x')), "Invalid parameter: Message too long");
  EXPECT_EQ(message(std::string(262'144, 'x')), "");
  EXPECT_EQ(message("x", {{"Subject", std::string(100, 'x')}}), "Invalid parameter: Subject");
  EXPECT_EQ(message("x", {{"Subject", "two\nlines"}}), "Invalid parameter: Subject");
  EXPECT_EQ(message("x", {{"MessageDeduplicationId", "1"}}),
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
            "that is not valid for this topic type");
  EXPECT_EQ(message("{}", {{"MessageStructure", "json"}}),
            "Invalid parameter: Message Structure - No default entry in JSON message body");
  EXPECT_EQ(message("x", {{"MessageStructure", "json"}}),
            "Invalid parameter: Message Structure - JSON message body failed to parse");
  EXPECT_EQ(message("x", attribute(1, "n", "Number", "one")), "Could not cast message attribute 'n' value to number.");
  EXPECT_EQ(message("x", attribute(1, "n", "Text", "one")),
            "The message attribute 'n' has an invalid message attribute type, the set of supported type prefixes is "
            "Binary, Number, and String.");
  EXPECT_EQ(message("x", attribute(1, "n", "String", "")),
            "The message attribute 'n' must contain non-empty message attribute value for message attribute type "
            "'String'.");
}

TEST_F(Sns, attributes_for_phones_are_no_fault_and_reach_no_queue_raw) {
  create("raw");
  create("wrapped");
  make_topic("orders");
  subscribe("orders", "raw", {{"RawMessageDelivery", "true"}});
  subscribe("orders", "wrapped");
  ASSERT_EQ(publish("orders", "x", attribute(1, "AWS.SNS.SMS.SenderID", "String", "hub")).status, 200);
  EXPECT_THAT(on("ReceiveMessage", "raw", R"(,"WaitTimeSeconds":20,"MessageAttributeNames":["All"])").body,
              Not(HasSubstr("SenderID")));
  EXPECT_THAT(drain("wrapped", 1).at(0), HasSubstr("AWS.SNS.SMS.SenderID"));
  EXPECT_EQ(publish("orders", "x", attribute(1, "AWS.Other", "String", "hub")).status, 400);
}

TEST_F(Sns, a_structured_message_has_a_text_for_queues) {
  create("one");
  make_topic("orders");
  subscribe("orders", "one", {{"RawMessageDelivery", "true"}});
  publish("orders", R"({"default":"d","sqs":"for queues"})", {{"MessageStructure", "json"}});
  publish("orders", R"({"default":"d","http":"h"})", {{"MessageStructure", "json"}});
  EXPECT_THAT(all_of("one"), ::testing::UnorderedElementsAre("for queues", "d"));
}

TEST_F(Sns, a_batch_has_a_result_for_each_entry) {
  create("one");
  make_topic("orders");
  subscribe("orders", "one", {{"RawMessageDelivery", "true"}});
  const std::string list = "PublishBatchRequestEntries.member.";
  const auto answer = sns("PublishBatch", {{"TopicArn", topic("orders")},
                                           {list + "1.Id", "a"},
                                           {list + "1.Message", "first"},
                                           {list + "2.Id", "b"},
                                           {list + "2.Message", ""},
                                           {list + "3.Id", "c"},
                                           {list + "3.Message", "third"}});
  EXPECT_THAT(answer.body, HasSubstr("<Failed><member><Id>b</Id><Code>InvalidParameter</Code>"));
  EXPECT_THAT(answer.body, HasSubstr("<SenderFault>true</SenderFault>"));
  EXPECT_THAT(all_of("one"), ::testing::UnorderedElementsAre("first", "third"));
  const auto code = [&](const Form& rest) {
    Form form = {{"TopicArn", topic("orders")}};
    form.insert(form.end(), rest.begin(), rest.end());
    return element(sns("PublishBatch", form), "Code");
  };
  EXPECT_EQ(code({}), "EmptyBatchRequest");
  EXPECT_EQ(code({{list + "1.Id", "a"}, {list + "1.Message", "x"}, {list + "2.Id", "a"}, {list + "2.Message", "x"}}),
            "BatchEntryIdsNotDistinct");
  EXPECT_EQ(code({{list + "1.Id", "a b"}, {list + "1.Message", "x"}}), "InvalidBatchEntryId");
  Form eleven;
  for (int i = 1; i <= 11; ++i) {
    eleven.emplace_back(list + std::to_string(i) + ".Id", std::to_string(i));
    eleven.emplace_back(list + std::to_string(i) + ".Message", "x");
  }
  EXPECT_EQ(code(eleven), "TooManyEntriesInBatchRequest");
  EXPECT_EQ(code({{list + "1.Id", "a"},
                  {list + "1.Message", std::string(200'000, 'x')},
                  {list + "2.Id", "b"},
                  {list + "2.Message", std::string(100'000, 'x')}}),
            "BatchRequestTooLong");
  EXPECT_TRUE(all_of("one").empty());
}

TEST_F(Sns, a_queue_may_be_in_several_topics_and_a_topic_goes_with_its_subscriptions) {
  create("one");
  make_topic("a");
  make_topic("b");
  subscribe("a", "one", {{"RawMessageDelivery", "true"}});
  subscribe("b", "one", {{"RawMessageDelivery", "true"}});
  EXPECT_EQ(sns("DeleteTopic", {{"TopicArn", topic("a")}}).status, 200);
  make_topic("a");
  restart();
  EXPECT_EQ(publish("a", "from a").status, 200);
  EXPECT_EQ(publish("b", "from b").status, 200);
  EXPECT_EQ(all_of("one"), std::vector<std::string>{"from b"});
}

TEST_F(Sns, requests_of_the_other_service_are_told_apart) {
  net::HttpRequest request;
  request.method = "POST";
  request.body = "Action=ListTopics&Version=2010-03-31";
  EXPECT_TRUE(Service::owns(request));
  request.body = "Action=ListQueues&Version=2012-11-05&QueueNamePrefix=Version=2010-03-31x";
  EXPECT_FALSE(Service::owns(request));
  request.body = "Action=ListTopics";
  request.headers = {{"Authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/sns/aws4_request, x"}};
  EXPECT_TRUE(Service::owns(request));
  request.headers = {{"Authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/sqs/aws4_request, x"}};
  request.body = "Action=SendMessage&MessageBody=a&Version=2010-03-31";
  EXPECT_FALSE(Service::owns(request));
}

}  // namespace
}  // namespace trunkline::sns
