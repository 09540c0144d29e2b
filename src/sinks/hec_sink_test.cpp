#include "sinks/hec_sink.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "json/document.hpp"
#include "net/content_coding.hpp"
#include "sinks/sink_fixture_test.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::WallTime;
using delivery::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kToken = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

class HecSinkTest : public HttpSinkTest {
 protected:
  HecSinkTest() {
    options_.url = "https://splunk:8088";
    options_.token = kToken;
    options_.consumer = "siem";
    options_.gzip = false;
    record_.sequence = {42};
    record_.accepted_at = WallTime(Millis(1'700'000'000'007));
    record_.source_name = "genesys-prod";
    record_.event.raw = "{\"id\":\n1}";
    record_.event.category = "conversation";
  }
  std::unique_ptr<delivery::Sink> make() {
    auto sink = HecSink::make(options_, enriched, sender(), clock_);
    EXPECT_TRUE(sink.ok());
    return std::move(*sink);
  }
  engine::LeasedMessage message() const { return leased(record_); }
  net::ClientRequest request(std::vector<engine::LeasedMessage> messages) {
    return request_of(make(), "siem", std::move(messages));
  }
  std::string body() { return request({message()}).body; }

  HecOptions options_;
  engine::Record record_;
};

TEST_F(HecSinkTest, sends_an_event_with_what_splunk_files_it_by) {
  options_.index = "genesys";
  options_.host = "hub-1";
  options_.order = event::Order::conversation;
  event::Event& event = record_.event;
  event.business_time = WallTime(Millis(1'699'999'999'120));
  event.source = "aws.partner/genesys.com/cloud/o/suffix";
  event.topic_name = "v2.detail.events.conversation.c1.acw";
  event.event_type = "v2.detail.events.conversation.{id}.acw";
  event.org_id = "o";
  event.conversation_id = "c1";
  event.user_id = "u";
  event.queue_id = "q";
  event.media_type = "VOICE";
  auto one = message();
  one.gap_before = base::Sequence{41};
  one.redriven = true;
  one.order = 40;
  one.late = true;
  const auto sent = request({one});
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "https://splunk:8088/services/collector/event");
  EXPECT_EQ(header(sent, "Authorization"), "Splunk " + kToken);
  EXPECT_EQ(header(sent, "Content-Type"), "application/json");
  EXPECT_EQ(header(sent, "Content-Encoding"), "(absent)");
  EXPECT_EQ(header(sent, "X-Splunk-Request-Channel"), hec_channel("siem", "https://splunk:8088"));
  EXPECT_EQ(header(sent, "trunkline-attempt"), "3");
  EXPECT_EQ(sent.body,
            R"({"time":1699999999.120,"host":"hub-1","source":"aws.partner/genesys.com/cloud/o/suffix",)"
            R"("sourcetype":"genesyscloud:analytics:conversations:details","index":"genesys","fields":{)"
            R"("trunkline_sequence":"42","trunkline_consumer":"siem","trunkline_lane":"conversation/o/c1",)"
            R"("trunkline_gap_before":"41","trunkline_redriven":"true","trunkline_order":"40","trunkline_late":"true",)"
            R"("eventType":"v2.detail.events.conversation.{id}.acw","eventCategory":"conversation","orgId":"o",)"
            R"("conversationId":"c1","userId":"u","queueId":"q","mediaType":"VOICE"},"event":{"enriched":42}})");
}

TEST_F(HecSinkTest, leaves_out_what_an_event_lacks) {
  EXPECT_EQ(body(),
            R"({"time":1700000000.007,"source":"genesys-prod","sourcetype":"genesyscloud:conversation",)"
            R"("fields":{"trunkline_sequence":"42","trunkline_consumer":"siem","eventCategory":"conversation"},)"
            R"("event":{"enriched":42}})");
}

