#include "sinks/transcript_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/manual_loop.hpp"
#include "sinks/fake_sender_test.hpp"

namespace trunkline::sinks {
namespace {

using delivery::BatchVerdict;
using delivery::EventVerdict;
using delivery::Verdict;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Attach = TranscriptOptions::Attach;

constexpr std::string_view kJson =
    R"({"transcripts":[{"phrases":[{"text":"Hello","participantPurpose":"external","startTimeMs":1772460001000}]}]})";

TranscriptOptions options() {
  TranscriptOptions made;
  made.genesys = "https://api.mypurecloud.de";
  made.url = "https://acme.my.salesforce.com";
  return made;
}

struct World {
  explicit World(TranscriptOptions with = options()) {
    TranscriptSink::Senders senders{std::make_unique<FakeSender>(genesys), std::make_unique<FakeSender>(plain),
                                    std::make_unique<FakeSender>(salesforce)};
    auto made = TranscriptSink::make(std::move(with), std::move(senders), loop);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().detail);
    if (made.ok()) sink = std::move(*made);
  }
  void send(const std::string& type = "v2.detail.events.conversation.{id}.customer.end",
            const std::string& body = R"({"sessionId":"session-1"})") {
    auto record = std::make_shared<engine::Record>();
    record->sequence = base::Sequence{7};
    record->accepted_at = accepted;
    record->event.event_type = type;
    record->event.conversation_id = "conversation-1";
    record->event.raw = R"({"detail":{"eventBody":)" + body + "}}";
    delivery::Batch batch;
    batch.messages.emplace_back().record = record;
    verdict.reset();
    sink->send(std::move(batch), [this](BatchVerdict said) { verdict = said.events.at(0); });
    loop.run();
  }
  static void answer(std::vector<FakeSender::Sent>& sent, int status, std::string body = {}) {
    auto done = std::move(sent.back().done);
    done(net::ClientResponse{status, {}, std::move(body)});
  }
  // To the request that makes the file.
  void go_to_the_file(std::string transcript = std::string(kJson)) {
    send();
    answer(genesys, 200, R"({"url":"https://bucket.example/t?X-Amz-Signature=secret-signature"})");
    answer(plain, 200, std::move(transcript));
    answer(salesforce, 200, R"({"Id":"500000000000001AAA"})");
    answer(salesforce, 200, R"({"totalSize":0,"done":true,"records":[]})");
  }

  base::ManualClock clock;
  base::ManualLoop loop{clock};
  base::WallTime accepted = clock.wall();
  std::vector<FakeSender::Sent> genesys;
  std::vector<FakeSender::Sent> plain;
  std::vector<FakeSender::Sent> salesforce;
  std::unique_ptr<TranscriptSink> sink;
  std::optional<EventVerdict> verdict;
};

TEST(TranscriptSink, brings_the_transcript_to_the_record_as_a_file) {
  World world;
  world.go_to_the_file();
  EXPECT_EQ(world.genesys.at(0).request.url,
            "https://api.mypurecloud.de/api/v2/speechandtextanalytics/conversations/conversation-1/communications/"
            "session-1/transcripturl");
  EXPECT_EQ(world.plain.at(0).request.url, "https://bucket.example/t?X-Amz-Signature=secret-signature");
  ASSERT_THAT(world.salesforce, SizeIs(3));
  EXPECT_EQ(world.salesforce[0].request.url,
            "https://acme.my.salesforce.com/services/data/v60.0/sobjects/Case/Genesys_Conversation_Id__c/"
            "conversation-1?fields=Id");
  EXPECT_THAT(world.salesforce[1].request.url, HasSubstr("query?q=SELECT%20ContentDocumentId%20FROM"));
  EXPECT_EQ(world.salesforce[2].request.url,
            "https://acme.my.salesforce.com/services/data/v60.0/sobjects/ContentVersion");
  EXPECT_EQ(world.salesforce[2].request.body,
            R"({"Title":"Genesys transcript conversation-1 session-1","PathOnClient":"transcript-session-1.txt",)"
            R"("FirstPublishLocationId":"500000000000001AAA","VersionData":")" +
                base::base64_encode("00:00:00 Customer: Hello\n") + "\"}");
  EXPECT_FALSE(world.verdict);
  World::answer(world.salesforce, 201, R"({"id":"068","success":true,"errors":[]})");
  ASSERT_TRUE(world.verdict);
  EXPECT_EQ(world.verdict->verdict, Verdict::delivered);
}

TEST(TranscriptSink, a_file_that_is_there_already_is_not_made_again) {
  World world;
  world.send();
  World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t"})");
  World::answer(world.plain, 200, std::string(kJson));
  World::answer(world.salesforce, 200, R"({"Id":"500000000000001AAA"})");
  World::answer(world.salesforce, 200, R"({"totalSize":1,"records":[{"ContentDocumentId":"069"}]})");
  EXPECT_THAT(world.salesforce, SizeIs(2));
  EXPECT_EQ(world.verdict->verdict, Verdict::delivered);
}

TEST(TranscriptSink, writes_a_field_of_the_record_and_makes_no_record) {
  TranscriptOptions with = options();
  with.attach = Attach::field;
  with.field = "Transcript__c";
  World world(std::move(with));
  world.send();
  World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t"})");
  World::answer(world.plain, 200, std::string(kJson));
  ASSERT_THAT(world.salesforce, SizeIs(1));
  EXPECT_EQ(world.salesforce[0].request.method, "PATCH");
  EXPECT_THAT(world.salesforce[0].request.url, HasSubstr("/conversation-1?updateOnly=true"));
  EXPECT_EQ(world.salesforce[0].request.body, R"({"Transcript__c":"00:00:00 Customer: Hello\n"})");
  World::answer(world.salesforce, 404, R"([{"errorCode":"NOT_FOUND","message":"x"}])");
  EXPECT_EQ(world.verdict->error_class, "not_ready");
}

