#include "event/identity.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "event/event_testing.hpp"

namespace trunkline::event {
namespace {

using testing::decode_event;
using testing::envelope;

constexpr std::string_view kUserEnd = "v2.detail.events.conversation.c-1.user.end";
constexpr std::string_view kUserEndBody = R"({"eventTime":1772460000000,"conversationId":"c-1","participantId":"p-1"})";

TEST(Identity, of_a_republished_event_differs_in_the_envelope_only) {
  const Event first = decode_event(envelope(kUserEnd, kUserEndBody, "e-1"));
  const Event again = decode_event(envelope(kUserEnd, kUserEndBody, "e-2"));
  EXPECT_NE(first.envelope_identity, again.envelope_identity);
  EXPECT_EQ(first.content_identity, again.content_identity);
  EXPECT_EQ(first.body_hash, again.body_hash);
}

TEST(Identity, is_scoped_by_organisation) {
  const Event ours = decode_event(envelope(kUserEnd, kUserEndBody));
  const Event theirs = decode_event(envelope(kUserEnd, kUserEndBody, "e-1", "2026-03-02T14:00:00.064Z", "org-2"));
  EXPECT_NE(ours.envelope_identity, theirs.envelope_identity);
  EXPECT_NE(ours.content_identity, theirs.content_identity);
}

TEST(Identity, does_not_depend_on_member_order_white_space_or_escapes) {
  const Event one = decode_event(envelope(kUserEnd, kUserEndBody));
  const Event two = decode_event(
      envelope(kUserEnd, R"({ "participantId":"p\u002d1", "conversationId" : "c-1","eventTime":1772460000000 })"));
  EXPECT_EQ(one.body_hash, two.body_hash);
  EXPECT_EQ(one.content_identity, two.content_identity);
}

TEST(Identity, keeps_the_key_but_not_the_hash_of_a_body_that_changed) {
  const Event one = decode_event(envelope(kUserEnd, R"({"eventTime":1,"participantId":"p","x":1})"));
  const Event two = decode_event(envelope(kUserEnd, R"({"eventTime":1,"participantId":"p","x":1.0})"));
  EXPECT_EQ(one.content_identity, two.content_identity);
  EXPECT_NE(one.body_hash, two.body_hash);
}

TEST(Identity, falls_back_to_topic_body_and_timestamp) {
  constexpr std::string_view kTopic = "v2.users.u-1.conversationsummary";
  const Event one = decode_event(envelope(kTopic, R"({"userId":"u-1","n":1})"));
  EXPECT_EQ(one.content_key, "");
  ASSERT_TRUE(one.content_identity);
  EXPECT_EQ(one.content_identity, decode_event(envelope(kTopic, R"({"n":1,"userId":"u-1"})", "e-2")).content_identity);
  EXPECT_NE(
      one.content_identity,
      decode_event(envelope(kTopic, R"({"userId":"u-1","n":1})", "e-2", "2026-03-02T14:00:01.064Z")).content_identity);
  EXPECT_NE(one.content_identity, decode_event(envelope(kTopic, R"({"userId":"u-1","n":0})")).content_identity);
}

TEST(Identity, has_no_content_without_a_natural_key_and_a_timestamp) {
  const Event event = decode_event(envelope("v2.users.u-1.conversationsummary", "{}", "e-1", ""));
  EXPECT_FALSE(event.content_identity);
  EXPECT_TRUE(event.envelope_identity);
  const Event bare = decode_event(R"({"topicName":"v2.users.u-1.conversationsummary","eventBody":{}})");
  EXPECT_FALSE(bare.content_identity);
  EXPECT_FALSE(bare.envelope_identity);
}

TEST(Identity, never_uses_the_correlation_id) {
  std::string other = envelope(kUserEnd, kUserEndBody);
  other.replace(other.find("\"c-1\"}"), 5, "\"c-2\"");
  EXPECT_EQ(decode_event(other).content_identity, decode_event(envelope(kUserEnd, kUserEndBody)).content_identity);
}

TEST(Identity, of_a_flat_event_leaves_its_id_out_of_the_body) {
  const auto flat = [](std::string_view id) {
    return decode_event(
        R"({"id":")" + std::string(id) +
        R"(","type":"v2.conversations.created","conversationId":"c","timestamp":"2026-03-02T14:00:00Z"})");
  };
  EXPECT_EQ(flat("1").body_hash, flat("2").body_hash);
  EXPECT_EQ(flat("1").content_identity, flat("2").content_identity);
  EXPECT_NE(flat("1").envelope_identity, flat("2").envelope_identity);
}

