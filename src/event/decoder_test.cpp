#include "event/decoder.hpp"

#include <gtest/gtest.h>

#include <random>

#include "base/crypto.hpp"
#include "event/event_testing.hpp"
#include "json/writer.hpp"

namespace trunkline::event {
namespace {

using testing::decode_all;
using testing::decode_event;
using testing::envelope;
using testing::rejection_of;

constexpr std::string_view kTopic = "v2.detail.events.conversation.c-1.user.end";
constexpr std::string_view kBody =
    R"({"eventTime":1772460000000,"conversationId":"c-1","participantId":"p-1","sessionId":"s-1","userId":"u-1"})";

std::string as_json(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

TEST(Decoder, finds_the_event_in_every_wrapping) {
  const std::string event = envelope(kTopic, kBody);
  const std::string bare = R"({"topicName":"v2.users.u-1.presence","version":"2","eventBody":{},"metadata":{}})";
  const std::string grid_head =
      R"({"id":"g","eventType":"GenesysCloudEvent","subject":"s","dataVersion":"1.0","data":)";
  const struct {
    std::string payload;
    Form form;
  } cases[] = {
      {event, Form::eventbridge},
      {"[" + event + "]", Form::eventbridge},
      {grid_head + R"({"message":)" + event + "}}", Form::eventgrid},
      {grid_head + R"({"message":)" + as_json(event) + "}}", Form::eventgrid},
      {"[" + grid_head + event + "}]", Form::eventgrid},
      {R"({"specversion":"1.0","type":"GenesysCloudEvent","id":"1","source":"s","data":)" + event + "}",
       Form::cloudevents},
      {R"({"specversion":"1.0","type":"v2.x","id":"1","source":"s","data":{"message":)" + as_json(event) + "}}",
       Form::cloudevents},
      {R"({"version":"1.0","requestContext":{},"requestPayload":)" + event + "}", Form::lambda_destination},
      {R"({"requestPayload":{"key":1},"responsePayload":)" + event + "}", Form::lambda_destination},
      {R"({"requestPayload":)" + event + R"(,"responsePayload":{"detail":{}}})", Form::lambda_destination},
      {R"({"Type":"Notification","MessageId":"m","Message":)" + as_json(event) + "}", Form::eventbridge},
      {R"({"Records":[{"messageId":"m","body":)" + as_json(event) + "}]}", Form::eventbridge},
      {R"({"Records":[{"body":)" + as_json(R"({"Type":"Notification","Message":)" + as_json(event) + "}") + "}]}",
       Form::eventbridge},
      {bare, Form::bare},
      {grid_head + R"({"message":)" + bare + "}}", Form::eventgrid},
      {R"({"id":"f-1","type":"v2.conversations.created","conversationId":"c-1"})", Form::flat},
  };
  for (const auto& one : cases) {
    const Event found = decode_event(one.payload);
    EXPECT_EQ(found.form, one.form) << one.payload;
    EXPECT_TRUE(found.raw == event || found.raw == bare || one.form == Form::flat) << found.raw;
  }
}

TEST(Decoder, reads_the_flat_form_of_the_guide) {
  const Event event = decode_event(
      R"({"id":"f-1","type":"v2.conversations.created","conversationId":"c-1","agentId":"u-1","queueId":"q-1",)"
      R"("organizationId":"o-1","mediaType":"voice","timestamp":"2026-03-02T14:00:00Z"})");
  EXPECT_EQ(event.envelope_id, "f-1");
  EXPECT_EQ(event.topic_name, "v2.conversations.created");
  EXPECT_EQ(event.event_type, "v2.conversations.created");
  EXPECT_EQ(event.category, "conversation");
  EXPECT_FALSE(event.topic_known);
  EXPECT_EQ(event.conversation_id, "c-1");
  EXPECT_EQ(event.user_id, "u-1");
  EXPECT_EQ(event.queue_id, "q-1");
  EXPECT_EQ(event.org_id, "o-1");
  EXPECT_EQ(event.media_type, "voice");
  EXPECT_FALSE(event.business_time_has_millis);
  EXPECT_EQ(event.business_time, event.published_at);
  EXPECT_TRUE(event.published_at);
}

TEST(Decoder, carries_unknown_topics_with_the_pattern_of_the_envelope) {
  std::string payload = envelope("v2.users.u-9.newthing", R"({"userId":"u-9"})");
  const Event strange = decode_event(payload);
  EXPECT_TRUE(strange.detail_type_mismatch);
  EXPECT_EQ(strange.event_type, "v2.users.u-9.newthing");
  payload.replace(payload.find("v2.test"), 7, "v2.users.{id}.newthing");
  const Event event = decode_event(payload);
  EXPECT_FALSE(event.detail_type_mismatch);
  EXPECT_FALSE(event.topic_known);
  EXPECT_EQ(event.event_type, "v2.users.{id}.newthing");
  EXPECT_EQ(event.category, "agent");
  EXPECT_EQ(event.user_id, "u-9");
}

TEST(Decoder, takes_the_organisation_from_source_then_body_then_context) {
  EXPECT_EQ(decode_event(envelope(kTopic, kBody), "default").org_id, "org-1");
  const std::string body = R"({"topicName":"v2.x.y","eventBody":{"organizationId":"o-2"}})";
  EXPECT_EQ(decode_event(body, "default").org_id, "o-2");
  EXPECT_EQ(decode_event(R"({"topicName":"v2.x.y","eventBody":{}})", "default").org_id, "default");
  std::string foreign = envelope(kTopic, kBody);
  foreign.replace(foreign.find("aws.partner/genesys.com/cloud/org-1/hub"), 39, "custom.source");
  EXPECT_EQ(decode_event(foreign, "default").org_id, "default");
  std::string cut = envelope(kTopic, kBody);
  cut.replace(cut.find("aws.partner/genesys.com/cloud/org-1/hub"), 39, "aws.partner/genesys.com/cloud");
  EXPECT_EQ(decode_event(cut).org_id, "");
}

TEST(Decoder, takes_ids_of_any_hex_and_accounts_of_any_length) {
  std::string payload = envelope(kTopic, kBody, "3c4b5614-dc12-0522-02e5-4483f3f4a7a8");
  payload.replace(payload.find("111122223333"), 12, "123456789");
  EXPECT_EQ(decode_event(payload).envelope_id, "3c4b5614-dc12-0522-02e5-4483f3f4a7a8");
}

TEST(Decoder, gives_every_rejection_its_own_reason) {
  const std::string deep = std::string(1001, '[') + std::string(1001, ']');
  const struct {
    std::string payload;
    std::string reason;
  } cases[] = {
      {"", "empty_body: the text is empty"},
      {" \r\n\t", "empty_body: the text is empty"},
      {"{\"a\":\"\x80\"}", "invalid_utf8: not JSON at byte 6: not UTF-8"},
      {"{\"a\":", "not_json: not JSON at byte 5: a value expected, the text ends"},
      {"id,name\n", "not_json: not JSON at byte 0: a value expected"},
      {deep, "too_deep: nested deeper than 1000 at byte 1000"},
      {"[]", "empty_array: the array is empty"},
      {R"({"Records":[]})", "empty_array: the array is empty"},
      {"17", "wrong_type: an event is a JSON object"},
      {"\"text\"", "wrong_type: an event is a JSON object"},
      {"[[]]", "wrong_type: an event is a JSON object"},
      {"{}", "unknown_form: none of the known forms: neither detail, topicName, data, Records nor type"},
      {R"({"Type":"SubscriptionConfirmation","SubscribeURL":"https://x"})",
       "unknown_form: none of the known forms: neither detail, topicName, data, Records nor type"},
      {std::string(kBody), "bare_event_body: an eventBody without the notification around it names no topic"},
      {R"({"id":"1","type":"TimeOffRequest","userId":"u"})",
       "bare_event_body: an eventBody without the notification around it names no topic"},
      {R"({"topicName":"v2.x.y"})", "missing_member: missing: eventBody"},
      {R"({"eventBody":{}})", "missing_member: missing: topicName"},
      {R"({"topicName":"","eventBody":[]})",
       "wrong_member: topicName is not a text, it is empty, eventBody is not an object"},
      {R"({"type":"v2.conversations.created"})", "missing_member: missing: id"},
      {R"({"id":"1","type":"v2.conversations.created","timestamp":17})",
       "wrong_member: timestamp is not an RFC 3339 time"},
      {R"({"Records":7})", "wrong_member: Records is no array"},
      {R"({"Records":[{}]})", "missing_member: Records[].body"},
      {R"({"specversion":"1.0","id":"1","source":"s","type":"x"})", "missing_member: data"},
      {R"({"specversion":"1.0","data":{}})", "missing_member: missing: source, id, type"},
      {R"({"specversion":"0.3","id":"1","source":"s","type":"x","data":{}})", "wrong_member: specversion is not 1.0"},
      {R"({"specversion":1.0,"id":"1","source":"s","type":"x","data":{}})",
       "wrong_member: specversion is not a string"},
      {R"({"specversion":"1.0","id":"1","source":"s","type":"x","data_base64":"?"})",
       "wrong_member: data_base64 is no base64 text"},
      {R"({"specversion":"1.0","id":"1","source":"s","type":"x","data_base64":{}})",
       "wrong_member: data_base64 is no base64 text"},
      {R"({"specversion":"1.0","id":"1","source":"s","type":"x","data":{},"data_base64":""})",
       "wrong_member: both data and data_base64"},
      {R"({"specversion":"1.0","id":"1","source":"s","type":"x","data_base64":"e30="})",
       "unknown_form: none of the known forms: neither detail, topicName, data, Records nor type"},
      {R"({"requestPayload":7})", "wrong_type: an event is a JSON object"},
      {R"({"requestPayload":""})", "empty_body: the text is empty"},
      {R"({"detail":7})",
       "missing_member: missing: version, id, detail-type, source, account, time, region, resources; detail is not an "
       "object"},
  };
  for (const auto& one : cases) EXPECT_EQ(rejection_of(one.payload), one.reason) << one.payload;
}

// ---- CloudEvents

constexpr std::string_view kBare =
    R"({"topicName":"v2.users.u-1.presence","version":"2","eventBody":{},"metadata":{}})";

std::string cloud_event(std::string_view data, std::string_view id = "1") {
  std::string text = R"({"specversion":"1.0","source":"/hub","type":"t","id":")";
  return text.append(id).append("\",").append(data).append("}");
}
std::string base64_member(std::string_view data) {
  return R"("data_base64":")" + base::base64_encode(data) + "\"";
}

TEST(Decoder, data_of_a_cloud_event_may_be_base64) {
  const std::string event = envelope(kTopic, kBody);
  const Event found = decode_event(cloud_event(base64_member(event)));
  EXPECT_EQ(found.raw, event);
  EXPECT_EQ(found.form, Form::cloudevents);
  EXPECT_EQ(decode_event(cloud_event(base64_member(R"({"message":)" + event + "}"))).raw, event);
  const auto batch =
      decode_all("[" + cloud_event(base64_member(event)) + "," + cloud_event(base64_member(kBare)) + "]");
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_EQ(std::get<Event>(batch[0]).raw, event);
  EXPECT_EQ(std::get<Event>(batch[1]).raw, kBare);
  std::string nested(kBare);
  for (int i = 0; i < 5; ++i) nested = cloud_event(base64_member(nested));
  EXPECT_EQ(rejection_of(nested), "too_nested: JSON inside JSON strings more than 4 times");
}

TEST(Decoder, an_event_keeps_its_own_id_and_only_one_without_takes_that_of_its_cloud_event) {
  EXPECT_EQ(decode_event(cloud_event(R"("data":)" + envelope(kTopic, kBody, "e-7"))).envelope_id, "e-7");
  const std::string bare(kBare);
  const Event first = decode_event(cloud_event(R"("data":)" + bare));
  EXPECT_EQ(first.envelope_id, "/hub 1");
  EXPECT_TRUE(first.envelope_identity);
  EXPECT_EQ(decode_event(cloud_event(base64_member(bare))).envelope_identity, first.envelope_identity);
  EXPECT_NE(decode_event(cloud_event(R"("data":)" + bare, "2")).envelope_identity, first.envelope_identity);
  EXPECT_EQ(decode_event(cloud_event(R"("data":)" + cloud_event(R"("data":)" + bare, "inner"))).envelope_id,
            "/hub inner");
}

TEST(Decoder, a_cloud_event_in_binary_mode_is_the_one_in_structured_mode) {
  const auto decode = [](std::string_view payload, const CloudAttributes& attributes) {
    Decoder decoder(testing::topics());
    std::vector<Decoded> out;
    decoder.decode(payload, {.default_org = {}, .cloud_event = &attributes}, out);
    return out;
  };
  const CloudAttributes good{"1.0", "1", "/hub", "t", ""};
  const std::string bare(kBare);
  const Event structured = decode_event(cloud_event(R"("data":)" + bare));
  for (const std::string& payload : {bare, R"({"message":)" + bare + "}", R"({"message":)" + as_json(bare) + "}"}) {
    const auto found = decode(payload, good);
    ASSERT_EQ(found.size(), 1u);
    const auto& event = std::get<Event>(found[0]);
    EXPECT_EQ(event.raw, structured.raw);
    EXPECT_EQ(event.form, Form::cloudevents);
    EXPECT_EQ(event.envelope_identity, structured.envelope_identity);
  }
  const auto reason = [&](const CloudAttributes& attributes) {
    const auto found = decode(bare, attributes);
    const auto& rejected = std::get<Rejected>(found.at(0));
    return std::string(name(rejected.reason)) + ": " + rejected.detail;
  };
  EXPECT_EQ(reason({"0.3", "1", "/hub", "t", ""}), "wrong_member: specversion is not 1.0");
  EXPECT_EQ(reason({"1.0", "", "/hub", "t", ""}), "missing_member: id");
  EXPECT_EQ(reason({"1.0", "1", "", "t", ""}), "missing_member: source");
  EXPECT_EQ(reason({"1.0", "1", "/hub", "", ""}), "missing_member: type");
  EXPECT_EQ(reason({"1.0", "1", "/hub", "t", "unreadable"}), "wrong_member: unreadable");
}

TEST(Decoder, requires_every_member_of_the_envelope_and_its_type) {
  const std::string good = envelope(kTopic, kBody);
  ASSERT_EQ(rejection_of(good), "accepted");
  const struct {
    std::string_view member;
    std::string_view label;
  } required[] = {{"version", "version"}, {"id", "id"},     {"detail-type", "detail-type"}, {"source", "source"},
                  {"account", "account"}, {"time", "time"}, {"region", "region"},           {"resources", "resources"}};
  for (const auto& one : required) {
    std::string without = good;
    without.replace(without.find("\"" + std::string(one.member) + "\":"), one.member.size() + 3, "\"other\":");
    EXPECT_EQ(rejection_of(without), "missing_member: missing: " + std::string(one.label));
  }
  const struct {
    std::string_view from;
    std::string_view to;
    std::string_view reason;
  } edits[] = {
      {R"("account":"111122223333")", R"("account":"11-22")", "wrong_member: account is not digits"},
      {R"("account":"111122223333")", R"("account":111122223333)", "wrong_member: account is not a string"},
      {R"("time":"2026-03-02T14:00:00Z")", R"("time":"yesterday")", "wrong_member: time is not an RFC 3339 time"},
      {R"("resources":[])", R"("resources":{})", "wrong_member: resources is not an array"},
      {R"("id":"e-1")", R"("id":"")", "wrong_member: id is not a text, it is empty"},
      {R"("metadata":{"CorrelationId":"c-1"})", R"("metadata":null)", "wrong_member: detail.metadata is not an object"},
      {R"("timestamp":"2026-03-02T14:00:00.064Z")", R"("timestamp":17)",
       "wrong_member: detail.timestamp is not an RFC 3339 time"},
      {R"("eventBody":{)", R"("eventBodies":{)", "missing_member: missing: detail.eventBody"},
  };
  for (const auto& edit : edits) {
    std::string changed = good;
    changed.replace(changed.find(edit.from), edit.from.size(), edit.to);
    EXPECT_EQ(rejection_of(changed), edit.reason);
  }
  EXPECT_EQ(rejection_of(envelope(kTopic, kBody, "e-1", "")), "accepted");
}

TEST(Decoder, knows_heartbeats_and_channel_control_in_every_form) {
  for (const std::string_view topic : {"channel.metadata", "v2.system.socket_closing", "v2.system.token_revoked.t-1",
                                       "v2.system.something.new", "v2.subscription.updated"}) {
    const std::string bare =
        R"({"topicName":")" + std::string(topic) + R"(","eventBody":{"message":"WebSocket Heartbeat"}})";
    EXPECT_EQ(rejection_of(bare), "control: " + std::string(topic));
    EXPECT_EQ(rejection_of(envelope(topic, "{}")), "control: " + std::string(topic));
    if (topic.starts_with("v2.")) {
      EXPECT_EQ(rejection_of(R"({"id":"1","type":")" + std::string(topic) + "\"}"), "control: " + std::string(topic));
    }
  }
  EXPECT_TRUE(std::get<Rejected>(decode_all(R"({"topicName":"channel.metadata"})")[0]).is_control());
}

