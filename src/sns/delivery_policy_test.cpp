#include "sns/delivery_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace trunkline::sns {
namespace {

using ::testing::ElementsAre;

std::vector<std::int64_t> delays(const DeliveryPolicy& policy) {
  std::vector<std::int64_t> all;
  for (std::uint32_t retry = 1; const auto delay = delay_before(policy, retry); ++retry) all.push_back(delay->count());
  return all;
}
DeliveryPolicy of(const std::string& retry) {
  const std::string text = R"({"healthyRetryPolicy":{)" + retry + "}}";
  const auto fault = check_subscription_policy(text, "");
  EXPECT_FALSE(fault) << fault->message;
  return effective_policy("", text);
}

TEST(DeliveryPolicy, is_awss_own_where_nothing_is_said) {
  EXPECT_THAT(delays(effective_policy("", "")), ElementsAre(20'000, 20'000, 20'000));
  EXPECT_EQ(effective_policy("", "").content_type, "text/plain; charset=UTF-8");
}

TEST(DeliveryPolicy, its_phases_follow_one_another) {
  const std::string phases =
      R"("minDelayTarget":1,"maxDelayTarget":9,"numRetries":9,"numNoDelayRetries":2,"numMinDelayRetries":1,)"
      R"("numMaxDelayRetries":2,"backoffFunction":)";
  EXPECT_THAT(delays(of(phases + R"("linear")")), ElementsAre(0, 0, 1'000, 3'000, 5'000, 7'000, 9'000, 9'000, 9'000));
  EXPECT_THAT(delays(of(phases + R"("arithmetic")")),
              ElementsAre(0, 0, 1'000, 1'800, 3'400, 5'800, 9'000, 9'000, 9'000));
  EXPECT_THAT(delays(of(phases + R"("geometric")")),
              ElementsAre(0, 0, 1'000, 1'732, 3'000, 5'196, 9'000, 9'000, 9'000));
  EXPECT_THAT(delays(of(phases + R"("exponential")")),
              ElementsAre(0, 0, 1'000, 1'533, 2'600, 4'733, 9'000, 9'000, 9'000));
}

TEST(DeliveryPolicy, messages_that_failed_together_come_apart_and_never_later_than_it_says) {
  delivery::Random random(1);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) {
    const std::int64_t delay = jittered(base::Millis(20'000), random).count();
    EXPECT_GE(delay, 10'000);
    EXPECT_LE(delay, 20'000);
    seen.insert(delay);
  }
  EXPECT_GT(seen.size(), 150U);
  EXPECT_EQ(jittered(base::Millis(0), random), base::Millis(0));
}

TEST(DeliveryPolicy, a_subscription_has_the_last_word_unless_the_topic_forbids_it) {
  const std::string topic = R"({"http":{"defaultHealthyRetryPolicy":{"numRetries":1},"defaultThrottlePolicy":)"
                            R"({"maxReceivesPerSecond":5},"disableSubscriptionOverrides":)";
  const std::string own =
      R"({"healthyRetryPolicy":{"numRetries":2},"requestPolicy":{"headerContentType":"application/json"}})";
  const DeliveryPolicy both = effective_policy(topic + "false}}", own);
  EXPECT_EQ(both.retries, 2);
  EXPECT_EQ(both.per_second, 5);
  EXPECT_EQ(both.content_type, "application/json");
  EXPECT_EQ(effective_policy(topic + "true}}", own).retries, 1);
}

TEST(DeliveryPolicy, what_is_none_is_refused) {
  for (const char* text : {
           "x",
           "[]",
           R"({"healthyRetryPolicy":{"numRetries":101}})",
           R"({"healthyRetryPolicy":{"numRetries":"3"}})",
           R"({"healthyRetryPolicy":{"minDelayTarget":30}})",    // over the most
           R"({"healthyRetryPolicy":{"numNoDelayRetries":4}})",  // over all
           R"({"healthyRetryPolicy":{"backoffFunction":"cubic"}})",
           R"({"healthyRetryPolicy":{"maxDelayTarget":3600,"numMaxDelayRetries":3}})",  // over an hour
           R"({"throttlePolicy":{"maxReceivesPerSecond":0}})",
           R"({"requestPolicy":{"headerContentType":"a/b\r\nX: y"}})",
           R"({"http":{}})",
       }) {
    EXPECT_TRUE(check_subscription_policy(text, "")) << text;
    EXPECT_EQ(effective_policy("", text).retries, 3) << text;
  }
  EXPECT_TRUE(check_topic_policy(R"({"healthyRetryPolicy":{}})", ""));
  EXPECT_EQ(check_topic_policy(R"({"http":{"x":1}})", "Attributes Reason: ")->message,
            "Invalid parameter: Attributes Reason: DeliveryPolicy: unexpected JSON member: x");
}

TEST(DeliveryPolicy, what_holds_is_said_so_that_it_can_be_set_again) {
  const DeliveryPolicy policy = of(R"("numRetries":7,"maxDelayTarget":60,"backoffFunction":"geometric")");
  EXPECT_EQ(delays(effective_policy("", subscription_policy_text(policy))), delays(policy));
  EXPECT_EQ(delays(effective_policy(topic_policy_text(policy), "")), delays(policy));
}

}  // namespace
}  // namespace trunkline::sns
