#include "aws/client.hpp"

#include <gtest/gtest.h>

#include "aws/fake_transport_test.hpp"
#include "base/manual_loop.hpp"
#include "base/text.hpp"

namespace trunkline::aws {
namespace {

using base::Errc;
using base::Millis;
using testing::FakeTransport;

// Gives what the test says, later.
struct ScriptedProvider final : Provider {
  std::string_view name() const override { return "script"; }
  void find(FoundCallback done) override {
    ++asked;
    if (hold) {
      held = std::move(done);
    } else {
      done(next);
    }
  }
  Found next = Absent{"nothing there"};
  bool hold = false;
  FoundCallback held;
  int asked = 0;
};

class AwsChain : public ::testing::Test {
 protected:
  AwsChain() {
    auto made = std::make_unique<ScriptedProvider>();
    provider_ = made.get();
    Providers providers;
    providers.push_back(std::move(made));
    chain_ = std::make_unique<CredentialChain>(nullptr, std::move(providers), loop_, [this] { return fraction_; });
    set_key("AKIA1", std::nullopt);
  }
  void set_key(const std::string& id, std::optional<Millis> life) {
    Credentials credentials{{id, "secret"}};
    if (life) credentials.expires = clock_.wall() + *life;
    credentials.provider = "script";
    provider_->next = credentials;
  }
  std::string get() {
    std::string said = "nothing yet";
    chain_->get([&](const base::Result<Credentials>& found) {
      said = found.ok() ? found->keys.access_key_id : found.error().detail;
    });
    loop_.run();
    return said;
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  double fraction_ = 0;
  ScriptedProvider* provider_ = nullptr;
  std::unique_ptr<CredentialChain> chain_;
};

TEST_F(AwsChain, keeps_what_does_not_end) {
  EXPECT_EQ(get(), "AKIA1");
  loop_.advance(std::chrono::hours(100));
  EXPECT_EQ(get(), "AKIA1");
  EXPECT_EQ(provider_->asked, 1);
}

TEST_F(AwsChain, one_search_serves_all_who_wait) {
  provider_->hold = true;
  int served = 0;
  for (int i = 0; i < 5; ++i)
    chain_->get([&](const base::Result<Credentials>& found) { served += found.ok() ? 1 : 0; });
  loop_.run();
  EXPECT_EQ(provider_->asked, 1);
  provider_->held(provider_->next);
  EXPECT_EQ(served, 5);
}

TEST_F(AwsChain, renews_before_the_end_while_the_old_ones_serve_on) {
  set_key("first", std::chrono::hours(1));
  EXPECT_EQ(get(), "first");
  loop_.advance(std::chrono::minutes(54));
  set_key("second", std::chrono::hours(1));
  EXPECT_EQ(get(), "first");
  EXPECT_EQ(provider_->asked, 1);
  loop_.advance(std::chrono::minutes(2));
  provider_->hold = true;
  EXPECT_EQ(get(), "first");
  EXPECT_EQ(provider_->asked, 2);
  EXPECT_EQ(get(), "first");
  EXPECT_EQ(provider_->asked, 2);
  provider_->held(provider_->next);
  EXPECT_EQ(get(), "second");
}

TEST_F(AwsChain, jitter_renews_up_to_half_as_long_again_before) {
  fraction_ = 0.999;
  set_key("first", std::chrono::hours(1));
  EXPECT_EQ(get(), "first");
  loop_.advance(std::chrono::minutes(53));
  set_key("second", std::chrono::hours(1));
  EXPECT_EQ(get(), "first");
  EXPECT_EQ(get(), "second");
}

TEST_F(AwsChain, what_has_ended_is_not_given_out) {
  set_key("first", std::chrono::minutes(6));
  EXPECT_EQ(get(), "first");
  loop_.advance(std::chrono::minutes(7));
  provider_->next = base::Error{Errc::unavailable, "the endpoint is down"};
  EXPECT_EQ(get(), "AWS credentials of script: the endpoint is down");
  set_key("over", Millis(-1));
  loop_.advance(std::chrono::seconds(2));
  EXPECT_NE(get().find("have ended already"), std::string::npos);
}

TEST_F(AwsChain, says_what_every_provider_said_and_the_way_out) {
  provider_->next = Absent{"AWS_X is not set"};
  const std::string said = get();
  EXPECT_NE(said.find("Tried: script: AWS_X is not set"), std::string::npos) << said;
  EXPECT_NE(said.find("name a profile with AWS_PROFILE"), std::string::npos) << said;
}

TEST_F(AwsChain, a_failure_is_kept_ever_longer_up_to_half_a_minute) {
  provider_->next = Absent{"no"};
  for (const int seconds : {1, 2, 4, 8, 16, 30, 30}) {
    const int asked = provider_->asked;
    get();
    EXPECT_EQ(provider_->asked, asked + 1);
    loop_.advance(std::chrono::seconds(seconds) - Millis(1));
    get();
    EXPECT_EQ(provider_->asked, asked + 1) << seconds;
    loop_.advance(Millis(1));
  }
  set_key("AKIA9", std::nullopt);
  EXPECT_EQ(get(), "AKIA9");
}

TEST_F(AwsChain, no_more_wait_than_its_bound) {
  provider_->hold = true;
  for (std::size_t i = 0; i < CredentialChain::kWaitersMax; ++i) chain_->get([](const base::Result<Credentials>&) {});
  EXPECT_EQ(get(), "too many wait for AWS credentials");
}

TEST_F(AwsChain, a_refused_key_is_forgotten_and_a_newer_one_is_not) {
  EXPECT_EQ(get(), "AKIA1");
  set_key("AKIA2", std::nullopt);
  chain_->refused("AKIA1");
  EXPECT_EQ(get(), "AKIA2");
  chain_->refused("AKIA1");
  EXPECT_EQ(get(), "AKIA2");
  EXPECT_EQ(provider_->asked, 2);
}

class AwsClient : public AwsChain {
 protected:
  AwsClient() {
    ClientOptions options;
    options.service = "sqs";
    options.target = "AmazonSQS";
    options.region = "eu-west-1";
    options.endpoint = "https://sqs.eu-west-1.amazonaws.com";
    options.response_bytes_max = 64;
    client_ = std::make_unique<Client>(options, transport_, *chain_, loop_, [] { return 0.5; });
  }
  void call() {
    reply_.reset();
    client_->call("ReceiveMessage", R"({"QueueUrl":"q"})", std::chrono::seconds(30),
                  [this](Reply reply) { reply_ = std::move(reply); });
    loop_.run();
  }
  FakeTransport::Sent next() {
    loop_.run();
    return transport_.take();
  }
  std::string said() const {
    if (!reply_) return "nothing yet";
    return reply_->ok() ? reply_->body : reply_->failure->text();
  }

