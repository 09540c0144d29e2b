#include "app/alarm_webhook.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.hpp"
#include "base/manual_loop.hpp"
#include "sinks/fake_sender_test.hpp"

namespace trunkline::app {
namespace {

using namespace std::chrono_literals;
using sinks::FakeSender;
using testing::HasSubstr;

class AlarmWebhookTest : public testing::Test {
 protected:
  void make(std::vector<std::string> secrets = {}) {
    AlarmWebhookOptions options;
    options.url = "https://ops.example/hook";
    options.secrets = std::move(secrets);
    options.headers = {{"Authorization", "Bearer x"}};
    webhook = AlarmWebhook::make(std::move(options), loop, std::make_unique<FakeSender>(sent)).value();
  }
  static watch::Incident incident(const std::string& consumer = "crm") {
    watch::Incident incident;
    incident.id = "oldest_age-" + consumer + "-1";
    incident.alarm = watch::Alarm::oldest_age;
    incident.subject = consumer;
    incident.detail = "old";
    return incident;
  }
  void tell(const std::string& consumer, bool resolve = false) {
    webhook->tell(incident(consumer), resolve, [this, consumer, resolve](bool taken) {
      told.push_back(consumer + (resolve ? " resolved" : " opened") + (taken ? "" : ", given up"));
    });
  }
  void answer(int status) {
    ASSERT_FALSE(sent.empty());
    net::ClientCallback done = std::move(sent.back().done);
    ASSERT_TRUE(done);
    net::ClientResponse response;
    response.status = status;
    done(std::move(response));
    loop.run();
  }
  std::string header(std::string_view name) const {
    return std::string(net::find_header(sent.back().request.headers, name).value_or(""));
  }

  base::ManualClock clock;
  base::ManualLoop loop{clock};
  std::vector<FakeSender::Sent> sent;
  std::unique_ptr<AlarmWebhook> webhook;
  std::vector<std::string> told;
};

TEST_F(AlarmWebhookTest, tells_one_after_the_other_in_order_and_signs_each) {
  const std::string key(24, 'k');
  make({"whsec_" + base::base64_encode(key)});
  tell("crm");
  tell("crm", true);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(header("webhook-id"), "oldest_age-crm-1-opened");
  EXPECT_EQ(header("Authorization"), "Bearer x");
  EXPECT_THAT(sent[0].request.body, HasSubstr(R"("type":"alarm.opened")"));
  EXPECT_THAT(sent[0].request.body, HasSubstr(R"("scope":"consumer","subject":"crm")"));
  const std::string signature =
      base::hmac_sha256(key, header("webhook-id") + "." + header("webhook-timestamp") + "." + sent[0].request.body);
  EXPECT_EQ(header("webhook-signature"), "v1," + base::base64_encode(signature));
  answer(204);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(header("webhook-id"), "oldest_age-crm-1-resolved");
  answer(200);
  EXPECT_EQ(told, (std::vector<std::string>{"crm opened", "crm resolved"}));
}

TEST_F(AlarmWebhookTest, what_is_not_taken_is_tried_again_under_the_same_id) {
  make();
  tell("crm");
  for (int i = 0; i < 6; ++i) {
    answer(i % 2 == 0 ? 500 : 302);
    EXPECT_TRUE(told.empty());
    const std::size_t before = sent.size();
    loop.advance(5s * (1 << i) - 10ms);
    EXPECT_EQ(sent.size(), before) << "it waits longer each time";
    loop.advance(10ms);
    ASSERT_EQ(sent.size(), before + 1);
    EXPECT_EQ(header("webhook-id"), "oldest_age-crm-1-opened");
  }
  answer(200);
  EXPECT_EQ(told.size(), 1u);
}

TEST_F(AlarmWebhookTest, after_a_day_it_gives_up_and_goes_on) {
  make();
  tell("crm");
  const base::MonoTime begun = clock.mono();
  for (int i = 0; i < 1'000 && told.empty(); ++i) {
    sent.back().done(base::Error{base::Errc::unavailable, "refused"});
    loop.advance(5min);
  }
  EXPECT_EQ(told, std::vector<std::string>{"crm opened, given up"});
  EXPECT_GE(clock.mono() - begun, 24h);
  EXPECT_LT(sent.size(), 320u);
  tell("siem");
  answer(200);
  EXPECT_EQ(told.back(), "siem opened");
}

TEST_F(AlarmWebhookTest, holds_a_thousand_and_gives_up_the_oldest_that_is_not_on_its_way) {
  make();
  for (std::size_t i = 0; i < AlarmWebhook::kWaitingMax + 2; ++i) tell("c" + std::to_string(i));
  EXPECT_EQ(told, (std::vector<std::string>{"c1 opened, given up", "c2 opened, given up"}));
  answer(200);
  EXPECT_EQ(told.back(), "c0 opened");
}

TEST_F(AlarmWebhookTest, an_answer_that_comes_after_its_end_is_nobodys) {
  make();
  tell("crm");
  webhook.reset();
  answer(200);
  EXPECT_TRUE(told.empty());
}

TEST_F(AlarmWebhookTest, what_cannot_work_is_said_when_it_is_made) {
  const auto fault = [&](const std::string& url, std::vector<std::string> secrets) {
    AlarmWebhookOptions options;
    options.url = url;
    options.secrets = std::move(secrets);
    const auto made = AlarmWebhook::make(std::move(options), loop, nullptr);
    return made.ok() ? std::string() : made.error().detail;
  };
  EXPECT_THAT(fault("ftp://ops.example", {}), HasSubstr("https://"));
  EXPECT_THAT(fault("https://ops.example/", {"secret"}), HasSubstr("alarms.webhook"));
  EXPECT_EQ(fault("https://ops.example/", {}), "");
}

}  // namespace
}  // namespace trunkline::app
