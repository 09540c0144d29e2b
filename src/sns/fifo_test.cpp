// FIFO topics: groups, deduplication, order through to the queues.
#include "sns/fixture_test.hpp"

namespace trunkline::sns {
namespace {

using ::testing::ElementsAre;
using testing::Form;
using ::testing::HasSubstr;
using testing::kQueueHead;
using testing::Sns;

class FifoTopic : public Sns {
 protected:
  void SetUp() override {
    Sns::SetUp();
    create("line.fifo", R"("FifoQueue":"true")");
    create("plain");
    make_topic("orders.fifo", {{"ContentBasedDeduplication", "true"}});
    subscribe("orders.fifo", "line.fifo", {{"RawMessageDelivery", "true"}});
    subscribe("orders.fifo", "plain", {{"RawMessageDelivery", "true"}});
  }
  net::ClientResponse send(const std::string& message, const std::string& group, const std::string& id = "") {
    Form rest = {{"MessageGroupId", group}};
    if (!id.empty()) rest.emplace_back("MessageDeduplicationId", id);
    return publish("orders.fifo", message, rest);
  }
};

TEST_F(FifoTopic, messages_keep_their_order_through_to_the_queue) {
  std::string last;
  for (int i = 0; i < 5; ++i) {
    const auto answer = send(std::to_string(i), "a");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const std::string sequence = element(answer, "SequenceNumber");
    EXPECT_EQ(sequence.size(), 20U);
    EXPECT_GT(sequence, last);
    last = sequence;
    if (i == 2) restart();
  }
  EXPECT_GT(element(send("x", "b"), "SequenceNumber"), last) << "over all groups of the topic";
  EXPECT_THAT(drain("line.fifo", 6), ::testing::UnorderedElementsAre("0", "1", "2", "3", "4", "x"));
}

TEST_F(FifoTopic, a_group_comes_in_its_order) {
  for (int i = 0; i < 6; ++i) ASSERT_EQ(send(std::to_string(i), "a").status, 200);
  EXPECT_THAT(drain("line.fifo", 6), ElementsAre("0", "1", "2", "3", "4", "5"));
  const auto plain = all_of("plain");
  EXPECT_EQ(plain.size(), 6U);
}

TEST_F(FifoTopic, a_repeat_within_five_minutes_is_answered_as_the_first_and_stored_nowhere) {
  const auto first = send("one", "a", "id-1");
  send("one", "a", "id-1");
  EXPECT_THAT(all_of("plain"), ElementsAre("one"));
  clock_.advance(std::chrono::minutes(2));
  const auto same = send("another body", "a", "id-1");
  restart();
  const auto again = send("one", "b", "id-1");
  for (const auto& repeat : {same, again}) {
    ASSERT_EQ(repeat.status, 200) << repeat.body;
    EXPECT_EQ(element(repeat, "MessageId"), element(first, "MessageId"));
    EXPECT_EQ(element(repeat, "SequenceNumber"), element(first, "SequenceNumber"));
  }
  clock_.advance(std::chrono::minutes(4));
  const auto later = send("later", "a", "id-1");
  EXPECT_NE(element(later, "MessageId"), element(first, "MessageId"));
  EXPECT_THAT(drain("line.fifo", 2), ElementsAre("one", "later"));
}

TEST_F(FifoTopic, a_repeat_reaches_no_queue_that_was_not_there_or_did_not_want_the_first) {
  create("picky.fifo", R"("FifoQueue":"true")");
  subscribe(
      "orders.fifo", "picky.fifo",
      {{"RawMessageDelivery", "true"}, {"FilterPolicyScope", "MessageBody"}, {"FilterPolicy", R"({"kind":["b"]})"}});
  const auto first = send(R"({"kind":"a"})", "g", "id-1");
  create("late.fifo", R"("FifoQueue":"true")");
  create("late");
  subscribe("orders.fifo", "late.fifo", {{"RawMessageDelivery", "true"}});
  subscribe("orders.fifo", "late", {{"RawMessageDelivery", "true"}});
  const auto repeat = send(R"({"kind":"b"})", "g", "id-1");
  EXPECT_EQ(element(repeat, "MessageId"), element(first, "MessageId"));
  EXPECT_EQ(element(repeat, "SequenceNumber"), element(first, "SequenceNumber"));
  restart();
  // Beside one that is none, in a batch.
  const std::string list = "PublishBatchRequestEntries.member.";
  Form form = {{"TopicArn", topic("orders.fifo")}};
  for (const char* number : {"1", "2"}) {
    form.emplace_back(list + number + ".Id", number);
    form.emplace_back(list + number + ".Message", std::string(R"({"kind":"b","n":)") + number + "}");
    form.emplace_back(list + number + ".MessageGroupId", "g");
    form.emplace_back(list + number + ".MessageDeduplicationId", std::string("id-") + number);
  }
  const auto batch = sns("PublishBatch", form);
  EXPECT_EQ(element(batch, "MessageId"), element(first, "MessageId"));
  EXPECT_THAT(batch.body, HasSubstr("<Failed></Failed>"));
  for (const char* queue : {"picky.fifo", "late.fifo"})
    EXPECT_THAT(drain(queue, 1), ElementsAre(R"({"kind":"b","n":2})")) << queue;
  EXPECT_THAT(all_of("late"), ElementsAre(R"({"kind":"b","n":2})"));
  clock_.advance(std::chrono::minutes(5));
  send(R"({"kind":"b","n":3})", "g", "id-1");
  for (const char* queue : {"picky.fifo", "late.fifo"})
    EXPECT_THAT(drain(queue, 1), ElementsAre(R"({"kind":"b","n":3})")) << queue << ": five minutes later it is none";
  EXPECT_THAT(drain("line.fifo", 3), ElementsAre(R"({"kind":"a"})", R"({"kind":"b","n":2})", R"({"kind":"b","n":3})"));
}

TEST_F(FifoTopic, the_contents_are_the_deduplication_id_where_the_topic_says_so) {
  EXPECT_EQ(element(send("same", "a"), "MessageId"), element(send("same", "a"), "MessageId"));
  send("other", "a");
  EXPECT_THAT(drain("line.fifo", 2), ElementsAre("same", "other"));
  make_topic("strict.fifo");
  EXPECT_EQ(element(publish("strict.fifo", "x", {{"MessageGroupId", "a"}}), "Message"),
            "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly");
  EXPECT_EQ(element(publish("strict.fifo", "x"), "Message"),
            "Invalid parameter: The MessageGroupId parameter is required for FIFO topics");
}

TEST_F(FifoTopic, a_scope_of_groups_knows_an_id_in_each_of_them) {
  create("groups.fifo",
         R"("FifoQueue":"true","DeduplicationScope":"messageGroup","FifoThroughputLimit":"perMessageGroupId")");
  make_topic("groups.fifo", {{"FifoThroughputScope", "MessageGroup"}});
  subscribe("groups.fifo", "groups.fifo", {{"RawMessageDelivery", "true"}});
  for (const char* group : {"a", "b", "a"})
    publish("groups.fifo", group, {{"MessageGroupId", group}, {"MessageDeduplicationId", "1"}});
  EXPECT_THAT(drain("groups.fifo", 2), ::testing::UnorderedElementsAre("a", "b"));
  EXPECT_TRUE(receive_at_once("groups.fifo").empty());
}

TEST_F(FifoTopic, the_envelope_has_a_sequence_number_and_no_signature) {
  create("wrapped.fifo", R"("FifoQueue":"true")");
  subscribe("orders.fifo", "wrapped.fifo");
  const auto answer = send("text", "a", "id-1");
  const auto got = receive("wrapped.fifo");
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(member(got[0].body, "SequenceNumber"), element(answer, "SequenceNumber"));
  EXPECT_EQ(member(got[0].body, "MessageId"), element(answer, "MessageId"));
  EXPECT_EQ(member(got[0].body, "Signature"), "");
  EXPECT_EQ(got[0].group, "a");
}

TEST_F(FifoTopic, a_batch_keeps_its_order_and_answers_repeats) {
  const auto first = send("1", "a", "1");
  const std::string list = "PublishBatchRequestEntries.member.";
  Form form = {{"TopicArn", topic("orders.fifo")}};
  for (const char* number : {"1", "2", "3"}) {
    form.emplace_back(list + number + ".Id", number);
    form.emplace_back(list + number + ".Message", number);
    form.emplace_back(list + number + ".MessageGroupId", "a");
    form.emplace_back(list + number + ".MessageDeduplicationId", number);
  }
  const auto answer = sns("PublishBatch", form);
  EXPECT_EQ(element(answer, "MessageId"), element(first, "MessageId"));
  EXPECT_THAT(answer.body, HasSubstr("<Failed></Failed>"));
  EXPECT_THAT(drain("line.fifo", 3), ElementsAre("1", "2", "3"));
}

TEST_F(FifoTopic, a_topic_that_was_made_anew_has_forgotten_its_ids) {
  const auto first = send("one", "a", "id");
  EXPECT_EQ(sns("DeleteTopic", {{"TopicArn", topic("orders.fifo")}}).status, 200);
  make_topic("orders.fifo");
  subscribe("orders.fifo", "plain", {{"RawMessageDelivery", "true"}});
  EXPECT_NE(element(send("two", "a", "id"), "MessageId"), element(first, "MessageId"));
  EXPECT_THAT(all_of("plain"), ::testing::UnorderedElementsAre("one", "two"));
}

TEST_F(FifoTopic, its_subscriptions_have_fifo_dead_letter_queues) {
  create("dead.fifo", R"("FifoQueue":"true")");
  create("gone.fifo", R"("FifoQueue":"true")");
  const auto refused = try_subscribe("orders.fifo", "gone.fifo",
                                     {{"RedrivePolicy", R"({"deadLetterTargetArn":")" + kQueueHead + R"(plain"})"}});
  EXPECT_THAT(refused.body, HasSubstr("must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."));
  subscribe("orders.fifo", "gone.fifo",
            {{"RedrivePolicy", R"({"deadLetterTargetArn":")" + kQueueHead + R"(dead.fifo"})"},
             {"RawMessageDelivery", "true"}});
  EXPECT_EQ(on("DeleteQueue", "gone.fifo").status, 200);
  send("1", "a");
  send("2", "a");
  EXPECT_THAT(drain("dead.fifo", 2), ElementsAre("1", "2"));
}

}  // namespace
}  // namespace trunkline::sns