TEST(Decoder, rejects_only_the_bad_items_of_a_batch_with_their_own_bytes) {
  const std::string good = envelope(kTopic, kBody);
  const auto all = decode_all("[" + good + R"(, {"a":1.0} ,17,)" + good + "]");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<Event>(all[0]));
  EXPECT_EQ(std::get<Rejected>(all[1]).raw, R"({"a":1.0})");
  EXPECT_EQ(std::get<Rejected>(all[1]).reason, Reason::unknown_form);
  EXPECT_EQ(std::get<Rejected>(all[2]).raw, "17");
  EXPECT_EQ(std::get<Event>(all[3]).raw, good);

  const auto records = decode_all(R"({"Records":[{"body":"{\"a\":1}"},{"body":)" + as_json(good) + R"(},{"x":1}]})");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(std::get<Rejected>(records[0]).raw, R"({"a":1})");
  EXPECT_TRUE(std::holds_alternative<Event>(records[1]));
  EXPECT_EQ(std::get<Rejected>(records[2]).raw, R"({"x":1})");
}

TEST(Decoder, keeps_the_wrapping_in_the_bytes_of_a_rejection) {
  const std::string item = R"({"eventType":"x","data":{"message":"not json"}})";
  const auto all = decode_all("[" + item + "]");
  EXPECT_EQ(std::get<Rejected>(all[0]).raw, item);
  EXPECT_EQ(std::get<Rejected>(all[0]).reason, Reason::not_json);
}

