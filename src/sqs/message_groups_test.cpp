// Several messages of one message group in one receive, each with a handle of its own.
#include "sqs/fixture_test.hpp"

namespace trunkline::sqs {
namespace {

using ::testing::HasSubstr;
using Bodies = std::vector<std::string>;

class MessageGroups : public testing::MadeQueues {
 protected:
  void SetUp() override {
    start_unsigned();
    create("work.fifo", R"("FifoQueue":"true","VisibilityTimeout":"3600")");
  }
  // In one request: what is answered is in the queue as a whole.
  void send_all(const std::string& group, const Bodies& bodies) {
    std::string entries;
    for (const std::string& body : bodies)
      entries += (entries.empty() ? "" : ",") + std::string(R"({"Id":")") + body + R"(","MessageBody":")" + body +
                 "\"" + fifo(group, body) + "}";
    const auto answer = on("SendMessageBatch", "work.fifo", R"(,"Entries":[)" + entries + "]");
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  std::vector<Got> take(int count = 10) {
    return receive("work.fifo", R"(,"MaxNumberOfMessages":)" + std::to_string(count));
  }
  std::vector<Got> look() { return messages(on("ReceiveMessage", "work.fifo", R"(,"MaxNumberOfMessages":10)")); }
  static Bodies bodies(const std::vector<Got>& got) {
    Bodies out;
    for (const Got& each : got) out.push_back(each.body);
    return out;
  }
  net::ClientResponse remove(const Got& message) {
    return on("DeleteMessage", "work.fifo", R"(,"ReceiptHandle":")" + message.handle + "\"");
  }
  void hide(const Got& message, int seconds) {
    const auto answer =
        on("ChangeMessageVisibility", "work.fifo",
           R"(,"VisibilityTimeout":)" + std::to_string(seconds) + R"(,"ReceiptHandle":")" + message.handle + "\"");
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
};

TEST_F(MessageGroups, come_together_in_order_and_each_is_deleted_by_itself) {
  send_all("g", {"1", "2", "3", "4"});
  const auto got = take(3);
  ASSERT_EQ(bodies(got), (Bodies{"1", "2", "3"}));
  send_all("h", {"5", "6"});
  EXPECT_EQ(bodies(take()), (Bodies{"5", "6"})) << "another group goes on";
  EXPECT_EQ(remove(got[1]).status, 200);
  EXPECT_EQ(remove(got[2]).status, 200);
  EXPECT_TRUE(look().empty()) << "the group waits for its first";
  hide(got[0], 0);
  const auto again = take();
  ASSERT_EQ(bodies(again), (Bodies{"1", "4"}));
  EXPECT_EQ(again[0].count, "2");
  EXPECT_EQ(again[1].count, "1");
}

TEST_F(MessageGroups, what_was_deleted_and_what_is_hidden_hold_over_a_restart) {
  send_all("g", {"1", "2", "3", "4"});
  const auto got = take(3);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(remove(got[1]).status, 200);
  restart_unsigned();
  EXPECT_TRUE(look().empty());
  EXPECT_EQ(remove(got[1]).status, 200) << "it has been deleted by this handle";
  hide(got[0], 0);
  const auto first = take();
  ASSERT_EQ(bodies(first), (Bodies{"1"})) << "3 is in flight";
  EXPECT_EQ(remove(got[2]).status, 200);
  EXPECT_EQ(remove(first[0]).status, 200);
  EXPECT_EQ(bodies(take()), Bodies{"4"});
}

TEST_F(MessageGroups, a_handle_that_came_too_late_has_deleted_nothing_whoever_did_it_later) {
  send_all("g", {"1", "2"});
  const auto late = take();
  ASSERT_EQ(late.size(), 2u);
  for (const Got& each : late) hide(each, 0);
  const auto got = take();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_THAT(remove(late[1]).body, HasSubstr("Reason: The receipt handle has expired."));
  for (const Got& each : got) EXPECT_EQ(remove(each).status, 200);
  for (const bool restarted : {false, true}) {
    if (restarted) restart_unsigned();
    for (const Got& each : late) {
      EXPECT_EQ(remove(each).status, 400);
      EXPECT_THAT(remove(each).body, HasSubstr("Reason: The receipt handle has expired."));
    }
    for (const Got& each : got) EXPECT_EQ(remove(each).status, 200);
  }
  EXPECT_TRUE(look().empty());
}

TEST_F(MessageGroups, what_cannot_be_mapped_ends_when_it_is_the_first_of_its_group) {
  Queue crm = add("crm", event::Order::conversation);
  mapping::MappingOptions options;
  options.protect = true;
  options.key = "key";
  crm.mapping = std::get<std::shared_ptr<const mapping::Mapping>>(mapping::Mapping::compile(std::move(options)));
  queues_->put(crm);
  publish(crm, "c", {R"({"n":1})", "{", R"({"n":3})"});
  const auto all = R"(,"MaxNumberOfMessages":10)";
  const auto first = receive("crm.fifo", all);
  ASSERT_EQ(first.size(), 1u) << "what stands behind it waits, too";
  EXPECT_THAT(first[0].body, HasSubstr("1"));
  EXPECT_EQ(on("DeleteMessage", "crm.fifo", R"(,"ReceiptHandle":")" + first[0].handle + "\"").status, 200);
  std::vector<Got> last;
  while (last.empty()) last = receive("crm.fifo", all);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_THAT(last[0].body, HasSubstr("3"));
  EXPECT_EQ(last[0].count, "1") << "it had not left";
  EXPECT_EQ(engine_->statistics_now(crm.id)->dead_letters, 1u);
}

TEST_F(MessageGroups, messages_received_too_often_move_and_the_rest_of_the_group_goes_on) {
  create("dead.fifo", R"("FifoQueue":"true")");
  create("poor.fifo", R"("FifoQueue":"true",)" + redrive_policy("dead.fifo", 1));
  for (const char* body : {"1", "2"}) send("poor.fifo", body, fifo("g", body));
  const auto receive_poor = [&] { return receive("poor.fifo", R"(,"MaxNumberOfMessages":10,"VisibilityTimeout":0)"); };
  std::size_t met = 0;
  while (met < 2) met += receive_poor().size();
  send("poor.fifo", "3", fifo("g", "3"));
  std::vector<Got> got;
  while (got.empty()) got = receive("poor.fifo", R"(,"MaxNumberOfMessages":10)");
  EXPECT_EQ(bodies(got), Bodies{"3"});
  EXPECT_EQ(drain("dead.fifo", 2), (Bodies{"1", "2"}));
}

}  // namespace
}  // namespace trunkline::sqs
