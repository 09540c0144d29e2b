#include "event/id_rule.hpp"

#include <gtest/gtest.h>

#include "event/topic_table.hpp"

namespace trunkline::event {
namespace {

struct Found {
  std::string conversation;
  std::string agent;
  std::string queue;
  bool operator==(const Found&) const = default;
};

Found find(std::string_view rules_text, std::string_view body, std::string_view topic = "v2.users.u-7.x") {
  const auto rules = parse_id_rules(rules_text);
  EXPECT_TRUE(rules) << rules_text;
  json::Document document;
  const auto value = document.parse(body);
  EXPECT_TRUE(value);
  const Segments segments = split_topic(topic);
  return {std::string(rules->conversation.find(*value, segments.view())),
          std::string(rules->agent.find(*value, segments.view())),
          std::string(rules->queue.find(*value, segments.view()))};
}

TEST(IdRule, takes_the_first_place_that_holds_a_text) {
  const std::string_view rules =
      "conversation=eventBody.conversationId; agent=eventBody.user.id or topicName segment 3; queue=eventBody.queueId";
  EXPECT_EQ(find(rules, R"({"conversationId":"c","user":{"id":"u"},"queueId":"q"})"), (Found{"c", "u", "q"}));
  EXPECT_EQ(find(rules, R"({"conversationId":"","user":{},"queueId":null})"), (Found{"", "u-7", ""}));
  EXPECT_EQ(find(rules, R"({"user":"no object","queueId":17})"), (Found{"", "u-7", ""}));
}

TEST(IdRule, walks_lists_to_the_first_element_that_has_the_id) {
  const std::string_view rules = "agent=eventBody.participants[].user.id; queue=eventBody.queueIds[]";
  EXPECT_EQ(find(rules, R"({"participants":[{},{"user":{"id":""}},{"user":{"id":"u"}}],"queueIds":["","q1","q2"]})"),
            (Found{"", "u", "q1"}));
  EXPECT_EQ(find(rules, R"({"participants":{},"queueIds":"q"})"), (Found{"", "", ""}));
}

TEST(IdRule, takes_no_id_from_a_literal_pattern_or_a_short_topic) {
  EXPECT_EQ(find("agent=topicName segment 3", "{}", "v2.users.{id}.x"), (Found{"", "", ""}));
  EXPECT_EQ(find("agent=topicName segment 3", "{}", "v2.users"), (Found{"", "", ""}));
}

TEST(IdRule, takes_the_subject_of_an_audit_only_when_it_is_a_user) {
  const std::string_view rules =
      "agent=eventBody.userId (actor; absent for system/OAuth) or eventBody.entity.id (subject when entityType is a "
      "user "
      "type)";
  EXPECT_EQ(find(rules, R"({"userId":"a","entityType":"UserPresence","entity":{"id":"s"}})").agent, "a");
  EXPECT_EQ(find(rules, R"({"entityType":"UserPresence","entity":{"id":"s"}})").agent, "s");
  EXPECT_EQ(find(rules, R"({"entityType":"OAuthClient","entity":{"id":"s"}})").agent, "");
}

TEST(IdRule, none_finds_nothing) {
  EXPECT_EQ(find("none", R"({"conversationId":"c"})"), (Found{"", "", ""}));
  EXPECT_EQ(find("none (key by topicName)", R"({"conversationId":"c"})"), (Found{"", "", ""}));
  EXPECT_EQ(find("", R"({"conversationId":"c"})"), (Found{"", "", ""}));
}

TEST(IdRule, refuses_what_it_cannot_read) {
  for (const std::string_view wrong :
       {"agent", "person=eventBody.id", "agent=body.id", "agent=eventBody.", "agent=eventBody.a..b",
        "agent=eventBody.[]", "agent=topicName segment", "agent=topicName segment 0", "agent=topicName segment x",
        "agent= or eventBody.id"}) {
    const auto rules = parse_id_rules(wrong);
    ASSERT_FALSE(rules) << wrong;
    EXPECT_EQ(rules.error().code, base::Errc::invalid);
  }
}

}  // namespace
}  // namespace trunkline::event
