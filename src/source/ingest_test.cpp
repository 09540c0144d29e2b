#include "source/ingest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filter/policy.hpp"
#include "source/ingest_fixture.hpp"

namespace trunkline::source {
namespace {

using engine::PublishEntry;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kKey = "X-Api-Key: new\r\n";

std::string event_text(const std::string& id, const std::string& note = "a") {
  return event::testing::envelope("v2.detail.events.conversation.c-1.customer.start", R"({"note":")" + note + "\"}",
                                  id);
}

std::string head_of(const std::string& accepted, const std::string& duplicates, const std::string& conflicts,
                    const std::string& quarantined, const std::string& ignored, const std::string& failed) {
  return R"({"accepted":)" + accepted + R"(,"duplicates":)" + duplicates + R"(,"conflicts":)" + conflicts +
         R"(,"quarantined":)" + quarantined + R"(,"ignored":)" + ignored + R"(,"failed":)" + failed + R"(,"results":[)";
}

TEST(Ingest, an_event_is_answered_with_its_sequence_number_and_id) {
  IngestFixture fixture;
  const auto first = fixture.post("bridge", event_text("e-1"), kKey);
  EXPECT_EQ(first.status, 200);
  EXPECT_THAT(first.head, HasSubstr("application/json"));
  EXPECT_EQ(first.body, head_of("1", "0", "0", "0", "0", "0") + R"({"verdict":"accepted","sequence":1,"id":"e-1"}]})");
  EXPECT_EQ(fixture.post("bridge", event_text("e-2", "b"), kKey).body,
            head_of("1", "0", "0", "0", "0", "0") + R"({"verdict":"accepted","sequence":2,"id":"e-2"}]})");
}

TEST(Ingest, a_repeat_names_its_stored_twin_and_another_body_is_a_conflict) {
  IngestFixture fixture;
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), kKey).status, 200);
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), kKey).body,
            head_of("0", "1", "0", "0", "0", "0") + R"({"verdict":"duplicate","sequence":1,"id":"e-1"}]})");
  const auto other = fixture.post("bridge", event_text("e-1", "another"), kKey);
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(other.body, head_of("0", "0", "1", "0", "0", "0") + R"({"verdict":"conflict","sequence":2,"id":"e-1"}]})");
}

TEST(Ingest, a_batch_is_answered_item_by_item_in_the_order_of_the_request) {
  IngestFixture fixture;
  const std::string control = event::testing::envelope("channel.metadata", R"({"message":"WebSocket Heartbeat"})", "h");
  const auto answer = fixture.post(
      "bridge",
      "[" + event_text("e-1") + "," + control + ",{}," + event_text("e-1") + ",7," + event_text("e-2", "b") + "]",
      kKey);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            head_of("2", "1", "0", "2", "1", "0") +
                R"({"verdict":"accepted","sequence":1,"id":"e-1"},{"verdict":"ignored"},)"
                R"({"verdict":"quarantined","sequence":1},{"verdict":"duplicate","sequence":1,"id":"e-1"},)"
                R"({"verdict":"quarantined","sequence":2},{"verdict":"accepted","sequence":2,"id":"e-2"}]})");
}

TEST(Ingest, control_events_are_acknowledged_and_nothing_is_stored) {
  IngestFixture fixture;
  const auto answer = fixture.post(
      "bridge", event::testing::envelope("channel.metadata", R"({"message":"WebSocket Heartbeat"})"), kKey);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, head_of("0", "0", "0", "0", "1", "0") + R"({"verdict":"ignored"}]})");
  EXPECT_TRUE(fixture.gate().published().empty());
  EXPECT_TRUE(fixture.metrics().quarantined.empty());
}

// ---- keys

TEST(Ingest, any_key_in_the_header_or_in_the_query_lets_in) {
  IngestFixture fixture;
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), "X-Api-Key: new\r\n").status, 200);
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), "x-API-key: old\r\n").status, 200);
  EXPECT_EQ(fixture.post("bridge?a=b&key=in-query", event_text("e-1")).status, 200);
  EXPECT_EQ(fixture.post("bridge?key=in-query", event_text("e-1"), "X-Api-Key: wrong\r\n").status, 200);
  EXPECT_EQ(fixture.post("bridge?key=wrong", event_text("e-1"), kKey).status, 200);
  EXPECT_EQ(fixture.post("grid?code=grid%20key", event_text("e-1")).status, 200);
  EXPECT_EQ(fixture.post("grid?code=grid+key", event_text("e-1")).status, 200);
  EXPECT_EQ(fixture.post("grid", event_text("e-1"), "X-Api-Key: grid-header\r\n").status, 200);
  EXPECT_EQ(fixture.post("open", event_text("e-1")).status, 200);
}