TEST(Identity, keeps_the_beginning_of_a_long_key_and_compares_all_of_it) {
  const auto transcript = [](std::string_view last) {
    std::string list;
    for (int i = 0; i < 40; ++i)
      list += R"({"utteranceId":"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9","isFinal":true},)";
    return decode_event(envelope("v2.conversations.c.transcription", R"({"communicationId":"m","transcripts":[)" +
                                                                         list + R"({"utteranceId":")" +
                                                                         std::string(last) + R"(","isFinal":true}]})"));
  };
  const Event one = transcript("1");
  const Event two = transcript("2");
  EXPECT_EQ(one.content_key, two.content_key);
  EXPECT_LE(one.content_key.size(), 515u);
  EXPECT_TRUE(one.content_key.ends_with("\u2026"));
  EXPECT_TRUE(base::is_valid_utf8(one.content_key));
  EXPECT_NE(one.content_identity, two.content_identity);
}

struct Key {
  std::string_view topic;
  std::string_view body;
  std::string_view key;
};
class NaturalKey : public ::testing::TestWithParam<Key> {};

TEST_P(NaturalKey, is_made_by_topic_family) {
  EXPECT_EQ(decode_event(envelope(GetParam().topic, GetParam().body)).content_key, GetParam().key);
}

INSTANTIATE_TEST_SUITE_P(
    Identity, NaturalKey,
    ::testing::Values(
        Key{"v2.audits.entitytype.Queue.entityid.q", R"({"id":"a"})", "audit|a"},
        Key{"v2.audits.entitytype.Queue.entityid.q", R"({"id":""})", ""},
        Key{"v2.analytics.conversation.c.metrics", R"({"recordId":"r"})", "record|r"},
        Key{"v2.analytics.flow.f.metrics", R"({"recordId":"r"})", "record|r"},
        Key{"v2.conversations.c.transcription",
            R"({"communicationId":"m","transcripts":[{"utteranceId":"u","isFinal":true}]})", "transcript|m|u|final"},
        Key{"v2.conversations.c.transcription",
            R"({"communicationId":"m","eventTime":"T","transcripts":[{"utteranceId":"u","isFinal":true},{"utteranceId":"v"}]})",
            "transcript|m|u|final|v|interim|T"},
        Key{"v2.conversations.c.transcription", R"({"communicationId":"m","transcripts":[{"isFinal":true}]})", ""},
        Key{"v2.conversations.c.transcription",
            R"({"communicationId":"m","status":{"status":"SESSION_ENDED","offsetMs":5}})",
            "transcript|m|SESSION_ENDED|5"},
        Key{"v2.conversations.c.transcription", R"({"communicationId":"m"})", ""},
        Key{"v2.conversations.c.transcription", R"({"transcripts":[]})", ""},
        Key{"v2.detail.events.conversation.c.attributes", R"({"eventTime":5,"participantId":"p"})",
            "session|v2.detail.events.conversation.c.attributes|p||5|"},
        Key{"v2.detail.events.conversation.c.flow.outcome",
            R"({"eventTime":5,"participantId":"p","sessionId":"s","flowOutcomeId":"o"})",
            "session|v2.detail.events.conversation.c.flow.outcome|p|s|5|o"},
        Key{"v2.detail.events.conversation.c.acw", R"({"participantId":"p","sessionId":"s"})", ""},
        Key{"v2.detail.events.agent.a.state", R"({"sessionId":"s","currentState":"HOLD","currentStateStart":5})",
            "agent_state|v2.detail.events.agent.a.state|s|HOLD|5"},
        Key{"v2.quality.evaluations", R"({"id":"e","eventType":"RELEASED","version":2})", "evaluation|e|RELEASED|2"},
        Key{"v2.quality.evaluations", R"({"id":"e","eventType":"RELEASED","version":2,"changedDate":"D"})",
            "evaluation|e|RELEASED|D"},
        Key{"v2.users.u.workforcemanagement.notifications", R"({"id":"n","timestamp":"T"})",
            "notification|v2.users.u.workforcemanagement.notifications|n|T|false"},
        Key{"v2.users.u.presence", R"({"modifiedDate":"D","presenceDefinition":{"id":"p"}})",
            "presence|v2.users.u.presence|D|p"},
        Key{"v2.users.u.presence", R"({"presenceDefinition":{"id":"p"}})", ""},
        Key{"v2.outbound.campaigns.c", R"({"id":"c","version":3})", "configuration|v2.outbound.campaigns.c|c|3"},
        Key{"v2.outbound.campaigns.c.progress", R"({"campaign":{"id":"c"}})", ""},
        Key{"v2.operations.events.o", R"({"eventEntity":{"id":"x"},"entityId":"y","timestamp":5})", "operation|x|y|5"},
        Key{"v2.operations.events.o", R"({"eventEntity":"x","entityId":"y","timestamp":5})", ""},
        Key{"v2.brand.new", R"({"id":"c","version":3})", ""}));

