#include "sinks/hec_acks.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "sinks/fake_sender_test.hpp"
#include "sinks/hec_sink.hpp"

namespace trunkline::sinks {
namespace {

using base::Millis;
using delivery::Verdict;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

TEST(HecAcks, an_answer_names_the_ids_that_are_true) {
  EXPECT_THAT(parse_hec_acks(R"({"acks":{"0":true,"1":false,"22":true,"x":true,"3":1}})", 10),
              Optional(ElementsAre(0, 22)));
  EXPECT_THAT(parse_hec_acks(R"({"acks":{"0":true,"1":true,"2":true}})", 2), Optional(ElementsAre(0, 1)));
  EXPECT_THAT(parse_hec_acks(R"({"acks":{}})", 10), Optional(IsEmpty()));
  for (const char* other :
       {"", "[]", "{}", R"({"acks":[0]})", R"({"text":"ACK is disabled","code":14})", R"({"acks":{"0":tr)"})
    EXPECT_FALSE(parse_hec_acks(other, 10)) << other;
}

TEST(HecAcks, cookies_are_kept_by_name_and_bounded) {
  AffinityCookies cookies;
  EXPECT_EQ(cookies.header(), "");
  cookies.learn({{"Set-Cookie", "AWSALB=one; Path=/; HttpOnly"}, {"set-cookie", " B = two "}, {"X", "C=3"}});
  EXPECT_EQ(cookies.header(), "AWSALB=one; B=two");
  cookies.learn({{"Set-Cookie", "AWSALB=new"}, {"Set-Cookie", "B=; Max-Age=0"}, {"Set-Cookie", "nothing"}});
  EXPECT_EQ(cookies.header(), "AWSALB=new");
  for (int i = 0; i < 100; ++i) cookies.learn({{"Set-Cookie", fmt::format("c{}={}", i, std::string(5'000, 'x'))}});
  EXPECT_EQ(cookies.header(), "AWSALB=new") << "too long";
  for (int i = 0; i < 100; ++i) cookies.learn({{"Set-Cookie", fmt::format("c{}=x", i)}});
  EXPECT_EQ(std::ranges::count(cookies.header(), '='), 16);
}

// A sink that waits for acknowledgements; the test answers its requests.
class HecAckTest : public testing::Test {
 protected:
  HecAckTest() {
    options_.url = "https://splunk:8088";
    options_.token = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    options_.consumer = "siem";
    options_.body = Body::raw;
    options_.gzip = false;
    options_.ack = HecAckOptions{seconds(1), seconds(60)};
    make();
  }
  void make() {
    auto sink = HecSink::make(options_, {}, std::make_unique<FakeSender>(sent_), clock_, &loop_);
    ASSERT_TRUE(sink.ok()) << sink.error().detail;
    sink_ = std::move(*sink);
  }
  // The verdict of a batch of two, as soon as it has one.
  using Verdicts = std::vector<delivery::EventVerdict>;
  std::shared_ptr<Verdicts> send() {
    auto got = std::make_shared<Verdicts>();
    engine::Record record;
    record.sequence = {++sequence_};
    record.event.raw = "{}";
    const engine::LeasedMessage message{std::make_shared<engine::Record>(record), 0, 1, {}, false};
    sink_->send({"siem", sequence_, 1, {message, message}}, [got](delivery::BatchVerdict verdict) {
      EXPECT_FALSE(verdict.refused);
      *got = std::move(verdict.events);
    });
    return got;
  }
  std::shared_ptr<Verdicts> taken(int ack_id, net::Headers headers = {}) {
    auto got = send();
    answer(fmt::format(R"({{"text":"Success","code":0,"ackId":{}}})", ack_id), 200, std::move(headers));
    EXPECT_THAT(*got, IsEmpty()) << "taken is not yet indexed";
    return got;
  }
  void answer(std::string body, int status = 200, net::Headers headers = {}) {
    auto done = std::move(sent_.back().done);
    done(net::ClientResponse{status, std::move(headers), std::move(body)});
    loop_.run();
  }
  std::string question() {
    loop_.advance(seconds(1));
    return sent_.back().request.body;
  }
  std::string cookie() const {
    return std::string(net::find_header(sent_.back().request.headers, "Cookie").value_or(""));
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  HecOptions options_;
  std::vector<FakeSender::Sent> sent_;
  std::unique_ptr<HecSink> sink_;
  std::uint64_t sequence_ = 0;
};

TEST_F(HecAckTest, a_batch_is_delivered_when_it_is_acknowledged) {
  const auto one = taken(0);
  const auto two = taken(1);
  EXPECT_EQ(question(), R"({"acks":[0,1]})");
  EXPECT_EQ(sent_.back().request.url,
            "https://splunk:8088/services/collector/ack?channel=" + hec_channel("siem", "https://splunk:8088"));
  answer(R"({"acks":{"0":false,"1":true}})");
  EXPECT_THAT(*one, IsEmpty());
  ASSERT_THAT(*two, SizeIs(2));
  EXPECT_EQ((*two)[0].verdict, Verdict::delivered);
  EXPECT_EQ(question(), R"({"acks":[0]})");
  answer(R"({"acks":{"0":true}})");
  EXPECT_THAT(*one, SizeIs(2));
  const std::size_t asked = sent_.size();
  loop_.advance(seconds(10));
  EXPECT_EQ(sent_.size(), asked) << "nothing waits, nothing is asked";
}

TEST_F(HecAckTest, what_is_never_acknowledged_is_sent_again_after_the_timeout) {
  const auto one = taken(0);
  for (int i = 0; i < 59; ++i) {
    question();
    answer(R"({"acks":{"0":false}})");
    ASSERT_THAT(*one, IsEmpty()) << i;
  }
  question();
  loop_.run();
  ASSERT_THAT(*one, SizeIs(2));
  EXPECT_EQ((*one)[0].verdict, Verdict::unavailable);
  EXPECT_EQ((*one)[0].error_class, "hec_ack_timeout");
}

TEST_F(HecAckTest, a_question_without_an_answer_is_asked_again) {
  const auto one = taken(5);
  question();
  auto done = std::move(sent_.back().done);
  done(base::Error{base::Errc::unavailable, "reset"});
  EXPECT_EQ(question(), R"({"acks":[5]})");
  answer("<html>", 502);
  EXPECT_EQ(question(), R"({"acks":[5]})");
  answer(R"({"text":"Server is busy","code":9})", 503);
  EXPECT_EQ(question(), R"({"acks":[5]})");
  answer(R"({"acks":{"5":true}})");
  EXPECT_THAT(*one, SizeIs(2));
}

TEST_F(HecAckTest, a_number_that_is_given_out_anew_tells_of_a_restart) {
  const auto lost = taken(0);
  auto again = send();
  answer(R"({"text":"Success","code":0,"ackId":0})");
  ASSERT_THAT(*lost, SizeIs(2));
  EXPECT_EQ((*lost)[0].verdict, Verdict::unavailable);
  EXPECT_EQ((*lost)[0].error_class, "hec_ack_lost");
  EXPECT_THAT(*again, IsEmpty());
  question();
  answer(R"({"acks":{"0":true}})");
  EXPECT_THAT(*again, SizeIs(2));
}

class HecAckRefusal : public HecAckTest, public testing::WithParamInterface<int> {};
TEST_P(HecAckRefusal, of_the_question_ends_all_that_wait_with_its_code) {
  const auto one = taken(0);
  const auto two = taken(1);
  question();
  answer(fmt::format(R"({{"text":"no {}","code":{}}})", options_.token, GetParam()), 400);
  for (const auto& each : {one, two}) {
    ASSERT_THAT(*each, SizeIs(2));
    EXPECT_EQ((*each)[0].verdict, Verdict::unavailable);
    EXPECT_EQ((*each)[0].error_class, fmt::format("hec_{}", GetParam()));
    EXPECT_THAT((*each)[0].detail, HasSubstr("no ***"));
  }
}
INSTANTIATE_TEST_SUITE_P(Codes, HecAckRefusal, testing::Values(1, 2, 3, 4, 10, 11, 14, 16, 22));

TEST_F(HecAckTest, a_success_without_a_number_is_none) {
  const auto one = send();
  answer(R"({"text":"Success","code":0})");
  ASSERT_THAT(*one, SizeIs(2));
  EXPECT_EQ((*one)[0].verdict, Verdict::unavailable);
  EXPECT_EQ((*one)[0].error_class, "hec_no_ack");
  EXPECT_THAT((*one)[0].detail, HasSubstr("enable indexer acknowledgement"));
}

TEST_F(HecAckTest, a_batch_that_is_not_taken_has_its_verdict_at_once) {
  const auto one = send();
  answer(R"({"text":"Server is busy","code":9})", 503);
  ASSERT_THAT(*one, SizeIs(2));
  EXPECT_EQ((*one)[0].error_class, "hec_9");
}

TEST_F(HecAckTest, cookies_of_a_balancer_go_with_further_batches_and_with_the_questions_for_their_own) {
  const auto one = taken(0, {{"Set-Cookie", "LB=a; Path=/"}});
  const auto two = send();
  EXPECT_EQ(cookie(), "LB=a");
  answer(R"({"text":"Success","code":0,"ackId":0})", 200, {{"Set-Cookie", "LB=b"}});
  EXPECT_THAT(*one, IsEmpty()) << "another receiver has numbers of its own";
  const std::size_t before = sent_.size();
  loop_.advance(seconds(1));
  ASSERT_EQ(sent_.size(), before + 2) << "one question for each receiver";
  EXPECT_EQ(net::find_header(sent_[before].request.headers, "Cookie"), "LB=a");
  EXPECT_EQ(net::find_header(sent_[before + 1].request.headers, "Cookie"), "LB=b");
  answer(R"({"acks":{"0":true}})");
  EXPECT_THAT(*one, IsEmpty());
  EXPECT_THAT(*two, SizeIs(2));
}

TEST_F(HecAckTest, answers_may_come_after_the_sink_has_gone) {
  const auto one = taken(0);
  question();
  auto late = send();
  auto poll = std::move(sent_[sent_.size() - 2].done);
  auto post = std::move(sent_.back().done);
  sink_.reset();
  poll(net::ClientResponse{200, {}, R"({"acks":{"0":true}})"});
  post(net::ClientResponse{200, {}, R"({"text":"Success","code":0,"ackId":1})"});
  loop_.advance(seconds(100));
  EXPECT_THAT(*one, IsEmpty());
}

TEST_F(HecAckTest, a_probe_asks_for_an_acknowledgement_on_a_channel_of_its_own) {
  std::optional<base::Result<std::string>> found;
  const auto probe = [&](const std::string& said, int status) {
    sink_->probe([&](base::Result<std::string> result) { found = std::move(result); });
    answer(R"({"text":"HEC is healthy","code":17})");
    answer(R"({"text":"No data","code":5})", 400);
    EXPECT_THAT(sent_.back().request.url, HasSubstr("/services/collector/ack?channel="));
    EXPECT_THAT(sent_.back().request.url, testing::Not(HasSubstr(hec_channel("siem", "https://splunk:8088"))));
    answer(said, status);
    return found->ok() ? **found : found->error().detail;
  };
  EXPECT_THAT(probe(R"({"acks":{"0":false}})", 200), HasSubstr("token accepted, indexer acknowledgement enabled"));
  EXPECT_THAT(probe(R"({"text":"ACK is disabled","code":14})", 400),
              testing::AllOf(HasSubstr("ACK is disabled (code 14)"), HasSubstr("enable indexer acknowledgement")));
}

TEST_F(HecAckTest, options_are_checked) {
  options_.ack = HecAckOptions{Millis(5), seconds(60)};
  EXPECT_FALSE(validate(options_).ok());
  options_.ack = HecAckOptions{seconds(61), seconds(60)};
  EXPECT_FALSE(validate(options_).ok());
  options_.ack = HecAckOptions{};
  EXPECT_TRUE(validate(options_).ok());
  EXPECT_FALSE(HecSink::make(options_, {}, std::make_unique<FakeSender>(sent_), clock_).ok()) << "without a loop";
}

}  // namespace
}  // namespace trunkline::sinks