TEST(Ingest, a_failed_credential_is_401_where_it_is_retried_and_503_where_401_drops) {
  IngestFixture fixture;
  for (const std::string fields : {"", "X-Api-Key: wrong\r\n", "X-Api-Key:\r\n", "X-Api-Key: in-query\r\n",
                                   "X-Api-Key: New\r\n", "X-Api-Key: new2\r\n", "Key: new\r\n"}) {
    for (const std::string source : {"bridge", "notifications"}) {
      const auto answer = fixture.post(source, event_text("e-1"), fields);
      EXPECT_EQ(answer.status, 401) << source << " " << fields;
      EXPECT_THAT(answer.head, HasSubstr("WWW-Authenticate: ApiKey\r\n"));
      EXPECT_THAT(answer.body, HasSubstr(R"("code":"unauthenticated")"));
    }
    const auto answer = fixture.post("grid", event_text("e-1"), fields);
    EXPECT_EQ(answer.status, 503) << fields;
    EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
  }
  EXPECT_EQ(fixture.post("bridge?key=new", event_text("e-1")).status, 401) << "a key of the header, in the query";
  EXPECT_EQ(fixture.post("bridge?key=%zz", event_text("e-1")).status, 401);
  EXPECT_EQ(fixture.post("notifications?key=new", event_text("e-1")).status, 401) << "no key is taken from the query";
  EXPECT_EQ(fixture.post("grid?code=", event_text("e-1")).status, 503);
  EXPECT_TRUE(fixture.gate().published().empty());
}

// A page may make a browser post anything as text/plain to this machine; a source without a key has nothing else to tell
// by.
TEST(Ingest, no_web_page_of_another_site_may_post_to_a_source_without_a_key) {
  IngestFixture fixture;
  const auto status = [&](std::string_view source, std::string_view fields) {
    return fixture.post(source, event_text("e-1"), fields).status;
  };
  EXPECT_EQ(status("open", ""), 200) << "Host is a name, and no browser";
  for (const char* fields : {"Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n",
                             "Sec-Fetch-Site: same-origin\r\n"})  // the last one by a name that was made to lead here
    EXPECT_EQ(status("open", fields), 401) << fields;
  EXPECT_EQ(status("bridge", "x-api-key: new\r\nOrigin: http://evil.example\r\n"), 200)
      << "a key is of somebody who knows it";
}

TEST(Ingest, a_key_holds_until_its_end_date_and_not_at_it) {
  IngestFixture fixture;
  const auto status = [&](std::string_view target, std::string_view fields) {
    return fixture.post(target, event_text("e-1"), fields).status;
  };
  fixture.clock().advance(std::chrono::hours(1) - base::Millis(1));
  EXPECT_EQ(status("bridge", "X-Api-Key: old\r\n"), 200);
  EXPECT_EQ(status("bridge?key=in-query", ""), 200);
  fixture.clock().advance(base::Millis(1));
  EXPECT_EQ(status("bridge", "X-Api-Key: old\r\n"), 401);
  EXPECT_EQ(status("bridge?key=in-query", ""), 401);
  EXPECT_EQ(status("bridge", kKey), 200) << "the key without an end date goes on";
  fixture.clock().advance(-base::Millis(1));
  EXPECT_EQ(status("bridge", "X-Api-Key: old\r\n"), 200) << "the wall clock was set back";
}

// ---- sources and methods

TEST(Ingest, an_unknown_source_is_503_so_that_the_sender_keeps_its_events) {
  IngestFixture fixture;
  for (const std::string target : {"nobody", "", "bridge/", "Bridge", "bridge/x", "%22"}) {
    const auto answer = fixture.post(target, event_text("e-1"), kKey);
    EXPECT_EQ(answer.status, 503) << target;
    EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_THAT(answer.body, HasSubstr(R"("code":"unknown_source")"));
  }
  EXPECT_EQ(fixture.post("%62ridge", event_text("e-1"), kKey).status, 200) << "percent-encoding is undone";
  EXPECT_EQ(fixture.gate().published().size(), 1u);
}

