#include "sinks/elasticsearch_sink.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.hpp"
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

class ElasticsearchSinkTest : public HttpSinkTest {
 protected:
  ElasticsearchSinkTest() {
    options_.url = "https://es:9200";
    options_.gzip = false;
    record_.sequence = {42};
    record_.accepted_at = WallTime(Millis(1'772'460'000'007));  // 2026-03-02T14:00:00.007Z
    record_.source_name = "genesys-prod";
    event::Event& event = record_.event;
    event.raw = "{\"id\":\n1}";
    event.category = "conversation";
    event.envelope_id = "e-1";
    event.topic_name = "v2.detail.events.conversation.c1.acw";
    event.event_type = "v2.detail.events.conversation.{id}.acw";
    event.source = "aws.partner/genesys.com/cloud/o/suffix";
    event.org_id = "o";
    event.conversation_id = "c1";
    event.user_id = "u";
    event.business_time = WallTime(Millis(1'772'459'999'120));
    event.envelope_identity = base::hash128("o e-1");
    event.body_hash = base::hash128("body");
  }
  std::unique_ptr<delivery::Sink> make() {
    auto sink = ElasticsearchSink::make(options_, enriched, sender(), clock_);
    EXPECT_TRUE(sink.ok()) << sink.error().detail;
    return std::move(*sink);
  }
  engine::LeasedMessage message() const { return leased(record_); }
  net::ClientRequest request(std::vector<engine::LeasedMessage> messages) {
    return request_of(make(), "siem", std::move(messages));
  }
  // The action and the document of one event.
  std::pair<std::string, std::string> lines() {
    const std::string body = request({message()}).body;
    const std::size_t end = body.find('\n');
    EXPECT_EQ(body.find('\n', end + 1), body.size() - 1) << "two lines, each ended: " << body;
    return {body.substr(0, end), body.substr(end + 1, body.size() - end - 2)};
  }

  ElasticsearchOptions options_;
  engine::Record record_;
};

TEST_F(ElasticsearchSinkTest, creates_a_document_of_ecs_fields) {
  options_.order = event::Order::conversation;
  auto one = message();
  one.gap_before = base::Sequence{41};
  one.redriven = true;
  one.order = 40;
  one.late = true;
  const auto sent = request({one});
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "https://es:9200/_bulk?filter_path=errors,items.*.status,items.*.error");
  EXPECT_EQ(header(sent, "Content-Type"), "application/x-ndjson");
  EXPECT_EQ(header(sent, "Authorization"), "(absent)");
  EXPECT_EQ(header(sent, "trunkline-attempt"), "3");
  EXPECT_EQ(
      sent.body,
      R"({"create":{"_index":"logs-genesys-default","_id":")" + document_id(record_) + "\"}}\n" +
          R"({"@timestamp":"2026-03-02T13:59:59.120Z","ecs":{"version":"8.11.0"},"event":{"kind":"event",)"
          R"("module":"genesys","dataset":"genesys.conversation","id":"e-1",)"
          R"("action":"v2.detail.events.conversation.{id}.acw","provider":"aws.partner/genesys.com/cloud/o/suffix",)"
          R"("created":"2026-03-02T14:00:00.007Z","original":"{\"enriched\":42}"},)"
          R"("message":"v2.detail.events.conversation.c1.acw","organization":{"id":"o"},"user":{"id":"u"},)"
          R"("genesys":{"topic":"v2.detail.events.conversation.c1.acw","conversation_id":"c1"},)"
          R"("trunkline":{"sequence":42,"consumer":"siem","lane":"conversation/o/c1","gapBefore":41,)"
          R"("redriven":true,"order":40,"late":true}})"
          "\n");
}

TEST_F(ElasticsearchSinkTest, enriched_adds_the_time_and_the_delivery_and_raw_the_time_alone) {
  options_.fields = DocumentFields::enriched;
  EXPECT_EQ(lines().second,
            R"({"enriched":42,"@timestamp":"2026-03-02T13:59:59.120Z","trunkline":{"sequence":42,"consumer":"siem"}})");
  options_.fields = DocumentFields::raw;
  EXPECT_EQ(lines().second, R"({"id": 1,"@timestamp":"2026-03-02T13:59:59.120Z"})");
}

TEST_F(ElasticsearchSinkTest, a_member_that_is_there_is_not_written_twice) {
  options_.fields = DocumentFields::raw;
  record_.event.raw = R"({"@timestamp":"2020-01-01T00:00:00Z"})";
  EXPECT_EQ(lines().second, record_.event.raw);
}

TEST_F(ElasticsearchSinkTest, the_index_follows_category_and_time_of_the_event) {
  options_.index = "genesys-{category}-{date}";
  EXPECT_THAT(lines().first, HasSubstr(R"("_index":"genesys-conversation-2026.03.02")"));
  options_.index = "genesys-{month}";
  record_.event.category = "Odd Name/*";
  EXPECT_THAT(lines().first, HasSubstr(R"("_index":"genesys-2026.03")"));
  options_.index = "{category}";
  EXPECT_THAT(lines().first, HasSubstr(R"("_index":"odd-name--")"));
  record_.event.category.clear();
  EXPECT_THAT(lines().first, HasSubstr(R"("_index":"unknown")"));
}

