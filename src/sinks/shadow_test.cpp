#include "sinks/shadow.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_loop.hpp"
#include "sinks/hec_sink.hpp"
#include "sinks/webhook_sink.hpp"

namespace trunkline::sinks {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class ShadowTest : public testing::Test {
 protected:
  delivery::Batch batch(std::size_t events, std::size_t bytes = 2) {
    delivery::Batch batch;
    batch.consumer = "crm";
    for (std::size_t i = 0; i < events; ++i) {
      auto record = std::make_shared<engine::Record>();
      record->sequence = {++sequence_};
      record->event.raw = "{" + std::string(bytes - 2, ' ') + "}";
      batch.messages.push_back({record, 0, 1, {}, false});
    }
    return batch;
  }
  std::unique_ptr<HttpSender> sender(std::vector<std::string> masked, std::string answer = "") {
    return std::make_unique<ShadowSender>(loop_, log_, std::move(masked), std::move(answer));
  }
  std::unique_ptr<WebhookSink> webhook() {
    WebhookOptions options;
    options.url = "https://crm.example/hook";
    options.headers = {{"Authorization", "Bearer very-secret"}};
    options.secrets = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
    options.body = Body::raw;
    options.layout = WebhookOptions::Layout::json_array;
    return std::move(*WebhookSink::make(std::move(options), {}, sender({"authorization"}), clock_));
  }
  delivery::BatchVerdict send(delivery::Sink& sink, delivery::Batch what) {
    std::optional<delivery::BatchVerdict> verdict;
    sink.send(std::move(what), [&](delivery::BatchVerdict said) { verdict = std::move(said); });
    EXPECT_FALSE(verdict) << "never inside send()";
    loop_.run();
    EXPECT_TRUE(verdict);
    return std::move(*verdict);
  }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  std::shared_ptr<ShadowLog> log_ = std::make_shared<ShadowLog>(base::WallTime{});
  std::uint64_t sequence_ = 0;
};

TEST_F(ShadowTest, a_webhook_is_rendered_and_signed_and_everything_counts_as_delivered) {
  const auto sink = webhook();
  const delivery::BatchVerdict verdict = send(*sink, batch(3));
  EXPECT_FALSE(verdict.refused);
  ASSERT_THAT(verdict.events, SizeIs(3));
  for (const auto& event : verdict.events) EXPECT_EQ(event.verdict, delivery::Verdict::delivered);
  ASSERT_THAT(log_->newest(), SizeIs(1));
  const ShadowRequest request = log_->newest()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://crm.example/hook");
  EXPECT_EQ(request.body, "[{},{},{}]");
  EXPECT_EQ(net::find_header(request.headers, "trunkline-sequence"), "1,2,3");
  EXPECT_THAT(std::string(net::find_header(request.headers, "webhook-signature").value_or("")), HasSubstr("v1,"));
}

TEST_F(ShadowTest, credentials_are_shown_to_nobody) {
  const auto sink = webhook();
  send(*sink, batch(1));
  EXPECT_EQ(net::find_header(log_->newest()[0].headers, "Authorization"), "***");
}

TEST_F(ShadowTest, a_collector_takes_all_of_a_shadow) {
  HecOptions options;
  options.url = "https://splunk:8088";
  options.token = "11111111-2222-3333-4444-555555555555";
  options.consumer = "siem";
  options.body = Body::raw;
  options.gzip = false;
  const auto sink =
      std::move(*HecSink::make(options, {}, sender({"Authorization"}, R"({"text":"Success","code":0})"), clock_));
  const delivery::BatchVerdict verdict = send(*sink, batch(2));
  ASSERT_THAT(verdict.events, SizeIs(2));
  EXPECT_EQ(verdict.events[1].verdict, delivery::Verdict::delivered);
  const ShadowRequest request = log_->newest()[0];
  EXPECT_EQ(net::find_header(request.headers, "Authorization"), "***");
  for (const auto& [name, value] : request.headers) EXPECT_THAT(value, Not(HasSubstr("11111111-2222"))) << name;
}

TEST_F(ShadowTest, keeps_the_newest_requests_and_the_beginnings_of_bodies) {
  const auto sink = webhook();
  for (int i = 0; i < 50; ++i) send(*sink, batch(1, 20'000));
  const auto kept = log_->newest();
  ASSERT_THAT(kept, SizeIs(ShadowLog::kKept));
  EXPECT_EQ(kept.front().number, 50u);
  EXPECT_EQ(kept.back().number, 31u);
  EXPECT_THAT(kept.front().body, SizeIs(ShadowLog::kBodyBytesMax));
  EXPECT_EQ(kept.front().bytes, 20'002u);
  EXPECT_EQ(log_->counts().requests, 50u);
  EXPECT_EQ(log_->counts().bytes, 50u * 20'002);
}

}  // namespace
}  // namespace trunkline::sinks