TEST(Ingest, another_method_is_405_without_a_body_and_503_with_one) {
  IngestFixture fixture;
  for (const std::string method : {"GET", "DELETE", "OPTIONS", "HEAD"}) {
    const auto answer = fixture.send(method, "bridge", "", kKey);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_THAT(answer.head, HasSubstr("Allow: POST\r\n"));
  }
  for (const std::string method : {"PUT", "PATCH", "post"}) {
    const auto answer = fixture.send(method, "bridge", event_text("e-1"), kKey);
    EXPECT_EQ(answer.status, 503) << method << ": the sender would drop the event at 405";
    EXPECT_THAT(answer.head, HasSubstr("Allow: POST\r\n"));
    EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
  }
  EXPECT_EQ(fixture.send("GET", "bridge", "").status, 401) << "nothing is said to who has no key";
  EXPECT_TRUE(fixture.gate().published().empty());
}

// ---- handshakes

constexpr std::string_view kGrid = "grid?code=grid%20key";
constexpr std::string_view kValidation = "aeg-event-type: SubscriptionValidation\r\n";

std::string validation(const std::string& data) {
  return R"([{"id":"2d1781af","topic":"t","subject":"","data":)" + data +
         R"(,"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"2026-03-02T14:00:00Z",)"
         R"("metadataVersion":"1","dataVersion":"2"}])";
}

TEST(Ingest, a_subscription_validation_is_answered_with_its_code) {
  IngestFixture fixture;
  const std::string body = validation(R"({"validationCode":"512d38b6-\"x\"","validationUrl":"https://e/"})");
  for (const std::string& text : {body, body.substr(1, body.size() - 2)}) {
    const auto answer = fixture.post(kGrid, text, kValidation);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"validationResponse":"512d38b6-\"x\""})");
  }
  const auto refused = fixture.post("grid", body, kValidation);
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, Not(HasSubstr("512d38b6")));
  EXPECT_TRUE(fixture.gate().published().empty());
}

TEST(Ingest, a_validation_without_a_code_or_at_another_kind_is_quarantined) {
  IngestFixture fixture;
  std::size_t stored = 0;
  for (const std::string& body : {validation("{}"), validation("7"), validation(R"({"validationCode":7})"),
                                  std::string("[]"), std::string("7"), std::string("{"), std::string()}) {
    const auto answer = fixture.post(kGrid, body, kValidation);
    EXPECT_EQ(answer.status, 200) << body;
    EXPECT_THAT(answer.body, HasSubstr(R"("quarantined":1)")) << body;
    ++stored;
  }
  const std::string fields = std::string(kKey) + std::string(kValidation);
  EXPECT_THAT(fixture.post("bridge", validation(R"({"validationCode":"c"})"), fields).body,
              HasSubstr(R"("quarantined":1)"));
  EXPECT_EQ(fixture.quarantine().size(), stored + 1);
}

TEST(Ingest, a_deleted_subscription_is_acknowledged) {
  IngestFixture fixture;
  const std::string body =
      R"([{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionDeletedEvent","data":{"eventSubscriptionId":"s"}}])";
  const auto answer = fixture.post(kGrid, body, "aeg-event-type: SubscriptionDeletion\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{}");
  EXPECT_TRUE(fixture.gate().published().empty());
}

