#include "sinks/hub_sink.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event/decoder.hpp"
#include "event/topic_table.hpp"
#include "sinks/fake_sender_test.hpp"
#include "sinks/hub_verdict.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using delivery::BatchVerdict;
using delivery::Verdict;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

BatchVerdict verdict_of(int status, std::string body, std::size_t events, net::Headers headers = {}) {
  const std::vector<std::string> secrets = {"hush"};
  return hub_verdict(net::ClientResponse{status, std::move(headers), std::move(body)}, events, {}, secrets);
}
std::vector<Verdict> verdicts(const BatchVerdict& batch) {
  std::vector<Verdict> all;
  for (const auto& each : batch.events) all.push_back(each.verdict);
  return all;
}

TEST(HubVerdict, each_result_is_a_verdict_of_its_own) {
  const auto batch = verdict_of(200,
                                R"({"results":[{"verdict":"accepted","sequence":1},{"verdict":"duplicate"},)"
                                R"({"verdict":"conflict"},{"verdict":"ignored"},{"verdict":"quarantined"}]})",
                                5);
  EXPECT_THAT(verdicts(batch), ElementsAre(Verdict::delivered, Verdict::delivered, Verdict::delivered,
                                           Verdict::delivered, Verdict::rejected));
  EXPECT_FALSE(batch.refused);
  EXPECT_EQ(batch.events[4].error_class, "hub_quarantined");
}