TEST(Decoder, bounds_wrappers_inside_one_another) {
  std::string objects = "{}";
  for (int i = 0; i < 300; ++i) objects = R"({"requestPayload":)" + objects + "}";
  EXPECT_EQ(rejection_of(objects), "too_nested: more than 8 wrappers");
  std::string strings = "{}";
  for (int i = 0; i < 5; ++i) strings = R"({"Type":"Notification","Message":)" + as_json(strings) + "}";
  EXPECT_EQ(rejection_of(strings), "too_nested: JSON inside JSON strings more than 4 times");
}

TEST(Decoder, bounds_the_items_of_one_payload) {
  const auto list = [](std::size_t count, std::string_view item) {
    std::string text = "[" + std::string(item);
    for (std::size_t i = 1; i < count; ++i) text.append(",").append(item);
    return text + "]";
  };
  EXPECT_EQ(decode_all(list(10'000, "{}")).size(), 10'000u);
  EXPECT_EQ(rejection_of(list(10'001, "{}")), "too_many_items: more than 10000 items in one payload");
  const auto nested = decode_all(list(3, R"({"requestPayload":)" + list(4'000, "{}") + "}"));
  ASSERT_EQ(nested.size(), 8'001u);
  EXPECT_EQ(std::get<Rejected>(nested.back()).reason, Reason::too_many_items);
}

TEST(Decoder, can_be_used_again_and_appends) {
  Decoder decoder(testing::topics());
  std::vector<Decoded> out;
  decoder.decode("nope", {}, out);
  decoder.decode(envelope(kTopic, kBody), {}, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<Event>(out[1]));
}

TEST(Decoder, any_bytes_give_at_least_one_item_and_events_that_decode_again) {
  std::mt19937 random(20261124);
  const std::string whole = R"([{"Records":[{"body":)" + as_json(envelope(kTopic, kBody)) + "}]}," +
                            envelope("v2.users.u-1.presence", R"({"modifiedDate":"2026-03-02T14:00:00Z"})") + "]";
  int events = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string text = whole;
    for (auto edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = static_cast<char>(random());
      } else {
        text.erase(at, 1 + random() % 20);
      }
    }
    const auto all = decode_all(text);
    ASSERT_FALSE(all.empty());
    for (const Decoded& decoded : all) {
      const auto* event = std::get_if<Event>(&decoded);
      if (event == nullptr) continue;
      ++events;
      const Event again = decode_event(event->raw);
      ASSERT_EQ(again.envelope_identity, event->envelope_identity);
      ASSERT_EQ(again.body_hash, event->body_hash);
    }
  }
  EXPECT_GT(events, 500);
}

}  // namespace
}  // namespace trunkline::event