TEST(TranscriptSink, takes_the_json_as_it_is_where_that_is_wanted) {
  TranscriptOptions with = options();
  with.format = TranscriptOptions::Format::json;
  World world(std::move(with));
  world.go_to_the_file();
  EXPECT_THAT(world.salesforce.back().request.body, HasSubstr(base::base64_encode(kJson)));
  EXPECT_THAT(world.salesforce.back().request.body, HasSubstr("transcript-session-1.json"));
}

TEST(TranscriptSink, waits_for_what_is_not_there_yet_and_gives_up_by_the_age_of_the_event) {
  World world;
  world.send();
  World::answer(world.genesys, 404, R"({"code":"not.found"})");
  EXPECT_EQ(world.verdict->verdict, Verdict::retry);
  EXPECT_EQ(world.verdict->error_class, "not_ready");
  EXPECT_EQ(world.verdict->after, minutes(2));
  EXPECT_TRUE(world.verdict->downstream_is_well);
  world.clock.advance(hours(25));
  world.send();
  World::answer(world.genesys, 404);
  EXPECT_EQ(world.verdict->verdict, Verdict::rejected);
  EXPECT_EQ(world.verdict->error_class, "no_transcript");
}

TEST(TranscriptSink, waits_for_a_url_that_has_ended_for_phrases_and_for_the_record) {
  World world;
  for (const auto& [status, body] : {std::pair(403, "<Error/>"), std::pair(200, R"({"transcripts":[]})")}) {
    world.send();
    World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t"})");
    World::answer(world.plain, status, body);
    EXPECT_EQ(world.verdict->error_class, "not_ready");
  }
  world.send();
  World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t"})");
  World::answer(world.plain, 200, std::string(kJson));
  World::answer(world.salesforce, 404, R"([{"errorCode":"NOT_FOUND","message":"x"}])");
  EXPECT_EQ(world.verdict->error_class, "not_ready");
  EXPECT_THAT(world.verdict->detail, HasSubstr("Case"));
}

TEST(TranscriptSink, tells_an_outage_from_an_event_that_is_bad) {
  World world;
  world.send();
  World::answer(world.genesys, 500);
  EXPECT_EQ(world.verdict->verdict, Verdict::unavailable);
  world.send();
  World::answer(world.genesys, 403);
  EXPECT_EQ(world.verdict->verdict, Verdict::unavailable);
  world.send();
  World::answer(world.genesys, 429);
  EXPECT_EQ(world.verdict->verdict, Verdict::retry);
  EXPECT_FALSE(world.verdict->downstream_is_well);
  world.send();
  World::answer(world.genesys, 200, R"({"url":"ftp://bucket"})");
  EXPECT_EQ(world.verdict->verdict, Verdict::unavailable);
  world.go_to_the_file();
  World::answer(world.salesforce, 400, R"([{"errorCode":"STRING_TOO_LONG","message":"x"}])");
  EXPECT_EQ(world.verdict->verdict, Verdict::rejected);
  world.go_to_the_file();
  World::answer(world.salesforce, 400, R"([{"errorCode":"STORAGE_LIMIT_EXCEEDED","message":"x"}])");
  EXPECT_EQ(world.verdict->verdict, Verdict::unavailable);
  world.send();
  World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t"})");
  World::answer(world.plain, 200, "no json");
  EXPECT_EQ(world.verdict->verdict, Verdict::rejected);
}

TEST(TranscriptSink, says_nothing_of_what_was_said_nor_of_the_signature) {
  World world;
  world.send();
  World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t?X-Amz-Signature=secret-signature"})");
  World::answer(world.plain, 403, "secret-signature has ended");
  EXPECT_THAT(world.verdict->detail, Not(HasSubstr("secret-signature")));
}

TEST(TranscriptSink, bounds_a_transcript) {
  World world;
  world.send();
  World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t"})");
  World::answer(world.plain, 200, std::string(TranscriptSink::kTranscriptBytesMax, 'x'));
  EXPECT_EQ(world.verdict->error_class, "too_large");
}

TEST(TranscriptSink, other_events_are_delivered_and_one_without_a_session_is_rejected) {
  World world;
  world.send("v2.detail.events.conversation.{id}.customer.start");
  EXPECT_EQ(world.verdict->verdict, Verdict::delivered);
  world.send("v2.detail.events.conversation.{id}.customer.end", "{}");
  EXPECT_EQ(world.verdict->error_class, "no_session");
  world.send("v2.detail.events.conversation.{id}.customer.end", R"({"sessionId":"x' OR Title != '"})");
  EXPECT_EQ(world.verdict->error_class, "no_session");
  EXPECT_THAT(world.genesys, IsEmpty());
}

TEST(TranscriptSink, an_answer_may_come_after_the_sink_has_gone) {
  World world;
  world.send();
  world.sink.reset();
  World::answer(world.genesys, 200, R"({"url":"https://bucket.example/t"})");
  EXPECT_THAT(world.plain, IsEmpty());
}

}  // namespace
}  // namespace trunkline::sinks