TEST(Ingest, the_cloud_events_handshake_allows_the_origin_that_asks) {
  IngestFixture fixture;
  const std::string fields = "WebHook-Request-Origin: eventgrid.azure.net\r\nWebHook-Request-Rate: 120\r\n";
  const auto answer = fixture.send("OPTIONS", kGrid, "", fields);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("WebHook-Allowed-Origin: eventgrid.azure.net\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("WebHook-Allowed-Rate: *\r\n"));
  const auto no_origin = fixture.send("OPTIONS", kGrid, "");
  EXPECT_EQ(no_origin.status, 200);
  EXPECT_THAT(no_origin.head, Not(HasSubstr("WebHook-Allowed")));
  const auto no_key = fixture.send("OPTIONS", "grid", "", fields);
  EXPECT_EQ(no_key.status, 503);
  EXPECT_THAT(no_key.head, Not(HasSubstr("WebHook-Allowed")));
}

TEST(Ingest, a_notification_of_event_grid_is_an_event_in_both_schemas) {
  IngestFixture fixture;
  const std::string grid = R"([{"id":"g-1","topic":"t","subject":"s","eventType":"genesys","eventTime":)"
                           R"("2026-03-02T14:00:00Z","dataVersion":"1","data":{"message":)" +
                           event_text("e-1") + "}}]";
  EXPECT_THAT(fixture.post(kGrid, grid, "aeg-event-type: Notification\r\n").body, HasSubstr(R"("accepted":1)"));
  const std::string cloud = R"({"specversion":"1.0","id":"g-2","source":"/s","type":"genesys","data":{"message":)" +
                            event_text("e-2", "b") + "}}";
  EXPECT_THAT(fixture.post(kGrid, cloud, "aeg-event-type: Notification\r\n").body, HasSubstr(R"("id":"e-2")"));
}

// ---- what is published

std::shared_ptr<const Router> router_of(std::uint32_t version, const std::string& policy, base::QueueId queue) {
  auto compiled = filter::Policy::compile(policy, filter::Scope::message_attributes);
  return std::make_shared<Router>(
      base::PolicyVersion{version},
      std::vector<Subscription>{{"consumer", queue, std::move(std::get<filter::Policy>(compiled))}});
}

TEST(Ingest, events_carry_their_source_routes_and_policy_version) {
  IngestFixture fixture;
  engine::QueueSpec spec;
  spec.name = "crm";
  const auto queue = fixture.gate().declare(spec);
  ASSERT_TRUE(queue.ok());
  fixture.ingest().set_router(router_of(7, R"({"eventCategory":["conversation"]})", *queue));
  EXPECT_EQ(fixture.post("bridge", event_text("e-1"), kKey).status, 200);
  fixture.ingest().set_router(router_of(8, R"({"eventCategory":["wfm"]})", *queue));
  EXPECT_EQ(fixture
                .post("notifications",
                      R"({"topicName":"v2.users.u-1.presence","version":"2","eventBody":{"a":1},"metadata":{}})", kKey)
                .status,
            200);
  const auto published = fixture.gate().published();
  ASSERT_EQ(published.size(), 2u);
  const auto& first = std::get<PublishEntry>(published[0]);
  EXPECT_EQ(first.source_name, "bridge");
  EXPECT_EQ(first.routes, std::vector<base::QueueId>{*queue});
  EXPECT_EQ(first.policy_version, base::PolicyVersion{7});
  EXPECT_EQ(first.event.org_id, "org-1") << "its own organisation";
  EXPECT_EQ(first.event.raw, event_text("e-1"));
  const auto& second = std::get<PublishEntry>(published[1]);
  EXPECT_EQ(second.source_name, "notifications");
  EXPECT_TRUE(second.routes.empty());
  EXPECT_EQ(second.policy_version, base::PolicyVersion{8});
  EXPECT_EQ(second.event.org_id, "org-default");
}

// ---- quarantine

TEST(Ingest, what_is_not_understood_is_kept_as_it_came_with_the_reason) {
  IngestFixture fixture;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"empty_body", ""},
      {"invalid_utf8", "{\"a\":\"\xff\"}"},
      {"not_json", "{\"a\":"},
      {"too_deep", std::string(5'000, '[')},
      {"empty_array", "[]"},
      {"wrong_type", "7"},
      {"unknown_form", R"({"a":1})"},
      {"bare_event_body", R"({"conversationId":"c-1","eventTime":1772460000064,"participantId":"p-1"})"},
      {"missing_member", R"({"detail-type":"v2.test","detail":{}})"},
  };
  for (const auto& [reason, body] : cases) {
    const auto answer = fixture.post("bridge", body, std::string(kKey) + "Content-Type: text/odd\r\n");
    EXPECT_EQ(answer.status, 200) << reason;
    EXPECT_THAT(answer.body, HasSubstr(R"("quarantined":1,)")) << reason;
  }
  const auto kept = fixture.quarantine();
  ASSERT_EQ(kept.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(kept[i].reason, cases[i].first);
    EXPECT_EQ(kept[i].bytes, cases[i].second) << cases[i].first;
    EXPECT_EQ(kept[i].source_name, "bridge");
    EXPECT_EQ(kept[i].content_type, "text/odd");
    EXPECT_EQ(kept[i].received_at, SharedClock::kStart);
    EXPECT_EQ(fixture.metrics().quarantined.at(cases[i].first), 1u);
  }
}

TEST(Ingest, a_body_whose_encoding_cannot_be_undone_is_kept_for_that_reason) {
  IngestFixture fixture;
  const std::string damaged("\x1f\x8b\x08\x00garbage", 11);
  EXPECT_THAT(fixture.post("bridge", event_text("e-1"), std::string(kKey) + "Content-Encoding: br\r\n").body,
              HasSubstr(R"("quarantined":1,)"))
      << "though the bytes look like an event";
  EXPECT_EQ(fixture.post("bridge", damaged, std::string(kKey) + "Content-Encoding: gzip\r\n").status, 200);
  const auto kept = fixture.quarantine();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].bytes, event_text("e-1"));
  EXPECT_EQ(kept[1].bytes, damaged);
  for (const engine::Quarantined& entry : kept) {
    EXPECT_EQ(entry.reason, "content_encoding");
    EXPECT_FALSE(entry.detail.empty());
    EXPECT_EQ(entry.source_name, "bridge");
  }
  EXPECT_EQ(fixture.metrics().quarantined.at("content_encoding"), 2u);
}