TEST_F(ElasticsearchSinkTest, the_id_is_of_the_identity_and_the_body_and_not_of_the_place_in_the_log) {
  const std::string one = document_id(record_);
  EXPECT_THAT(one, testing::MatchesRegex("[0-9a-f]{32}"));
  record_.sequence = {77};
  record_.accepted_at += Millis(5);
  EXPECT_EQ(document_id(record_), one);
  record_.event.body_hash = base::hash128("another");
  EXPECT_NE(document_id(record_), one) << "a conflicting body is another document";
  record_.event.envelope_identity.reset();
  record_.event.content_identity = base::hash128("o e-1");
  EXPECT_NE(document_id(record_), one);
  record_.event.content_identity.reset();
  const std::string placed = document_id(record_);
  EXPECT_EQ(document_id(record_), placed);
  record_.sequence = {78};
  EXPECT_NE(document_id(record_), placed) << "without an identity every event is one of its own";
  options_.document_ids = false;
  EXPECT_THAT(lines().first, Not(HasSubstr("_id")));
}

TEST_F(ElasticsearchSinkTest, credentials_go_into_the_header_of_their_kind) {
  options_.user = "elastic";
  options_.password = "pass:word";
  EXPECT_EQ(header(request({message()}), "Authorization"), "Basic " + base::base64_encode("elastic:pass:word"));
  options_.user.clear();
  options_.password.clear();
  options_.api_key = "aWQ6a2V5";
  EXPECT_EQ(header(request({message()}), "Authorization"), "ApiKey aWQ6a2V5");
  options_.api_key.clear();
  options_.aws = ElasticsearchOptions::Aws{{"AKID", "secret", "token"}, {"eu-west-1", "aoss"}};
  options_.gzip = true;
  const auto sent = request({message()});
  EXPECT_THAT(header(sent, "Authorization"),
              testing::MatchesRegex("AWS4-HMAC-SHA256 Credential=AKID/[0-9]{8}/eu-west-1/aoss/aws4_request, "
                                    "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-"
                                    "token, Signature=[0-9a-f]{64}"));
  EXPECT_EQ(header(sent, "X-Amz-Content-Sha256"), base::hex_encode(base::sha256(sent.body)));
  EXPECT_EQ(header(sent, "X-Amz-Security-Token"), "token");
}

TEST_F(ElasticsearchSinkTest, gzip_carries_the_same_bytes) {
  const std::string plain = request({message()}).body;
  options_.gzip = true;
  const auto sent = request({message()});
  EXPECT_EQ(header(sent, "Content-Encoding"), "gzip");
  std::string decoded;
  ASSERT_EQ(net::inflate_bytes(sent.body, net::Coding::gzip, 1 << 20, decoded), net::Inflated::ok);
  EXPECT_EQ(decoded, plain);
}

TEST_F(ElasticsearchSinkTest, the_url_may_have_a_path_or_be_the_endpoint) {
  for (const char* url : {"https://es:9200/", "https://es:9200/_bulk", "https://es:9200/_bulk/"}) {
    options_.url = url;
    EXPECT_THAT(request({message()}).url, testing::StartsWith("https://es:9200/_bulk?")) << url;
  }
  options_.url = "https://proxy/es";
  options_.pipeline = "genesys";
  EXPECT_THAT(request({message()}).url,
              testing::AllOf(testing::StartsWith("https://proxy/es/_bulk?"), testing::EndsWith("&pipeline=genesys")));
}

TEST_F(ElasticsearchSinkTest, items_in_the_middle_of_a_batch_have_their_own_verdicts_after_the_sink_has_gone) {
  options_.api_key = "aWQ6a2V5LWtleQ==";
  auto sink = make();
  std::vector<delivery::EventVerdict> verdicts;
  sink->send({"siem", 1, 1, {message(), message(), message()}},
             [&](delivery::BatchVerdict answer) { verdicts = answer.events; });
  auto done = std::move(sent_.at(0).done);
  sink.reset();
  done(net::ClientResponse{
      200,
      {},
      R"({"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"mapper_parsing_)"
      R"(exception","reason":"aWQ6a2V5LWtleQ=="}}},{"create":{"status":409,"error":{"type":"version_conflict_engine_)"
      R"(exception","reason":"there"}}}]})"});
  ASSERT_EQ(verdicts.size(), 3u);
  EXPECT_EQ(verdicts[0].verdict, Verdict::delivered);
  EXPECT_EQ(verdicts[1].verdict, Verdict::rejected);
  EXPECT_EQ(verdicts[1].detail, "mapper_parsing_exception: ***");
  EXPECT_EQ(verdicts[2].verdict, Verdict::delivered);
}

// ---- probe