  FakeTransport transport_;
  std::unique_ptr<Client> client_;
  std::optional<Reply> reply_;
};

// As a server checks it.
std::optional<net::AwsSignatureFault> signature_fault(const net::ClientRequest& request, base::WallTime now) {
  net::HttpRequest received;
  received.method = request.method;
  const std::string target = request.url.substr(request.url.find('/', 8));
  received.path = target.substr(0, target.find('?'));
  received.query = target.size() > received.path.size() ? target.substr(received.path.size() + 1) : "";
  received.headers = request.headers;
  received.headers.emplace_back("Host", "sqs.eu-west-1.amazonaws.com");
  received.body = request.body;
  return net::verify_aws_signature(received, [](std::string_view) { return std::string("secret"); }, now).fault;
}

TEST_F(AwsClient, signs_each_call_so_that_a_server_takes_it) {
  call();
  auto sent = next();
  EXPECT_EQ(sent.request.url, "https://sqs.eu-west-1.amazonaws.com/");
  EXPECT_EQ(sent.header("X-Amz-Target"), "AmazonSQS.ReceiveMessage");
  EXPECT_EQ(sent.header("Content-Type"), "application/x-amz-json-1.0");
  EXPECT_FALSE(signature_fault(sent.request, clock_.wall()).has_value());
  sent.answer(200, "{}", {{"x-amzn-RequestId", "r-7"}});
  EXPECT_EQ(said(), "{}");
  EXPECT_EQ(reply_->request_id, "r-7");
}

TEST_F(AwsClient, calls_in_the_query_protocol_and_by_rest_are_signed_as_well) {
  client_->query("Publish", {{"TopicArn", "a:b"}, {"Message", "1 & 2"}}, std::chrono::seconds(5), [](const Reply&) {});
  auto sent = next();
  EXPECT_EQ(sent.request.body, "Action=Publish&Version=1.0&TopicArn=a%3Ab&Message=1%20%26%202");
  EXPECT_EQ(sent.header("X-Amz-Target"), "");
  EXPECT_FALSE(signature_fault(sent.request, clock_.wall()).has_value());
  client_->get("/2015-03-31/functions/f/configuration?MaxItems=1", std::chrono::seconds(5), [](const Reply&) {});
  sent = next();
  EXPECT_EQ(sent.request.method + " " + sent.request.url,
            "GET https://sqs.eu-west-1.amazonaws.com/2015-03-31/functions/f/configuration?MaxItems=1");
  EXPECT_FALSE(signature_fault(sent.request, clock_.wall()).has_value());
}

TEST_F(AwsClient, what_the_caller_did_wrong_is_not_tried_again) {
  call();
  next().answer(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"It does not exist."})",
                {{"x-amzn-RequestId", "r-1"}});
  EXPECT_EQ(said(), "QueueDoesNotExist: It does not exist. (HTTP 400, request r-1)");
  EXPECT_EQ(reply_->failure->code, "QueueDoesNotExist");
  EXPECT_EQ(reply_->failure->errc, Errc::not_found);
  loop_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(transport_.sent.empty());
}

TEST_F(AwsClient, tries_three_times_with_growing_delays_and_signs_anew) {
  call();
  auto first = next();
  const std::string date = first.header("X-Amz-Date");
  first.answer(503, "busy");
  loop_.advance(Millis(499));
  EXPECT_TRUE(transport_.sent.empty());
  loop_.advance(Millis(1));
  next().fail(Errc::timeout);
  loop_.advance(Millis(999));
  EXPECT_TRUE(transport_.sent.empty());
  loop_.advance(Millis(1));
  auto third = next();
  EXPECT_NE(third.header("X-Amz-Date"), date);
  EXPECT_FALSE(signature_fault(third.request, clock_.wall()).has_value());
  third.answer(400, R"({"__type":"RequestThrottled","message":"slow down"})");
  EXPECT_EQ(reply_->failure->errc, Errc::overloaded);
  loop_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(transport_.sent.empty());
}

TEST_F(AwsClient, a_server_may_ask_for_a_longer_delay_within_bounds) {
  call();
  next().answer(500, "", {{"x-amz-retry-after", "7000"}});
  loop_.advance(Millis(6'999));
  EXPECT_TRUE(transport_.sent.empty());
  loop_.advance(Millis(1));
  next().answer(500, "", {{"x-amz-retry-after", "999999999"}});
  loop_.advance(std::chrono::seconds(20));
  next().answer(200, "{}");
  EXPECT_EQ(said(), "{}");
}

TEST_F(AwsClient, the_quota_ends_retries_and_successes_fill_it_again) {
  // 500 pays for 50 retries after no answer: 25 calls with two each.
  for (int i = 0; i < 25; ++i) {
    call();
    for (int tries = 0; tries < 3; ++tries) {
      next().fail(Errc::timeout);
      loop_.advance(std::chrono::seconds(20));
    }
    EXPECT_FALSE(reply_->ok());
  }
  call();
  next().fail(Errc::timeout);
  EXPECT_FALSE(reply_->ok()) << "a retry without quota";
  for (int i = 0; i < 10; ++i) {
    call();
    next().answer(200, "{}");
  }
  call();
  next().fail(Errc::timeout);
  EXPECT_FALSE(reply_) << "ten successes pay for one retry";
}

TEST_F(AwsClient, a_wrong_clock_is_made_good_by_the_servers_date) {
  call();
  clock_.jump_wall(std::chrono::minutes(-20));
  const base::WallTime there = clock_.wall() + std::chrono::minutes(20);
  next().answer(403, R"({"__type":"InvalidSignatureException","message":"Signature expired"})",
                {{"Date", "Mon, 02 Mar 2026 14:00:00 GMT"}});
  loop_.advance(std::chrono::seconds(1));
  auto again = next();
  EXPECT_FALSE(signature_fault(again.request, there).has_value());
  EXPECT_TRUE(signature_fault(again.request, clock_.wall()).has_value());
  // One correction a call.
  again.answer(403, R"({"__type":"InvalidSignatureException"})", {{"Date", "Tue, 03 Mar 2026 14:00:00 GMT"}});
  EXPECT_EQ(reply_->failure->code, "InvalidSignatureException");
  EXPECT_EQ(reply_->failure->errc, Errc::unauthenticated);
}

TEST_F(AwsClient, a_wrong_secret_is_no_wrong_clock) {
  call();
  next().answer(403, R"({"__type":"SignatureDoesNotMatch"})", {{"Date", "Mon, 02 Mar 2026 14:00:00 GMT"}});
  EXPECT_EQ(reply_->failure->code, "SignatureDoesNotMatch");
}

TEST_F(AwsClient, credentials_that_are_not_known_any_more_are_asked_for_once_more) {
  call();
  set_key("AKIA2", std::nullopt);
  next().answer(403, R"({"__type":"com.amazon.coral.service#ExpiredTokenException"})");
  loop_.advance(std::chrono::seconds(1));
  auto again = next();
  EXPECT_NE(again.header("Authorization").find("AKIA2/"), std::string::npos);
  again.answer(403, R"({"__type":"ExpiredTokenException"})");
  EXPECT_EQ(reply_->failure->code, "ExpiredTokenException");
}

TEST_F(AwsClient, without_credentials_nothing_is_sent) {
  provider_->next = Absent{"none"};
  call();
  EXPECT_TRUE(transport_.sent.empty());
  EXPECT_EQ(reply_->failure->errc, Errc::unauthenticated);
}

TEST_F(AwsClient, an_answer_over_its_bound_is_a_failure) {
  call();
  next().answer(200, std::string(64, 'x'));
  EXPECT_EQ(reply_->failure->errc, Errc::too_large);
}

TEST_F(AwsClient, what_is_under_way_at_its_end_gets_no_callback) {
  call();
  auto sent = next();
  client_.reset();
  sent.answer(200, "{}");
  loop_.advance(std::chrono::minutes(1));
  EXPECT_FALSE(reply_);
}

TEST(AwsRetry, delays_are_random_below_a_doubling_bound_of_twenty_seconds) {
  EXPECT_EQ(retry_delay(1, 0.999), Millis(999));
  EXPECT_EQ(retry_delay(3, 0.5), Millis(2'000));
  EXPECT_EQ(retry_delay(6, 0.5), Millis(10'000));
  EXPECT_EQ(retry_delay(1'000'000, 0.5), Millis(10'000));
  EXPECT_EQ(retry_delay(5, 0), Millis(0));
}

}  // namespace
}  // namespace trunkline::aws