TEST(Ingest, a_full_quarantine_fails_only_what_would_be_quarantined) {
  queue::EmbeddedOptions options;
  options.committer.quarantine_bytes_max = 4'000;
  IngestFixture fixture({}, options);
  const std::string bad = "{\"a\":\"" + std::string(5'000, 'x') + "\"}";
  const auto mixed = fixture.post("bridge", "[" + event_text("e-1") + "," + bad + "]", kKey);
  EXPECT_EQ(mixed.status, 503);
  EXPECT_THAT(mixed.head, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(mixed.body, HasSubstr(head_of("1", "0", "0", "0", "0", "1") +
                                    R"({"verdict":"accepted","sequence":1,"id":"e-1"},{"verdict":"failed","error":)"));
  EXPECT_EQ(fixture.post("bridge", event_text("e-2", "b"), kKey).status, 200);
  EXPECT_THAT(fixture.post("bridge", event_text("e-1"), kKey).body, HasSubstr(R"("verdict":"duplicate","sequence":1)"));
  EXPECT_EQ(fixture.metrics().failed, 1u);
  EXPECT_TRUE(fixture.quarantine().empty());
}

// ---- when the engine cannot

TEST(Ingest, an_engine_that_fails_is_503_with_the_reason_and_a_time_to_come_again) {
  IngestFixture fixture;
  for (const base::Errc code : {base::Errc::overloaded, base::Errc::unavailable, base::Errc::disk_full,
                                base::Errc::corrupt, base::Errc::cancelled, base::Errc::too_large}) {
    fixture.gate().fail_with(base::Error{code, "why"});
    const auto answer = fixture.post("grid?code=grid%20key", "[" + event_text("e-1") + ",{}]");
    EXPECT_EQ(answer.status, 503) << base::name(code);
    EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
    const std::string failed =
        R"({"verdict":"failed","error":")" + std::string(base::name(code)) + R"(","message":"why")";
    EXPECT_EQ(answer.body, head_of("0", "0", "0", "0", "0", "2") + failed + R"(,"id":"e-1"},)" + failed + "}]}");
  }
  fixture.gate().fail_with(std::nullopt);
  EXPECT_THAT(fixture.post("bridge", event_text("e-1"), kKey).body, HasSubstr(R"("accepted":1)"));
  EXPECT_EQ(fixture.metrics().failed, 12u);
}

TEST(Ingest, a_slow_disk_is_answered_503_and_the_retry_is_a_duplicate) {
  IngestFixture fixture({.answer_within = base::Millis(20)});
  fixture.gate().close();
  net::testing::RawClient client = fixture.connect();
  ASSERT_TRUE(client.send(IngestFixture::request("POST", "bridge", event_text("e-1"), kKey)));
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(answer.body, HasSubstr(R"("code":"slow_disk")"));
  fixture.gate().open();
  // Behind the first publish, so it is not answered before that one is on disk. It may be too late itself.
  std::string body;
  for (int tries = 0; tries < 1'000 && body.find("results") == std::string::npos; ++tries) {
    ASSERT_TRUE(client.send(IngestFixture::request("POST", "bridge", event_text("e-1"), kKey)));
    body = client.read_answer().body;
  }
  EXPECT_EQ(body, head_of("0", "1", "0", "0", "0", "0") + R"({"verdict":"duplicate","sequence":1,"id":"e-1"}]})");
  EXPECT_GE(fixture.metrics().answers.at("bridge 503"), 1u);
  EXPECT_EQ(fixture.metrics().answers.at("bridge 200"), 1u) << "the late answer is not counted again";
}

TEST(Ingest, a_sender_that_went_away_loses_its_answer_and_not_its_event) {
  IngestFixture fixture;
  fixture.gate().close();
  net::testing::RawClient client = fixture.connect();
  ASSERT_TRUE(client.send(IngestFixture::request("POST", "bridge", event_text("e-1"), kKey)));
  net::testing::RawClient other = fixture.connect();
  ASSERT_TRUE(other.send(IngestFixture::request("GET", "bridge", "", kKey)));
  EXPECT_EQ(other.read_answer().status, 405);
  fixture.wait_for_connections(2);
  client.reset();
  fixture.wait_for_connections(1);
  fixture.gate().open();
  ASSERT_TRUE(other.send(IngestFixture::request("POST", "bridge", event_text("e-1"), kKey)));
  EXPECT_EQ(other.read_answer().body,
            head_of("0", "1", "0", "0", "0", "0") + R"({"verdict":"duplicate","sequence":1,"id":"e-1"}]})");
}

TEST(Ingest, while_stopping_everything_is_503) {
  IngestFixture fixture;
  fixture.ingest().refuse();
  const std::string code = validation(R"({"validationCode":"c"})");
  for (const auto& answer :
       {fixture.post("bridge", event_text("e-1"), kKey), fixture.post("bridge", event_text("e-1")),
        fixture.post(kGrid, code, kValidation), fixture.send("GET", "open", ""), fixture.post("nobody", "{}")}) {
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1\r\n"));
  }
  EXPECT_TRUE(fixture.gate().published().empty());
}

// ---- counters

TEST(Ingest, counts_answers_by_source_and_status) {
  IngestFixture fixture;
  fixture.post("bridge", event_text("e-1"), kKey);
  fixture.post("bridge", event_text("e-1"), kKey);
  fixture.post("bridge", event_text("e-1"));
  fixture.send("GET", "bridge", "", kKey);
  fixture.post("grid", event_text("e-1"));
  fixture.post(kGrid, validation(R"({"validationCode":"c"})"), kValidation);
  fixture.post("open", "{");
  fixture.post("nobody", "{}");
  fixture.ingest().refuse();
  fixture.post("open", event_text("e-1"));
  const std::map<std::string, std::uint64_t> expected = {{"bridge 200", 2}, {"bridge 401", 1}, {"bridge 405", 1},
                                                         {"grid 503", 1},   {"grid 200", 1},   {"open 200", 1},
                                                         {"open 503", 1}};
  const auto metrics = fixture.metrics();
  EXPECT_EQ(metrics.answers, expected);
  EXPECT_EQ(metrics.quarantined, (std::map<std::string, std::uint64_t>{{"not_json", 1}}));
  EXPECT_EQ(metrics.failed, 0u);
}

TEST(Ingest, input_that_is_taken_in_again_is_not_counted_again) {
  IngestFixture fixture;
  fixture.on_loop([&](net::IoLoop& loop) {
    const auto again = fixture.ingest().decode(loop, "[{}," + event_text("e-1") + "]", "notifications", "t/t", false);
    ASSERT_EQ(again.items.size(), 2u);
    EXPECT_EQ(std::get<engine::Quarantined>(again.items[0]).reason, "unknown_form");
    EXPECT_EQ(std::get<PublishEntry>(again.items[1]).event.envelope_id, "e-1");
    EXPECT_EQ(again.ids, (std::vector<std::string>{"", "e-1"}));
    const auto gone = fixture.ingest().decode(loop, event_text("e-2"), "no longer configured", "", false);
    EXPECT_EQ(std::get<PublishEntry>(gone.items.at(0)).source_name, "no longer configured");
  });
  EXPECT_TRUE(fixture.metrics().quarantined.empty());
}

}  // namespace
}  // namespace trunkline::source