class ElasticsearchProbe : public ElasticsearchSinkTest {
 protected:
  base::Result<std::string> probe(base::Result<net::ClientResponse> root, base::Result<net::ClientResponse> bulk) {
    auto sink = make();
    sent_.clear();
    std::optional<base::Result<std::string>> found;
    sink->probe([&](base::Result<std::string> answer) { found = std::move(answer); });
    auto first = std::move(sent_.at(0).done);
    first(std::move(root));
    if (!found) {
      auto second = std::move(sent_.at(1).done);
      second(std::move(bulk));
    }
    return *found;
  }
  const net::ClientResponse root_{
      200, {}, R"({"cluster_name":"prod","version":{"number":"2.19.1","distribution":"opensearch"}})"};
  const net::ClientResponse empty_{
      400, {}, R"({"error":{"type":"parse_exception","reason":"request body is required"},"status":400})"};
};

TEST_F(ElasticsearchProbe, asks_who_it_is_and_sends_a_bulk_without_a_document) {
  auto found = probe(root_, empty_);
  ASSERT_TRUE(found.ok()) << found.error().detail;
  EXPECT_THAT(*found, HasSubstr("OpenSearch 2.19.1, cluster prod, credentials accepted"));
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[0].request.method, "GET");
  EXPECT_EQ(sent_[0].request.url, "https://es:9200/");
  EXPECT_EQ(sent_[1].request.url, "https://es:9200/_bulk");
  EXPECT_EQ(sent_[1].request.body, "");
  found = probe(net::ClientResponse{200, {}, R"({"cluster_name":"c","version":{"number":"8.15.0"}})"}, empty_);
  EXPECT_THAT(*found, HasSubstr("Elasticsearch 8.15.0, cluster c"));
}

TEST_F(ElasticsearchProbe, whoever_may_write_need_not_be_told_who_it_is) {
  const auto found = probe(net::ClientResponse{403, {}, "{}"}, empty_);
  ASSERT_TRUE(found.ok()) << found.error().detail;
  EXPECT_THAT(*found, HasSubstr("does not say what it is"));
}

TEST_F(ElasticsearchProbe, says_what_is_wrong_and_what_to_do) {
  options_.user = "u";
  options_.password = "pass-word";
  const auto error = [&](base::Result<net::ClientResponse> root, base::Result<net::ClientResponse> bulk) {
    const auto found = probe(std::move(root), std::move(bulk));
    return found.ok() ? "" : found.error().detail;
  };
  EXPECT_THAT(
      error(root_, net::ClientResponse{401, {}, R"({"error":{"type":"security_exception","reason":"no pass-word"}})"}),
      testing::AllOf(HasSubstr("correct the sink's user"), HasSubstr("no ***"), Not(HasSubstr("pass-word"))));
  EXPECT_THAT(error(root_, net::ClientResponse{200, {}, "<html>"}), HasSubstr("no Elasticsearch or OpenSearch"));
  EXPECT_THAT(error(base::Error{Errc::unavailable, "SSL certificate problem"}, empty_),
              HasSubstr("certificate must be valid"));
  EXPECT_THAT(error(root_, base::Error{Errc::timeout, "no answer"}), HasSubstr("does not answer"));
}

TEST_F(ElasticsearchSinkTest, options_are_checked) {
  const auto error = [&](auto change) {
    ElasticsearchOptions options = options_;
    change(options);
    const auto result = validate(options);
    return result.ok() ? std::string() : result.error().detail;
  };
  using Options = ElasticsearchOptions;
  EXPECT_EQ(error([](Options&) {}), "");
  for (const char* url : {"es:9200", "https://", "https://u:p@es", "https://es/?x=y"})
    EXPECT_NE(error([&](Options& o) { o.url = url; }), "") << url;
  for (const char* index :
       {"", "Upper", "a b", "a*", "-a", "_a", "+a", ".", "..", "a{year}", "a{category", "a,b", "a#", "a:b"})
    EXPECT_NE(error([&](Options& o) { o.index = index; }), "") << index;
  EXPECT_NE(error([](Options& o) { o.index = std::string(201, 'x'); }), "");
  EXPECT_NE(error([](Options& o) { o.pipeline = "a&b"; }), "");
  EXPECT_NE(error([](Options& o) { o.user = "u"; }), "");
  EXPECT_NE(error([](Options& o) { o.user = "u:v", o.password = "p"; }), "");
  EXPECT_NE(error([](Options& o) { o.user = "u", o.password = "p", o.api_key = "k"; }), "");
  EXPECT_NE(error([](Options& o) { o.api_key = "ApiKey x"; }), "");
  EXPECT_NE(error([](Options& o) { o.api_key = "x\ny"; }), "");
  EXPECT_NE(error([](Options& o) { o.aws = Options::Aws{{"a", "b"}, {"", "es"}}; }), "");
  EXPECT_NE(error([](Options& o) { o.aws = Options::Aws{{"a", "b"}, {"eu-west-1", "s3"}}; }), "");
  EXPECT_NE(error([](Options& o) { o.batch_messages_max = 5'001; }), "");
  EXPECT_NE(error([](Options& o) { o.batch_bytes_max = 0; }), "");
  EXPECT_NE(error([](Options& o) { o.timeout = Millis(1); }), "");
}

}  // namespace
}  // namespace trunkline::sinks