TEST_F(HecSinkTest, configured_names_win_and_are_escaped) {
  options_.source = "a \"b\"";
  options_.sourcetype = "mine";
  EXPECT_THAT(body(), HasSubstr(R"("source":"a \"b\"","sourcetype":"mine")"));
}

TEST_F(HecSinkTest, raw_bodies_are_the_events_own_bytes) {
  options_.body = Body::raw;
  EXPECT_THAT(body(), testing::EndsWith("\"event\":{\"id\":\n1}}"));
}

TEST_F(HecSinkTest, the_time_is_when_it_happened_else_when_it_was_published_or_accepted) {
  record_.event.published_at = WallTime(Millis(1'690'000'000'000));
  EXPECT_THAT(body(), HasSubstr("\"time\":1690000000.000,"));
  record_.event.business_time = WallTime(Millis(1'680'000'000'999));
  EXPECT_THAT(body(), HasSubstr("\"time\":1680000000.999,"));
  for (const std::int64_t absurd : {std::int64_t{0}, std::int64_t{-5}, std::int64_t{253'402'300'800'000}}) {
    record_.event.business_time = WallTime(Millis(absurd));
    EXPECT_THAT(body(), HasSubstr("\"time\":1690000000.000,")) << absurd;
  }
}

TEST_F(HecSinkTest, a_batch_is_one_object_behind_the_other) {
  const auto one = message();
  record_.sequence = {43};
  const std::string body = request({one, message()}).body;
  const std::size_t line = body.find('\n');
  ASSERT_NE(line, std::string::npos);
  json::Document document;
  for (const std::string& text : {body.substr(0, line), body.substr(line + 1)})
    EXPECT_TRUE(document.parse(text).ok()) << text;
}

TEST_F(HecSinkTest, gzip_carries_the_same_bytes) {
  const std::string plain = body();
  options_.gzip = true;
  const auto sent = request({message()});
  EXPECT_EQ(header(sent, "Content-Encoding"), "gzip");
  std::string decoded;
  ASSERT_EQ(net::inflate_bytes(sent.body, net::Coding::gzip, 1 << 20, decoded), net::Inflated::ok);
  EXPECT_EQ(decoded, plain);
}

TEST_F(HecSinkTest, sourcetypes_are_those_of_the_official_add_on_where_it_has_one) {
  const auto type = [](const char* topic, const char* category) {
    event::Event event;
    event.topic_name = topic;
    event.category = category;
    return sourcetype_of(event);
  };
  EXPECT_EQ(type("v2.audits.entitytype.User.entityid.x", "audit"), "genesyscloud:operational:audits");
  EXPECT_EQ(type("v2.analytics.queues.q.observations", "queue"), "genesyscloud:analytics:queues:observations");
  EXPECT_EQ(type("v2.analytics.queues.q.activity", "queue"), "genesyscloud:queue");
  EXPECT_EQ(type("v2.users.u.routingStatus", "agent"), "genesyscloud:users:users:routingstatus");
  EXPECT_EQ(type("v2.users.u.presence", "agent"), "genesyscloud:agent");
  EXPECT_EQ(type("v2.analytics.flow.f.metrics", "analytics"), "genesyscloud:analytics:flows:metrics");
  EXPECT_EQ(type("v2.telephony.providers.edges.trunks.t.metrics", "telephony"),
            "genesyscloud:telephonyprovidersedge:trunks:metrics");
  EXPECT_EQ(type("v2.telephony.providers.edges.e.metrics", "telephony"),
            "genesyscloud:telephonyprovidersedge:edges:metrics");
  EXPECT_EQ(type("v2.telephony.providers.edges.phones.p", "telephony"),
            "genesyscloud:telephonyprovidersedge:edges:phones");
  EXPECT_EQ(type("", ""), "genesyscloud:unknown");
}

TEST_F(HecSinkTest, the_channel_is_a_guid_of_the_consumer_and_the_server) {
  const std::string one = hec_channel("siem", "https://splunk:8088");
  EXPECT_THAT(one, testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(one, hec_channel("siem", "https://splunk:8088"));
  EXPECT_THAT((std::set<std::string>{one, hec_channel("crm", "https://splunk:8088"),
                                     hec_channel("siem", "https://other:8088")}),
              testing::SizeIs(3));
}

TEST_F(HecSinkTest, the_url_may_be_the_server_or_the_endpoint_and_may_have_a_path_in_front) {
  for (const char* url :
       {"https://splunk:8088", "https://splunk:8088/", "https://splunk:8088/services/collector",
        "https://splunk:8088/services/collector/event", "https://splunk:8088/services/collector/event/",
        "https://splunk:8088/services/collector/event/1.0"}) {
    options_.url = url;
    EXPECT_EQ(request({message()}).url, "https://splunk:8088/services/collector/event") << url;
  }
  options_.url = "https://proxy/event";
  EXPECT_EQ(request({message()}).url, "https://proxy/event/services/collector/event");
}

TEST_F(HecSinkTest, the_token_is_taken_out_of_what_the_server_says) {
  auto sink = make();
  std::vector<delivery::EventVerdict> verdicts;
  sink->send({"siem", 1, 1, {message()}}, [&](delivery::BatchVerdict answer) { verdicts = answer.events; });
  auto done = std::move(sent_.at(0).done);
  sink.reset();  // the answer may come after it has gone
  done(net::ClientResponse{403, {}, R"({"text":"no such token )" + kToken + R"(","code":4})"});
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_THAT(verdicts[0].detail, HasSubstr("no such token ***"));
  EXPECT_THAT(verdicts[0].detail, Not(HasSubstr(kToken)));
}

TEST_F(HecSinkTest, a_token_that_stands_where_the_detail_is_cut_is_shown_in_no_part) {
  for (const std::string& said : {R"({"text":")" + std::string(1'000, 'x') + kToken + R"(","code":4})",
                                  std::string(500, 'x') + kToken, std::string(1'010, 'x') + kToken}) {
    for (const int status : {200, 403}) {
      auto sink = make();
      sent_.clear();
      std::vector<delivery::EventVerdict> verdicts;
      sink->send({"siem", 1, 1, {message()}}, [&](delivery::BatchVerdict answer) { verdicts = answer.events; });
      sent_.at(0).done(net::ClientResponse{status, {}, said});
      ASSERT_EQ(verdicts.size(), 1u);
      EXPECT_THAT(verdicts[0].detail, Not(HasSubstr(kToken.substr(0, 8))));
      EXPECT_LE(verdicts[0].detail.size(), 1'024u);
    }
  }
}

TEST_F(HecSinkTest, a_token_of_asterisks_is_taken_out_like_any_other) {
  options_.token = "**";
  auto sink = make();
  std::vector<delivery::EventVerdict> verdicts;
  sink->send({"siem", 1, 1, {message()}}, [&](delivery::BatchVerdict answer) { verdicts = answer.events; });
  sent_.at(0).done(net::ClientResponse{403, {}, "no ** here"});
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_THAT(verdicts[0].detail, testing::StartsWith("no *** here"));
}

// ---- probe

class HecProbe : public HecSinkTest {
 protected:
  // Answers the health question, then the one about the token.
  base::Result<std::string> probe(base::Result<net::ClientResponse> health, base::Result<net::ClientResponse> token) {
    auto sink = make();
    sent_.clear();
    std::optional<base::Result<std::string>> found;
    sink->probe([&](base::Result<std::string> answer) { found = std::move(answer); });
    auto first = std::move(sent_.at(0).done);
    first(std::move(health));
    if (!found) {
      auto second = std::move(sent_.at(1).done);
      second(std::move(token));
    }
    return *found;
  }
  const net::ClientResponse healthy_{200, {}, R"({"text":"HEC is healthy","code":17})"};
  const net::ClientResponse no_data_{400, {}, R"({"text":"No data","code":5})"};
};

TEST_F(HecProbe, asks_for_health_and_then_sends_nothing_with_the_token) {
  const auto found = probe(healthy_, no_data_);
  ASSERT_TRUE(found.ok()) << found.error().detail;
  EXPECT_THAT(*found, HasSubstr("Splunk HEC healthy, token accepted"));
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[0].request.method, "GET");
  EXPECT_EQ(sent_[0].request.url, "https://splunk:8088/services/collector/health");
  EXPECT_EQ(sent_[1].request.method, "POST");
  EXPECT_EQ(sent_[1].request.url, "https://splunk:8088/services/collector/event");
  EXPECT_EQ(sent_[1].request.body, "");
}

TEST_F(HecProbe, says_what_is_wrong_and_what_to_do) {
  const auto error = [&](base::Result<net::ClientResponse> health, base::Result<net::ClientResponse> token) {
    const auto found = probe(std::move(health), std::move(token));
    return found.ok() ? "" : found.error().detail;
  };
  EXPECT_THAT(error(healthy_, net::ClientResponse{403, {}, R"({"text":"Invalid token )" + kToken + R"(","code":4})"}),
              testing::AllOf(HasSubstr("correct the sink's token"), Not(HasSubstr(kToken))));
  EXPECT_THAT(error(net::ClientResponse{503, {}, R"({"text":"not for )" + kToken + R"(","code":18})"}, no_data_),
              testing::AllOf(HasSubstr("not for ***"), Not(HasSubstr(kToken))));
  EXPECT_THAT(error(healthy_, net::ClientResponse{403, {}, R"({"text":"Token disabled","code":1})"}),
              HasSubstr("enable the token in Splunk"));
  EXPECT_THAT(
      error(net::ClientResponse{503, {}, R"({"text":"HEC is unhealthy, queues are full","code":18})"}, no_data_),
      HasSubstr("queues are full"));
  EXPECT_THAT(error(net::ClientResponse{404, {}, ""}, net::ClientResponse{404, {}, "<html>"}),
              HasSubstr("no Splunk HTTP Event Collector"));
  EXPECT_THAT(error(net::ClientResponse{200, {}, "fine"}, net::ClientResponse{200, {}, "fine"}),
              HasSubstr("no Splunk HTTP Event Collector"));
  EXPECT_THAT(error(base::Error{Errc::unavailable, "SSL certificate problem"}, no_data_),
              HasSubstr("certificate must be valid"));
}

TEST_F(HecSinkTest, options_are_checked) {
  const auto error = [&](auto change) {
    HecOptions options = options_;
    change(options);
    const auto result = validate(options);
    return result.ok() ? std::string() : result.error().detail;
  };
  EXPECT_EQ(error([](HecOptions&) {}), "");
  for (const char* url : {"splunk:8088", "ftp://splunk", "https://", "https://u:p@splunk", "https://splunk/?token=x"})
    EXPECT_NE(error([&](HecOptions& o) { o.url = url; }), "") << url;
  for (const std::string& token : {std::string(), std::string("a b"), std::string("a\nb"), std::string(1'025, 'x')}) {
    const std::string text = error([&](HecOptions& o) { o.token = token; });
    EXPECT_NE(text, "");
    if (!token.empty()) {
      EXPECT_THAT(text, Not(HasSubstr(token)));
    }
  }
  EXPECT_NE(error([](HecOptions& o) { o.batch_messages_max = 10'001; }), "");
  EXPECT_NE(error([](HecOptions& o) { o.batch_bytes_max = 0; }), "");
  EXPECT_NE(error([](HecOptions& o) { o.timeout = Millis(1); }), "");
}

}  // namespace
}  // namespace trunkline::sinks
