#include "sinks/webhook_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "json/document.hpp"
#include "sinks/detail.hpp"
#include "sinks/http_verdict.hpp"
#include "sinks/retry_after.hpp"
#include "sinks/signature.hpp"
#include "sinks/sink_fixture_test.hpp"

namespace trunkline::sinks {
namespace {

using base::Errc;
using base::Millis;
using base::WallTime;
using delivery::Verdict;
using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;
using Layout = WebhookOptions::Layout;

const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

// ---- signature

// The vector of npm standardwebhooks.
TEST(WebhookSigner, signs_as_the_reference_library_does) {
  const auto signer = WebhookSigner::make({kSecret});
  ASSERT_TRUE(signer.ok());
  EXPECT_EQ(signer->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSigner, signs_with_every_secret_while_they_rotate) {
  const std::string other = "whsec_" + base::base64_encode(std::string(24, 'k'));
  const auto both = WebhookSigner::make({kSecret, other});
  const auto first = WebhookSigner::make({kSecret});
  const auto second = WebhookSigner::make({other});
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->sign("id", 1, "{}"), first->sign("id", 1, "{}") + " " + second->sign("id", 1, "{}"));
  EXPECT_NE(first->sign("id", 1, "{}"), second->sign("id", 1, "{}"));
}

TEST(WebhookSigner, takes_secrets_of_24_to_64_bytes_and_never_shows_them) {
  for (const std::string& secret :
       {std::string("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), std::string("whsec_not base64!"),
        "whsec_" + base::base64_encode(std::string(23, 'k')), "whsec_" + base::base64_encode(std::string(65, 'k'))}) {
    const auto signer = WebhookSigner::make({secret});
    ASSERT_FALSE(signer.ok()) << secret;
    EXPECT_EQ(signer.error().detail.find(secret), std::string::npos);
  }
  EXPECT_TRUE(WebhookSigner::make({"whsec_" + base::base64_encode(std::string(64, 'k'))}).ok());
  EXPECT_FALSE(WebhookSigner::make(std::vector<std::string>(9, kSecret)).ok());
}

// ---- verdicts

struct StatusCase {
  Verdict verdict;
  std::vector<int> statuses;
};
class HttpVerdict : public testing::TestWithParam<StatusCase> {};
TEST_P(HttpVerdict, follows_the_table_and_a_rejected_batch_is_refused) {
  for (const int status : GetParam().statuses) {
    const net::ClientResponse response{status, {{"retry-after", "7"}}, "why"};
    const auto single = http_verdict(response, 1, {});
    EXPECT_FALSE(single.refused);
    ASSERT_THAT(single.events, SizeIs(1));
    EXPECT_EQ(single.events[0].verdict, GetParam().verdict) << status;
    const auto batch = http_verdict(response, 3, {});
    const bool refused = GetParam().verdict == Verdict::rejected;
    EXPECT_EQ(batch.refused, refused) << status;
    EXPECT_THAT(batch.events, SizeIs(refused ? 1 : 3));
    if (GetParam().verdict == Verdict::delivered) {
      EXPECT_FALSE(single.events[0].after);
      continue;
    }
    EXPECT_EQ(single.events[0].after, seconds(7));
    EXPECT_EQ(single.events[0].error_class, "http_" + std::to_string(status));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Statuses, HttpVerdict,
    testing::Values(StatusCase{Verdict::delivered, {200, 201, 202, 204, 299}},
                    StatusCase{Verdict::retry, {408, 425, 429}},
                    StatusCase{Verdict::unavailable, {101, 301, 302, 304, 307, 308, 401, 402, 403, 404, 405,
                                                      407, 410, 421, 502, 503, 504, 511, 520, 527, 529, 530}},
                    StatusCase{Verdict::rejected,
                               {400, 406, 409, 411, 413, 415, 418, 422, 431, 499, 500, 501, 505, 599}}));

TEST(HttpVerdict, an_exchange_without_an_answer_is_never_the_events_fault) {
  const std::vector<std::tuple<Errc, Verdict, std::string>> cases{
      {Errc::timeout, Verdict::unavailable, "timeout"},
      {Errc::unavailable, Verdict::unavailable, "connect"},
      {Errc::invalid, Verdict::unavailable, "forbidden_address"},
      {Errc::cancelled, Verdict::unavailable, "cancelled"},
      {Errc::overloaded, Verdict::retry, "client_full"}};
  for (const auto& [code, verdict, error_class] : cases) {
    const auto answer = http_verdict(base::Error{code, "why"}, 2, {});
    EXPECT_FALSE(answer.refused);
    ASSERT_THAT(answer.events, SizeIs(2));
    EXPECT_EQ(answer.events[1].verdict, verdict);
    EXPECT_EQ(answer.events[1].error_class, error_class);
    EXPECT_EQ(answer.events[1].detail, "why");
  }
}

TEST(HttpVerdict, keeps_the_beginning_of_the_answer_and_says_where_a_redirect_goes) {
  EXPECT_THAT(http_verdict(net::ClientResponse{500, {}, std::string(5'000, 'x')}, 1, {}).events[0].detail,
              SizeIs(1'024));
  const auto redirect = http_verdict(net::ClientResponse{302, {{"location", "https://other.example/"}}, ""}, 1, {});
  EXPECT_THAT(redirect.events[0].detail, testing::HasSubstr("https://other.example/"));
}

TEST(RetryAfter, is_read_as_seconds_or_as_any_http_date) {
  const WallTime now{seconds(784'111'777)};  // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110
  EXPECT_EQ(parse_retry_after("120", now), seconds(120));
  EXPECT_EQ(parse_retry_after(" 0 ", now), seconds(0));
  EXPECT_EQ(parse_retry_after("99999999999999999999", now), hours(24 * 365));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), seconds(60));
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now), seconds(60));
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:50:37 1994", now), seconds(60));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0)) << "in the past";
  for (const char* wrong : {"", "soon", "-5", "1.5", "Sun, 06 Nov 1994 08:50:37", "Sun, 06 Nov 1994 08:50:37 GMT x"})
    EXPECT_FALSE(parse_retry_after(wrong, now)) << wrong;
}

// ---- the sink

class WebhookSinkTest : public HttpSinkTest {
 protected:
  WebhookSinkTest() { options_.url = "https://crm.example/hook"; }

  static engine::LeasedMessage message(std::uint64_t sequence, std::string raw) {
    engine::Record record;
    record.sequence = {sequence};
    record.accepted_at = WallTime(Millis(1'700'000'000'000));
    record.event.raw = std::move(raw);
    return leased(record);
  }
  std::unique_ptr<delivery::Sink> make() {
    auto sink = WebhookSink::make(options_, enriched, sender(), clock_);
    EXPECT_TRUE(sink.ok());
    return std::move(*sink);
  }
  net::ClientRequest request(std::vector<engine::LeasedMessage> messages) {
    return request_of(make(), "crm", std::move(messages));
  }

  WebhookOptions options_;
};

TEST_F(WebhookSinkTest, sends_one_event_with_its_headers) {
  options_.secrets = {kSecret};
  options_.headers = {{"Authorization", "Bearer t"}};
  auto event = message(42, R"({"a": 1})");
  event.gap_before = base::Sequence{41};
  event.redriven = true;
  const auto sent = request({event});
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, options_.url);
  EXPECT_EQ(sent.body, R"({"enriched":42})");
  EXPECT_EQ(header(sent, "authorization"), "Bearer t");
  EXPECT_EQ(header(sent, "content-type"), "application/json");
  EXPECT_EQ(header(sent, "trunkline-consumer"), "crm");
  EXPECT_EQ(header(sent, "trunkline-sequence"), "42");
  EXPECT_EQ(header(sent, "trunkline-attempt"), "3");
  EXPECT_EQ(header(sent, "trunkline-gap-before"), "42=41");
  EXPECT_EQ(header(sent, "trunkline-redriven"), "42");
  const std::string id = header(sent, "webhook-id");
  EXPECT_EQ(id.find('.'), std::string::npos);
  EXPECT_EQ(header(sent, "webhook-timestamp"), "1772460000");
  EXPECT_EQ(header(sent, "webhook-signature"), WebhookSigner::make({kSecret})->sign(id, 1'772'460'000, sent.body));
}

TEST_F(WebhookSinkTest, says_what_ascends_in_a_lane_that_an_event_time_window_has_ordered_and_who_was_late) {
  options_.layout = Layout::json_array;
  auto before_the_window = message(7, "{}");
  auto start = message(42, "{}");
  start.order = 40;
  auto late = message(41, "{}");
  late.order = 41;
  late.late = true;
  const auto sent = request({before_the_window, start, late});
  EXPECT_EQ(header(sent, "trunkline-sequence"), "7,42,41");
  EXPECT_EQ(header(sent, "trunkline-order"), "7,40,41");
  EXPECT_EQ(header(sent, "trunkline-late"), "41");
}

TEST_F(WebhookSinkTest, leaves_out_what_does_not_apply) {
  const auto sent = request({message(1, "{}")});
  for (const char* name :
       {"webhook-signature", "trunkline-gap-before", "trunkline-redriven", "trunkline-order", "trunkline-late"})
    EXPECT_EQ(header(sent, name), "(absent)");
}

TEST_F(WebhookSinkTest, raw_bodies_are_the_events_own_bytes) {
  options_.body = Body::raw;
  EXPECT_EQ(request({message(1, "{ \"a\" :\n1 }")}).body, "{ \"a\" :\n1 }");
}

TEST_F(WebhookSinkTest, a_batch_is_a_json_array) {
  options_.layout = Layout::json_array;
  options_.body = Body::raw;
  const auto sent = request({message(5, R"({"a":1})"), message(9, "{\"b\":\n2}")});
  EXPECT_EQ(sent.body, "[{\"a\":1},{\"b\":\n2}]");
  json::Document document;
  EXPECT_TRUE(document.parse(sent.body).ok());
  EXPECT_EQ(header(sent, "trunkline-sequence"), "5,9");
}

TEST_F(WebhookSinkTest, ndjson_holds_each_event_on_one_line) {
  options_.layout = Layout::ndjson;
  options_.body = Body::raw;
  const auto sent = request({message(5, "{\"a\":\r\n1}"), message(9, R"({"b":"x\ny"})")});
  EXPECT_EQ(sent.body, "{\"a\":  1}\n{\"b\":\"x\\ny\"}\n");
  EXPECT_EQ(header(sent, "content-type"), "application/x-ndjson");
}

TEST_F(WebhookSinkTest, the_id_is_the_same_over_retries_and_differs_between_events_and_sets) {
  const auto one = message(1, "{}");
  const auto two = message(2, "{}");
  options_.layout = Layout::json_array;
  const auto id = [&](std::vector<engine::LeasedMessage> messages) {
    return header(request(std::move(messages)), "webhook-id");
  };
  const std::string first = id({one, two});
  clock_.advance(hours(1));
  EXPECT_EQ(id({one, two}), first);
  EXPECT_THAT((std::set<std::string>{first, id({one}), id({two}), id({two, one})}), SizeIs(4));
}

TEST_F(WebhookSinkTest, the_timestamp_is_that_of_the_attempt) {
  clock_.advance(seconds(5));
  EXPECT_EQ(header(request({message(1, "{}")}), "webhook-timestamp"), "1772460005");
}

TEST_F(WebhookSinkTest, gives_the_verdict_even_after_it_has_gone) {
  auto sink = make();
  std::vector<Verdict> verdicts;
  sink->send({"crm", 1, 1, {message(1, "{}")}},
             [&](delivery::BatchVerdict answer) { verdicts.push_back(answer.events.at(0).verdict); });
  auto done = std::move(sent_.at(0).done);
  sink.reset();
  done(net::ClientResponse{204, {}, ""});
  EXPECT_THAT(verdicts, ElementsAre(Verdict::delivered));
}

TEST_F(WebhookSinkTest, credentials_in_headers_are_taken_out_of_what_the_server_says) {
  options_.headers = {{"Authorization", "Bearer s3cr3t-value"}, {"X-Api-Key", "k3y-value"}, {"X-Team", "contact"}};
  auto sink = make();
  std::vector<delivery::EventVerdict> verdicts;
  sink->send({"crm", 1, 1, {message(1, "{}")}}, [&](delivery::BatchVerdict answer) { verdicts = answer.events; });
  sent_.at(0).done(net::ClientResponse{401,
                                       {},
                                       "bad 'Bearer s3cr3t-value', bad s3cr3t-value, bad k3y-value of contact" +
                                           std::string(944, 'x') + "s3cr3t-value"});
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_THAT(verdicts[0].detail, testing::StartsWith("bad '***', bad ***, bad *** of contact"));
  EXPECT_THAT(verdicts[0].detail, testing::Not(testing::HasSubstr("s3c")));
}

TEST(DetailText, is_cut_at_the_end_of_a_character) {
  EXPECT_EQ(detail_text("aé€", {}, 6), "aé€");
  EXPECT_EQ(detail_text("aé€", {}, 5), "aé");
  EXPECT_EQ(detail_text("aé€", {}, 2), "a");
  const std::vector<std::string> secrets{"", "key", "keyring"};
  EXPECT_EQ(detail_text("a keyring, a key, a ke", secrets), "a ***, a ***, a ke");
}

TEST_F(WebhookSinkTest, a_consumers_name_is_encoded_for_the_header) {
  auto sink = make();
  sink->send({"z\xC3\xBCrich %", 1, 1, {message(1, "{}")}}, [](delivery::BatchVerdict) {});
  EXPECT_EQ(header(sent_.at(0).request, "trunkline-consumer"), "z%C3%BCrich%20%25");
}

TEST_F(WebhookSinkTest, options_are_checked) {
  const auto error = [&](auto change) {
    WebhookOptions options = options_;
    change(options);
    const auto result = validate(options);
    return result.ok() ? std::string() : result.error().detail;
  };
  EXPECT_EQ(error([](WebhookOptions&) {}), "");
  for (const char* url : {"crm.example/hook", "ftp://crm.example", "https://", "https://u:p@crm.example/",
                          "https://a b/", "https://\xC3\xBC.example"})
    EXPECT_NE(error([&](WebhookOptions& o) { o.url = url; }), "") << url;
  EXPECT_NE(error([](WebhookOptions& o) { o.method = "GET"; }), "");
  for (const net::Headers& headers : std::vector<net::Headers>{{{"a b", "x"}},
                                                               {{"", "x"}},
                                                               {{"A", "x\r\nB: y"}},
                                                               {{"Webhook-Id", "x"}},
                                                               {{"TRUNKLINE-Sequence", "1"}},
                                                               {{"Content-Length", "1"}}})
    EXPECT_NE(error([&](WebhookOptions& o) { o.headers = headers; }), "");
  EXPECT_NE(error([](WebhookOptions& o) { o.headers.resize(33, {"a", "b"}); }), "");
  EXPECT_NE(error([](WebhookOptions& o) { o.batch_messages_max = 501; }), "");
  EXPECT_NE(error([](WebhookOptions& o) { o.batch_bytes_max = 0; }), "");
  EXPECT_NE(error([](WebhookOptions& o) { o.timeout = seconds(1); }), "") << "shorter than connect_timeout";
  EXPECT_NE(error([](WebhookOptions& o) { o.secrets = {"hello"}; }), "");
}

TEST_F(WebhookSinkTest, single_events_make_batches_of_one) {
  EXPECT_EQ(make()->limits().max_batch_messages, 1u);
  options_.layout = Layout::json_array;
  options_.batch_messages_max = 70;
  EXPECT_EQ(make()->limits().max_batch_messages, 70u);
}

}  // namespace
}  // namespace trunkline::sinks