TEST(HubVerdict, what_a_503_has_stored_counts_and_the_rest_waits) {
  const auto batch = verdict_of(503,
                                R"({"results":[{"verdict":"accepted"},)"
                                R"({"verdict":"failed","error":"disk_full","message":"full of hush"}]})",
                                2, {{"Retry-After", "7"}});
  EXPECT_THAT(verdicts(batch), ElementsAre(Verdict::delivered, Verdict::unavailable));
  EXPECT_EQ(batch.events[1].after, base::Millis(7'000));
  EXPECT_EQ(batch.events[1].detail, "disk_full: full of ***");
}

TEST(HubVerdict, an_answer_that_is_none_of_a_hub_is_an_outage) {
  for (const char* body : {"", "<html>", "{}", R"({"results":[]})", R"({"results":[{"verdict":"accepted"}]})",
                           R"({"results":[1,2]})", R"({"results":{"a":1,"b":2}})"}) {
    const auto batch = verdict_of(200, body, 2);
    EXPECT_THAT(verdicts(batch), ElementsAre(Verdict::unavailable, Verdict::unavailable)) << body;
    EXPECT_EQ(batch.events[0].error_class, "hub_no_answer");
  }
  EXPECT_THAT(verdicts(verdict_of(200, R"({"results":[{"verdict":"a new word"}]})", 1)),
              ElementsAre(Verdict::unavailable));
}

TEST(HubVerdict, a_refusal_of_the_whole_is_an_outage) {
  for (const int status : {401, 404, 405, 500, 502, 503}) {
    const auto batch = verdict_of(status, R"({"error":{"code":"unknown_source"}})", 1);
    EXPECT_THAT(verdicts(batch), Each(status == 500 ? Verdict::rejected : Verdict::unavailable)) << status;
  }
  const auto lost = hub_verdict(base::Error{Errc::unavailable, "reset"}, 3, {});
  EXPECT_THAT(verdicts(lost), ElementsAre(Verdict::unavailable, Verdict::unavailable, Verdict::unavailable));
}

// What another hub makes of what is handed over.
class HandOver : public testing::Test {
 protected:
  static event::Event decoded(const std::string& payload, std::string_view org = "") {
    const auto table = event::TopicTable::make({});
    event::Decoder decoder(*table);
    std::vector<event::Decoded> out;
    decoder.decode(payload, {org, nullptr}, out);
    EXPECT_THAT(out, SizeIs(1));
    EXPECT_TRUE(std::holds_alternative<event::Event>(out.at(0))) << payload;
    return std::get<event::Event>(out.at(0));
  }
  static engine::Record record_of(event::Event event) {
    engine::Record record;
    record.sequence = {42};
    record.accepted_at = base::WallTime(base::Millis(1'772'460'000'007));
    record.event = std::move(event);
    return record;
  }
  static void expect_the_same(const event::Event& first, const event::Event& second) {
    EXPECT_EQ(first.raw, second.raw);
    EXPECT_EQ(first.org_id, second.org_id);
    EXPECT_EQ(first.envelope_id, second.envelope_id);
    EXPECT_EQ(first.envelope_identity, second.envelope_identity);
    EXPECT_EQ(first.content_identity, second.content_identity);
    EXPECT_EQ(first.body_hash, second.body_hash);
    EXPECT_EQ(first.topic_name, second.topic_name);
    EXPECT_EQ(first.conversation_id, second.conversation_id);
  }
};

constexpr std::string_view kBare =
    R"({"topicName":"v2.users.u-1.presence","version":"2","eventBody":{"modifiedDate":"2026-03-02T14:00:00.000Z"},)"
    R"("timestamp":"2026-03-02T14:00:00.064Z"})";

TEST_F(HandOver, a_bare_notification_keeps_the_organisation_that_its_source_has_given_it) {
  const event::Event first = decoded(std::string(kBare), "org-1");
  EXPECT_EQ(first.org_id, "org-1");
  expect_the_same(first, decoded(hand_over_of(record_of(first)), "another-org"));
}

TEST_F(HandOver, an_id_that_only_the_wrapping_knew_is_kept) {
  const event::Event first =
      decoded(fmt::format(R"({{"specversion":"1.0","id":"c-1","source":"/s","type":"t","data":{}}})", kBare), "org-1");
  EXPECT_EQ(first.envelope_id, "/s c-1");
  expect_the_same(first, decoded(hand_over_of(record_of(first))));
}

TEST_F(HandOver, an_envelope_is_handed_over_byte_for_byte) {
  const std::string envelope =
      R"({ "version":"0","id":"e-1","detail-type":"v2.users.{id}.presence","source":"aws.partner/genesys.com/cloud/o-1/x",)"
      R"("account":"1","time":"2026-03-02T14:00:00Z","region":"r","resources":[],)"
      R"("detail":{"topicName":"v2.users.u-1.presence","version":"2","eventBody":{"a":1.0e1}}})";
  const event::Event first = decoded(envelope);
  const event::Event second = decoded(hand_over_of(record_of(first)));
  expect_the_same(first, second);
  EXPECT_EQ(second.raw, envelope);
  EXPECT_EQ(second.form, event::Form::eventbridge);
}

TEST_F(HandOver, an_event_without_any_identity_gets_one_so_that_a_repeat_is_known) {
  const event::Event first = decoded(R"({"topicName":"v2.some.new.topic","version":"2","eventBody":{"a":1}})", "org-1");
  ASSERT_FALSE(first.envelope_identity);
  ASSERT_FALSE(first.content_identity);
  const event::Event second = decoded(hand_over_of(record_of(first)));
  ASSERT_TRUE(second.envelope_identity);
  EXPECT_EQ(second.envelope_identity, decoded(hand_over_of(record_of(first))).envelope_identity);
  engine::Record other = record_of(first);
  other.sequence = {43};
  EXPECT_NE(second.envelope_identity, decoded(hand_over_of(other)).envelope_identity);
}

class HubSinkTest : public testing::Test {
 protected:
  HubSinkTest() {
    options_.url = "https://hub.example/ingest/from-a";
    options_.api_key = "hush";
    options_.gzip = false;
  }
  std::unique_ptr<HubSink> make() {
    auto sink = HubSink::make(options_, std::make_unique<FakeSender>(sent_), clock_);
    EXPECT_TRUE(sink.ok()) << sink.error().detail;
    return std::move(*sink);
  }
  base::Result<std::string> probed(base::Result<net::ClientResponse> answer) {
    std::optional<base::Result<std::string>> said;
    auto sink = make();
    sink->probe([&](base::Result<std::string> found) { said = std::move(found); });
    sent_.back().done(std::move(answer));
    return *said;
  }

  base::ManualClock clock_;
  HubOptions options_;
  std::vector<FakeSender::Sent> sent_;
};

TEST_F(HubSinkTest, a_batch_is_one_array_with_the_key) {
  auto record = std::make_shared<engine::Record>();
  record->event.raw = R"({"a":1})";
  record->event.org_id = "o";
  record->event.envelope_id = "e";
  BatchVerdict said;
  make()->send({"b", 1, 3, {{record, 0, 1, {}, false}, {record, 0, 1, {}, false}}},
               [&](BatchVerdict verdict) { said = std::move(verdict); });
  const net::ClientRequest& request = sent_.at(0).request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, options_.url);
  EXPECT_EQ(net::find_header(request.headers, "x-api-key"), "hush");
  EXPECT_EQ(net::find_header(request.headers, "trunkline-attempt"), "3");
  const std::string one = R"({"trunklineHandOver":{"org":"o","id":"e"},"event":{"a":1}})";
  EXPECT_EQ(request.body, "[" + one + "," + one + "]");
  sent_.at(0).done(net::ClientResponse{200, {}, R"({"results":[{"verdict":"accepted"},{"verdict":"duplicate"}]})"});
  EXPECT_THAT(verdicts(said), ElementsAre(Verdict::delivered, Verdict::delivered));
}

TEST_F(HubSinkTest, a_probe_knows_a_source_by_its_405) {
  EXPECT_EQ(*probed(net::ClientResponse{405, {}, ""}),
            "https://hub.example is reachable, its certificate is valid; it takes events, and the key is good");
  EXPECT_EQ(sent_.back().request.method, "GET");
  EXPECT_THAT(probed(net::ClientResponse{401, {}, ""}).error().detail, HasSubstr("correct the sink's api_key"));
  EXPECT_THAT(probed(net::ClientResponse{503, {}, "no source is named hush"}).error().detail,
              HasSubstr("no source is named ***"));
  EXPECT_THAT(probed(base::Error{Errc::unavailable, "refused"}).error().detail, HasSubstr("cannot be reached"));
}

TEST_F(HubSinkTest, options_are_checked) {
  options_.url = "https://hub.example/";
  EXPECT_THAT(validate(options_).error().detail, HasSubstr("/ingest/NAME"));
  options_.url = "https://hub.example/ingest/x";
  options_.header = "a b";
  EXPECT_FALSE(validate(options_).ok());
}

}  // namespace
}  // namespace trunkline::sinks
