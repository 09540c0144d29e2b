#include "sinks/hec_verdict.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

namespace trunkline::sinks {
namespace {

using base::Errc;
using delivery::Verdict;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::SizeIs;

std::string said(int code, const std::string& more = "") {
  return fmt::format(R"({{"text":"why","code":{}{}}})", code, more);
}
delivery::BatchVerdict verdict(int status, const std::string& body, std::size_t events, net::Headers headers = {}) {
  return hec_verdict(net::ClientResponse{status, std::move(headers), body}, events, {});
}

// Status, code, verdict of an event alone, whether a batch is refused.
using Row = std::tuple<int, int, Verdict, bool>;
class HecCode : public testing::TestWithParam<Row> {};
TEST_P(HecCode, has_its_verdict_alone_and_in_a_batch) {
  const auto [status, code, expected, refused] = GetParam();
  const auto alone = verdict(status, said(code), 1);
  EXPECT_FALSE(alone.refused);
  ASSERT_THAT(alone.events, SizeIs(1));
  EXPECT_EQ(alone.events[0].verdict, expected);
  const auto batch = verdict(status, said(code), 3);
  EXPECT_EQ(batch.refused, refused);
  EXPECT_THAT(batch.events, SizeIs(refused ? 1 : 3));
  EXPECT_FALSE(batch.suspect);
  if (!refused) {
    for (const auto& each : batch.events) EXPECT_EQ(each.verdict, expected);
  }
  if (expected == Verdict::delivered) return;
  for (const auto& each : {alone.events[0], batch.events[0]}) {
    EXPECT_EQ(each.error_class, fmt::format("hec_{}", code));
    EXPECT_THAT(each.detail, HasSubstr(fmt::format("why (code {})", code)));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Codes, HecCode,
    testing::Values(Row{200, 0, Verdict::delivered, false}, Row{403, 1, Verdict::unavailable, false},
                    Row{401, 2, Verdict::unavailable, false}, Row{401, 3, Verdict::unavailable, false},
                    Row{403, 4, Verdict::unavailable, false}, Row{400, 5, Verdict::rejected, true},
                    Row{400, 6, Verdict::rejected, true}, Row{400, 7, Verdict::unavailable, false},
                    Row{500, 8, Verdict::retry, true}, Row{503, 9, Verdict::unavailable, false},
                    Row{400, 10, Verdict::unavailable, false}, Row{400, 11, Verdict::unavailable, false},
                    Row{400, 12, Verdict::rejected, true}, Row{400, 13, Verdict::rejected, true},
                    Row{400, 14, Verdict::unavailable, false}, Row{400, 15, Verdict::rejected, true},
                    Row{400, 16, Verdict::unavailable, false}, Row{200, 17, Verdict::unavailable, false},
                    Row{503, 18, Verdict::unavailable, false}, Row{503, 19, Verdict::unavailable, false},
                    Row{503, 20, Verdict::unavailable, false}, Row{400, 21, Verdict::unavailable, false},
                    Row{400, 22, Verdict::unavailable, false}, Row{503, 23, Verdict::unavailable, false},
                    // Codes of newer servers go by their status.
                    Row{429, 26, Verdict::retry, false}, Row{503, 99, Verdict::unavailable, false},
                    Row{400, 99, Verdict::rejected, true}, Row{500, 99, Verdict::retry, true},
                    // A code that does not go with a success.
                    Row{200, 9, Verdict::unavailable, false}, Row{200, 6, Verdict::rejected, true},
                    Row{200, 99, Verdict::unavailable, false}, Row{200, -1, Verdict::unavailable, false},
                    // And a success that does not go with its status.
                    Row{503, 0, Verdict::unavailable, false}, Row{400, 0, Verdict::rejected, true}));

TEST(HecVerdict, the_event_that_is_named_is_the_suspect_and_the_others_are_not_blamed) {
  const auto batch = verdict(400, said(6, R"(,"invalid-event-number":2)"), 5);
  EXPECT_TRUE(batch.refused);
  EXPECT_EQ(batch.suspect, 2u);
  ASSERT_THAT(batch.events, SizeIs(1));
  EXPECT_THAT(batch.events[0].detail, HasSubstr("event 2 of the request"));
}

TEST(HecVerdict, a_number_that_names_no_event_of_the_batch_is_no_suspect) {
  for (const char* number : {"5", "99999999999", "-1", "\"2\"", "1.5", "null", "99999999999999999999"}) {
    const auto batch = verdict(400, said(6, fmt::format(R"(,"invalid-event-number":{})", number)), 5);
    EXPECT_TRUE(batch.refused) << number;
    EXPECT_FALSE(batch.suspect) << number;
  }
}

TEST(HecVerdict, a_busy_server_that_stopped_in_the_middle_has_taken_none_for_certain) {
  const auto batch = verdict(503, said(9, R"(,"invalid-event-number":2)"), 3, {{"Retry-After", "7"}});
  EXPECT_FALSE(batch.refused);
  ASSERT_THAT(batch.events, SizeIs(3));
  for (const auto& each : batch.events) {
    EXPECT_EQ(each.verdict, Verdict::unavailable);
    EXPECT_EQ(each.after, seconds(7));
  }
}

TEST(HecVerdict, without_a_code_the_status_decides_but_a_success_is_none) {
  for (const char* body : {"", "OK", "<html>login</html>", "{}", R"({"code":"0"})", R"({"code":0)", "[0]",
                           R"({"code":0.5})", R"({"text":"Success","code":0}{"text":"Success","code":0})"}) {
    for (const int status : {200, 202, 204}) {
      const auto batch = verdict(status, body, 2);
      EXPECT_FALSE(batch.refused) << body;
      ASSERT_THAT(batch.events, SizeIs(2));
      EXPECT_EQ(batch.events[0].verdict, Verdict::unavailable) << body;
      EXPECT_EQ(batch.events[0].error_class, fmt::format("http_{}", status));
      EXPECT_THAT(batch.events[0].detail, HasSubstr("not the answer of a Splunk HTTP Event Collector"));
    }
    EXPECT_TRUE(verdict(413, body, 2).refused);
    EXPECT_TRUE(verdict(400, body, 2).refused);
    EXPECT_TRUE(verdict(500, body, 2).refused);
    EXPECT_EQ(verdict(413, body, 1).events[0].verdict, Verdict::rejected);
    EXPECT_EQ(verdict(400, body, 1).events[0].verdict, Verdict::rejected);
    EXPECT_EQ(verdict(500, body, 1).events[0].verdict, Verdict::retry);
    EXPECT_EQ(verdict(429, body, 1).events[0].verdict, Verdict::retry);
    for (const int status : {401, 403, 404, 502, 503, 504})
      EXPECT_EQ(verdict(status, body, 1).events[0].verdict, Verdict::unavailable) << status;
  }
}

TEST(HecVerdict, a_redirect_is_no_success_whatever_it_says) {
  const auto batch = verdict(302, said(0), 1, {{"Location", "https://elsewhere.example/"}});
  EXPECT_EQ(batch.events[0].verdict, Verdict::unavailable);
  EXPECT_THAT(batch.events[0].detail, HasSubstr("elsewhere.example"));
}

TEST(HecVerdict, an_exchange_without_an_answer_is_never_the_events_fault) {
  for (const Errc code : {Errc::timeout, Errc::unavailable, Errc::invalid, Errc::cancelled}) {
    const auto batch = hec_verdict(base::Error{code, "why"}, 2, {});
    EXPECT_FALSE(batch.refused);
    ASSERT_THAT(batch.events, SizeIs(2));
    EXPECT_EQ(batch.events[1].verdict, Verdict::unavailable);
  }
  EXPECT_EQ(hec_verdict(base::Error{Errc::overloaded, "why"}, 2, {}).events[0].verdict, Verdict::retry);
}

TEST(HecVerdict, details_are_bounded) {
  EXPECT_LE(
      verdict(503, fmt::format(R"({{"text":"{}","code":9}})", std::string(50'000, 'x')), 1).events[0].detail.size(),
      1'024u);
  EXPECT_EQ(verdict(200, std::string(50'000, 'x'), 1).events[0].detail.size(), 1'024u)
      << "cut there and nowhere before";
}

}  // namespace
}  // namespace trunkline::sinks