struct Time {
  std::string_view topic;
  std::string_view body;
  std::int64_t millis;
  bool has_millis;
};
class BusinessTimeOf : public ::testing::TestWithParam<Time> {};

TEST_P(BusinessTimeOf, is_taken_by_topic_family) {
  const Event event = decode_event(envelope(GetParam().topic, GetParam().body));
  ASSERT_TRUE(event.business_time);
  EXPECT_EQ(event.business_time->time_since_epoch().count(), GetParam().millis);
  EXPECT_EQ(event.business_time_has_millis, GetParam().has_millis);
}

// 1772460000064 is detail.timestamp.
INSTANTIATE_TEST_SUITE_P(
    Identity, BusinessTimeOf,
    ::testing::Values(
        Time{"v2.detail.events.conversation.c.acw", R"({"eventTime":1772460000001})", 1772460000001, true},
        Time{"v2.detail.events.conversation.c.acw", R"({"eventTime":-5})", 1772460000064, true},
        Time{"v2.detail.events.conversation.c.acw", R"({"eventTime":99999999999999999})", 1772460000064, true},
        Time{"v2.detail.events.conversation.c.acw", R"({"eventTime":"nonsense"})", 1772460000064, true},
        Time{"v2.detail.events.conversation.c.acw", R"({"eventTime":null})", 1772460000064, true},
        Time{"v2.audits.entitytype.Queue.entityid.q", R"({"eventTime":"2026-03-02T14:00:00.000Z"})", 1772460000000,
             false},
        Time{"v2.users.u.presence", R"({"modifiedDate":"2026-03-02T14:00:00Z"})", 1772460000000, false},
        Time{"v2.users.u.routingStatus", R"({"routingStatus":{"startTime":"2026-03-02T14:00:00.007Z"}})", 1772460000007,
             true},
        Time{
            "v2.users.u.activity",
            R"({"routingStatus":{"startTime":"2026-03-02T14:00:00.007Z"},"presence":{"modifiedDate":"2026-03-02T14:00:00.009Z"},)"
            R"("outOfOffice":{"modifiedDate":"2026-03-02T14:00:00.008Z"}})",
            1772460000009, true},
        Time{"v2.analytics.queues.q.observations",
             R"({"data":[{"interval":"2026-03-02T14:00:00.001Z/2026-03-02T14:00:00.001Z"},{"interval":"x"},)"
             R"({"interval":"2026-03-02T14:00:00.003Z/2026-03-02T14:00:00.003Z"},{}]})",
             1772460000003, true},
        Time{"v2.analytics.queues.q.observations",
             R"({"data":[{"interval":"2026-03-02T14:00:00.000Z/2026-03-02T14:30:00.000Z"}]})", 1772460000064, true},
        Time{"v2.operations.events.o", R"({"timestamp":1772460000002})", 1772460000002, true},
        Time{"v2.users.u.conversationsummary", "{}", 1772460000064, true},
        Time{"v2.brand.new", R"({"eventTime":"2026-03-02T16:00:00.001+02:00"})", 1772460000001, true}));

}  // namespace
}  // namespace trunkline::event
