#include "sinks/intake.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "net/content_coding.hpp"
#include "sinks/datadog_sink.hpp"
#include "sinks/sentinel_sink.hpp"
#include "sinks/sink_fixture_test.hpp"

namespace trunkline::sinks {
namespace {

using base::Millis;
using base::WallTime;
using delivery::Verdict;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

struct StatusRow {
  int status;
  Verdict verdict;
  bool refused;
};
class IntakeStatus : public testing::TestWithParam<StatusRow> {};
TEST_P(IntakeStatus, has_its_verdict) {
  const StatusRow& row = GetParam();
  const auto batch = intake_verdict(net::ClientResponse{row.status, {}, ""}, 3, {});
  EXPECT_EQ(batch.refused, row.refused);
  EXPECT_THAT(batch.events, SizeIs(row.refused ? 1 : 3));
  EXPECT_THAT(verdicts(batch), Each(row.verdict));
  EXPECT_THAT(verdicts(intake_verdict(net::ClientResponse{row.status, {}, ""}, 1, {})), ElementsAre(row.verdict));
}
INSTANTIATE_TEST_SUITE_P(
    Intake, IntakeStatus,
    testing::Values(StatusRow{200, Verdict::delivered, false}, StatusRow{202, Verdict::delivered, false},
                    StatusRow{204, Verdict::delivered, false}, StatusRow{302, Verdict::unavailable, false},
                    StatusRow{400, Verdict::rejected, true}, StatusRow{401, Verdict::unavailable, false},
                    StatusRow{403, Verdict::unavailable, false}, StatusRow{404, Verdict::unavailable, false},
                    StatusRow{408, Verdict::retry, false}, StatusRow{413, Verdict::rejected, true},
                    StatusRow{429, Verdict::retry, false}, StatusRow{500, Verdict::unavailable, false},
                    StatusRow{502, Verdict::unavailable, false}, StatusRow{503, Verdict::unavailable, false},
                    StatusRow{504, Verdict::unavailable, false}));

TEST(Intake, a_page_is_no_delivery_and_retry_after_is_obeyed) {
  const auto page = intake_verdict(net::ClientResponse{200, {{"content-type", "text/html; x"}}, "<html>"}, 2, {});
  EXPECT_THAT(verdicts(page), ElementsAre(Verdict::unavailable, Verdict::unavailable));
  EXPECT_EQ(intake_verdict(net::ClientResponse{429, {{"Retry-After", "9"}}, ""}, 1, {}).events[0].after, Millis(9'000));
  EXPECT_THAT(verdicts(intake_verdict(base::Error{base::Errc::timeout, ""}, 1, {})), ElementsAre(Verdict::unavailable));
}

class IntakeSinkTest : public testing::Test {
 protected:
  IntakeSinkTest() {
    datadog_.api_key = "0123456789abcdef";
    datadog_.gzip = false;
    sentinel_.endpoint = "https://x.ingest.monitor.azure.com";
    sentinel_.rule = "dcr-1";
    sentinel_.stream = "Custom-Genesys_CL";
    sentinel_.gzip = false;
  }
  std::unique_ptr<delivery::Sink> datadog() {
    auto sink = DatadogSink::make(datadog_, renderer(), std::make_unique<FakeSender>(sent_), loop_);
    EXPECT_TRUE(sink.ok());
    return std::move(*sink);
  }
  std::unique_ptr<delivery::Sink> sentinel() {
    auto sink = SentinelSink::make(sentinel_, renderer(), std::make_unique<FakeSender>(sent_), loop_);
    EXPECT_TRUE(sink.ok());
    return std::move(*sink);
  }
  Renderer renderer() {
    return [this](const engine::Record& record) {
      const bool has = only_ == 0 || only_ == record.sequence.value;
      return fmt::format(R"({{"e":{}{}}})", record.sequence.value, has ? body_ : "");
    };
  }
  static engine::LeasedMessage message(std::uint64_t sequence, const std::string& conversation = "c") {
    engine::Record record;
    record.sequence = {sequence};
    record.source_name = "genesys-prod";
    event::Event& event = record.event;
    event.envelope_id = "e-1";
    event.category = "conversation";
    event.topic_name = "v2.x.1";
    event.event_type = "v2.x.{id}";
    event.conversation_id = conversation;
    event.business_time = WallTime(Millis(1'772'459'999'120));
    return leased(record);
  }
  delivery::BatchVerdict send(std::unique_ptr<delivery::Sink> sink, std::vector<engine::LeasedMessage> messages,
                              int status = 202) {
    sent_.clear();
    delivery::BatchVerdict got;
    sink->send({"siem", 1, 2, std::move(messages), lanes_},
               [&](delivery::BatchVerdict verdict) { got = std::move(verdict); });
    EXPECT_THAT(got.events, IsEmpty()) << "never inside send()";
    const bool asked = !sent_.empty();
    net::ClientCallback done;
    if (asked) done = std::move(sent_[0].done);
    sink.reset();  // the answer may come after it has gone
    if (asked) done(net::ClientResponse{status, {}, "says " + datadog_.api_key});
    loop_.run();
    return got;
  }
  std::string probe(std::unique_ptr<delivery::Sink> sink, int status) {
    std::string said;
    sink->probe([&](base::Result<std::string> found) { said = found.ok() ? *found : found.error().detail; });
    EXPECT_EQ(sent_.back().request.body, "[]");
    sent_.back().done(net::ClientResponse{status, {}, "says " + datadog_.api_key});
    return said;
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  DatadogOptions datadog_;
  SentinelOptions sentinel_;
  std::string body_;
  std::uint64_t only_ = 0;  // body_ is of this event alone; 0: of all
  std::vector<FakeSender::Sent> sent_;
  std::vector<std::uint32_t> lanes_;  // of the batch; empty: without order
};

TEST_F(IntakeSinkTest, datadog_gets_logs_with_the_event_as_the_message) {
  datadog_.tags = {"env:prod", "team:cc"};
  datadog_.host = "hub-1";
  datadog_.order = event::Order::conversation;
  EXPECT_THAT(verdicts(send(datadog(), {message(1), message(2)})), ElementsAre(Verdict::delivered, Verdict::delivered));
  const net::ClientRequest& request = sent_[0].request;
  EXPECT_EQ(request.url, "https://http-intake.logs.datadoghq.com/api/v2/logs");
  EXPECT_EQ(net::find_header(request.headers, "DD-API-KEY"), datadog_.api_key);
  EXPECT_THAT(
      request.body,
      testing::StartsWith(R"([{"ddsource":"genesys","ddtags":"env:prod,team:cc","hostname":"hub-1",)"
                          R"("service":"genesys-cloud","timestamp":1772459999120,"status":"info","trunkline":{)"
                          R"("sequence":1,"consumer":"siem","lane":"conversation//c"},"message":"{\"e\":1}"},{)"));
  EXPECT_THAT(request.body, testing::EndsWith(R"("message":"{\"e\":2}"}])"));
}

TEST_F(IntakeSinkTest, datadog_is_found_by_its_site_or_an_address) {
  datadog_.site = "us5.datadoghq.com";
  send(datadog(), {message(1)});
  EXPECT_EQ(sent_[0].request.url, "https://http-intake.logs.us5.datadoghq.com/api/v2/logs");
  for (const char* url : {"http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/api/v2/logs"}) {
    datadog_.url = url;
    send(datadog(), {message(1)});
    EXPECT_EQ(sent_[0].request.url, "http://127.0.0.1:8080/api/v2/logs") << url;
  }
}

TEST_F(IntakeSinkTest, the_key_is_taken_out_of_what_the_intake_says) {
  const auto verdict = send(datadog(), {message(1)}, 403);
  EXPECT_EQ(verdict.events.at(0).verdict, Verdict::unavailable);
  EXPECT_EQ(verdict.events.at(0).detail, "says ***");
  EXPECT_THAT(probe(datadog(), 403), testing::AllOf(HasSubstr("says ***"), HasSubstr("correct the api_key")));
  EXPECT_THAT(probe(datadog(), 202), HasSubstr("the intake takes the key"));
  EXPECT_THAT(probe(datadog(), 404), HasSubstr("correct the url"));
}

TEST_F(IntakeSinkTest, a_log_that_the_intake_would_cut_is_rejected_unsent_and_cuts_its_lane) {
  datadog_.order = event::Order::conversation;
  body_ = R"(,"x":")" + std::string(1'000'000, 'x') + '"';
  lanes_ = {4, 4};
  const auto all = send(datadog(), {message(1), message(2)});
  EXPECT_THAT(sent_, IsEmpty());
  EXPECT_EQ(all.events[0].verdict, Verdict::rejected);
  EXPECT_EQ(all.events[0].error_class, "datadog_too_long");
  auto sink = datadog();
  delivery::BatchVerdict got;
  auto small = message(3, "d");
  sink->send({"siem", 1, 1, {small}}, [&](delivery::BatchVerdict verdict) { got = std::move(verdict); });
  loop_.run();
  EXPECT_THAT(verdicts(got), ElementsAre(Verdict::rejected));
}

TEST_F(IntakeSinkTest, lanes_whose_ids_a_mapping_has_made_the_same_are_cut_apart) {
  datadog_.order = event::Order::conversation;
  body_ = R"(,"x":")" + std::string(1'000'000, 'x') + '"';
  only_ = 1;
  lanes_ = {1, 2, 1};
  const auto got = send(datadog(), {message(1, "***"), message(2, "***"), message(3, "***")});
  EXPECT_THAT(verdicts(got), ElementsAre(Verdict::rejected, Verdict::delivered, Verdict::delivered));
  const std::string& body = sent_.at(0).request.body;
  EXPECT_THAT(body, HasSubstr(R"(\"e\":2)")) << "what counts as delivered was sent";
  EXPECT_THAT(body, Not(HasSubstr(R"(\"e\":3)"))) << "delivery gives it again behind the rejected one";
}

TEST_F(IntakeSinkTest, a_request_that_grows_over_the_bound_is_refused_unsent) {
  body_ = R"(,"x":")" + std::string(900'000, 'x') + '"';
  const auto verdict = send(datadog(), {message(1), message(2), message(3), message(4), message(5), message(6)});
  EXPECT_TRUE(verdict.refused);
  EXPECT_THAT(verdict.events, SizeIs(1));
  EXPECT_THAT(sent_, IsEmpty());
  EXPECT_FALSE(send(datadog(), {message(1), message(2), message(3)}).refused);
}

TEST_F(IntakeSinkTest, sentinel_gets_rows_with_the_event_as_an_object) {
  EXPECT_THAT(verdicts(send(sentinel(), {message(1)}, 204)), ElementsAre(Verdict::delivered));
  const net::ClientRequest& request = sent_[0].request;
  EXPECT_EQ(
      request.url,
      "https://x.ingest.monitor.azure.com/dataCollectionRules/dcr-1/streams/Custom-Genesys_CL?api-version=2023-01-01");
  EXPECT_EQ(request.body,
            R"([{"TimeGenerated":"2026-03-02T13:59:59.120Z","EventId":"e-1","EventType":"v2.x.{id}",)"
            R"("Category":"conversation","Topic":"v2.x.1","ConversationId":"c","Source":"genesys-prod","Sequence":1,)"
            R"("Delivery":{"sequence":1,"consumer":"siem"},"Event":{"e":1}}])");
}

TEST_F(IntakeSinkTest, sentinel_columns_and_requests_have_bounds) {
  body_ = R"(,"x":")" + std::string(64'000, 'x') + '"';
  const auto one = send(sentinel(), {message(1)});
  EXPECT_EQ(one.events.at(0).error_class, "sentinel_too_long");
  EXPECT_THAT(sent_, IsEmpty());
  body_ = R"(,"x":")" + std::string(60'000, 'x') + '"';
  std::vector<engine::LeasedMessage> many;
  for (std::uint64_t i = 1; i <= 20; ++i) many.push_back(message(i));
  EXPECT_TRUE(send(sentinel(), many).refused);
  many.resize(10);
  EXPECT_FALSE(send(sentinel(), many, 204).refused);
}

TEST_F(IntakeSinkTest, a_sentinel_probe_says_what_to_do) {
  EXPECT_THAT(probe(sentinel(), 204), HasSubstr("token, rule and stream accepted"));
  EXPECT_THAT(probe(sentinel(), 403), HasSubstr("Monitoring Metrics Publisher"));
  EXPECT_THAT(probe(sentinel(), 404), HasSubstr("immutable id"));
  EXPECT_THAT(probe(sentinel(), 401), HasSubstr("scope, tenant and client"));
}

TEST_F(IntakeSinkTest, gzip_carries_the_same_bytes) {
  send(sentinel(), {message(1)});
  const std::string plain = sent_[0].request.body;
  sentinel_.gzip = true;
  send(sentinel(), {message(1)});
  std::string decoded;
  ASSERT_EQ(net::inflate_bytes(sent_[0].request.body, net::Coding::gzip, 1 << 20, decoded), net::Inflated::ok);
  EXPECT_EQ(decoded, plain);
  EXPECT_EQ(net::find_header(sent_[0].request.headers, "Content-Encoding"), "gzip");
}

TEST_F(IntakeSinkTest, options_are_checked) {
  const auto bad_datadog = [&](auto change) {
    DatadogOptions options = datadog_;
    change(options);
    return !validate(options).ok();
  };
  EXPECT_FALSE(bad_datadog([](DatadogOptions&) {}));
  EXPECT_TRUE(bad_datadog([](DatadogOptions& o) { o.site = "a/b"; }));
  EXPECT_TRUE(bad_datadog([](DatadogOptions& o) { o.site.clear(); }));
  EXPECT_TRUE(bad_datadog([](DatadogOptions& o) { o.url = "nothing"; }));
  EXPECT_TRUE(bad_datadog([](DatadogOptions& o) { o.api_key = "a b"; }));
  EXPECT_TRUE(bad_datadog([](DatadogOptions& o) { o.tags = {"a,b"}; }));
  EXPECT_TRUE(bad_datadog([](DatadogOptions& o) { o.batch_messages_max = 1'001; }));
  EXPECT_TRUE(bad_datadog([](DatadogOptions& o) { o.batch_bytes_max = 6'000'000; }));
  const auto bad_sentinel = [&](auto change) {
    SentinelOptions options = sentinel_;
    change(options);
    return !validate(options).ok();
  };
  EXPECT_FALSE(bad_sentinel([](SentinelOptions&) {}));
  EXPECT_TRUE(bad_sentinel([](SentinelOptions& o) { o.endpoint = "x"; }));
  EXPECT_TRUE(bad_sentinel([](SentinelOptions& o) { o.rule = "a/b"; }));
  EXPECT_TRUE(bad_sentinel([](SentinelOptions& o) { o.stream.clear(); }));
  EXPECT_TRUE(bad_sentinel([](SentinelOptions& o) { o.batch_bytes_max = 1'000'001; }));
  EXPECT_TRUE(bad_sentinel([](SentinelOptions& o) { o.timeout = Millis(1); }));
}

}  // namespace
}  // namespace trunkline::sinks
