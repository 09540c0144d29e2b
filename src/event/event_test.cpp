#include "event/event.hpp"

#include <gtest/gtest.h>

#include "event/attributes.hpp"
#include "event/describe.hpp"
#include "event/event_testing.hpp"
#include "json/document.hpp"

namespace trunkline::event {
namespace {

TEST(Event, group_text_is_the_id_or_the_topic_where_it_lacks_one) {
  Event event;
  event.org_id = "o";
  event.topic_name = "v2.users.u.presence";
  event.user_id = "u";
  EXPECT_EQ(group_text(event, Order::none), "");
  EXPECT_EQ(group_text(event, Order::agent), "agent/o/u");
  EXPECT_EQ(group_text(event, Order::conversation), "topic/o/v2.users.u.presence");
  EXPECT_EQ(group_text(event, Order::queue), "topic/o/v2.users.u.presence");
  EXPECT_EQ(group_text(event, Order::topic), "topic/o/v2.users.u.presence");
  event.conversation_id = "c";
  event.queue_id = "q";
  EXPECT_EQ(group_text(event, Order::conversation), "conversation/o/c");
  EXPECT_EQ(group_text(event, Order::queue), "queue/o/q");
}

TEST(Event, orders_are_read_by_their_names) {
  for (const Order order : {Order::none, Order::conversation, Order::agent, Order::queue, Order::topic}) {
    EXPECT_EQ(parse_order(name(order)), order);
  }
  EXPECT_FALSE(parse_order("Agent"));
  EXPECT_FALSE(parse_order(""));
}

TEST(Attributes, leave_out_what_is_empty) {
  const Event event = testing::decode_event(
      testing::envelope("v2.detail.events.conversation.c-1.user.end", R"({"mediaType":"VOICE","queueId":"q-1"})"));
  std::string all;
  for (const Attribute& attribute : attributes(event)) {
    all += std::string(attribute.name) + "=" + std::string(attribute.value) + ";";
  }
  EXPECT_EQ(all,
            "eventType=v2.detail.events.conversation.{id}.user.end;eventCategory=conversation;orgId=org-1;"
            "conversationId=c-1;queueId=q-1;mediaType=VOICE;source=aws.partner/genesys.com/cloud/org-1/hub;");
  EXPECT_EQ(attributes(event).size(), 7u);
}

TEST(Describe, says_what_was_understood) {
  const auto all = testing::decode_all(testing::envelope(
      "v2.users.u-1.presence", R"({"modifiedDate":"2026-03-02T14:00:00Z","presenceDefinition":{"id":"p"}})"));
  const std::string text = describe(all[0]);
  json::Document document;
  const auto root = document.parse(text);
  ASSERT_TRUE(root) << text;
  EXPECT_TRUE(root->find("accepted")->boolean());
  EXPECT_EQ(root->string_at("form"), "eventbridge");
  EXPECT_EQ(root->string_at("envelopeId"), "e-1");
  EXPECT_EQ(root->string_at("contentKey"), "presence|v2.users.u-1.presence|2026-03-02T14:00:00Z|p");
  EXPECT_EQ(root->string_at("contentIdentity").size(), 32u);
  EXPECT_EQ(root->string_at("bodyHash").size(), 32u);
  EXPECT_EQ(root->string_at("topicName"), "v2.users.u-1.presence");
  EXPECT_EQ(root->string_at("eventType"), "v2.users.{id}.presence");
  EXPECT_EQ(root->string_at("category"), "agent");
  EXPECT_EQ(root->string_at("orgId"), "org-1");
  EXPECT_EQ(root->string_at("userId"), "u-1");
  EXPECT_FALSE(root->find("conversationId"));
  EXPECT_EQ(root->string_at("businessTime"), "2026-03-02T14:00:00.000Z");
  EXPECT_FALSE(root->find("businessTimeHasMillis")->boolean());
  EXPECT_EQ(root->string_at("publishedAt"), "2026-03-02T14:00:00.064Z");
  EXPECT_EQ(root->find("marks")->raw(), R"(["detail_type_mismatch"])");
}

TEST(Describe, marks_what_is_unknown) {
  const auto all = testing::decode_all(R"({"topicName":"v2.brand.new","eventBody":{}})");
  const std::string text = describe(all[0]);
  EXPECT_NE(text.find(R"("marks":["unknown_topic"])"), std::string::npos) << text;
  EXPECT_EQ(text.find("businessTime"), std::string::npos);
}

TEST(Describe, says_why_an_item_was_rejected) {
  EXPECT_EQ(
      describe(testing::decode_all("[17]")[0]),
      R"({"accepted":false,"control":false,"reason":"wrong_type","detail":"an event is a JSON object","bytes":2})");
  EXPECT_EQ(describe(testing::decode_all(R"({"topicName":"channel.metadata"})")[0]),
            R"({"accepted":false,"control":true,"reason":"control","detail":"channel.metadata","bytes":32})");
}

}  // namespace
}  // namespace trunkline::event
