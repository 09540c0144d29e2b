#include "cloudwatch/publisher.hpp"

#include <gtest/gtest.h>

#include "aws/credential_chain.hpp"
#include "aws/fake_transport_test.hpp"
#include "base/manual_loop.hpp"
#include "base/text.hpp"
#include "net/http_types.hpp"

namespace trunkline::cloudwatch {
namespace {

using aws::testing::FakeTransport;
using ::testing::Test;

struct KeyProvider final : aws::Provider {
  std::string_view name() const override { return "test"; }
  void find(aws::FoundCallback done) override {
    aws::Credentials credentials{{"AKIA", "secret"}};
    credentials.provider = "test";
    done(credentials);
  }
};

// Parameters of a form.
class Form {
 public:
  explicit Form(const std::string& body) : bytes_(body.size()) {
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t end = std::min(body.find('&', at), body.size());
      const std::string pair = body.substr(at, end - at);
      const std::size_t equals = pair.find('=');
      values_[pair.substr(0, equals)] = net::percent_decode(pair.substr(equals + 1), true).value_or("");
      at = end + 1;
    }
  }
  // Empty: there is none.
  std::string operator[](const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::map<std::string, std::string> values_;
  std::size_t bytes_;
};

class CloudWatch : public Test {
 protected:
  CloudWatch() {
    aws::Providers providers;
    providers.push_back(std::make_unique<KeyProvider>());
    chain_ = std::make_unique<aws::CredentialChain>(nullptr, std::move(providers), loop_, [] { return 0.0; });
    aws::ClientOptions options;
    options.service = "monitoring";
    options.version = "2010-08-01";
    options.region = "eu-west-1";
    options.endpoint = "https://monitoring.eu-west-1.amazonaws.com";
    client_ = std::make_unique<aws::Client>(std::move(options), transport_, *chain_, loop_, [] { return 0.0; });
    publisher_ = std::make_unique<Publisher>(*client_, PublisherOptions{"Hub", std::chrono::seconds(5)});
  }
  bool put(std::vector<Reading> readings) {
    const bool taken = publisher_->put(std::move(readings), *base::parse_time("2026-03-02T14:00:00Z"));
    loop_.run();
    return taken;
  }
  // The body of the call under way, which is answered.
  Form answer(int status = 200) {
    FakeTransport::Sent sent = transport_.take();
    Form body(sent.request.body);
    sent.answer(status, status == 200 ? "<PutMetricDataResponse/>"
                                      : "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>");
    loop_.run();
    return body;
  }
  static Reading delivered(double value) { return {"Delivered", "Consumer", "crm", value, Unit::count, true}; }

  base::ManualClock clock_;
  base::ManualLoop loop_{clock_};
  FakeTransport transport_;
  std::unique_ptr<aws::CredentialChain> chain_;
  std::unique_ptr<aws::Client> client_;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(CloudWatch, a_call_names_metric_dimension_unit_and_time) {
  ASSERT_TRUE(
      put({{"OldestAge", "Consumer", "crm & co", 1.5, Unit::seconds}, {"Accepted", {}, {}, 7, Unit::count, true}}));
  const Form body = answer();
  EXPECT_EQ(body["Action"], "PutMetricData");
  EXPECT_EQ(body["Version"], "2010-08-01");
  EXPECT_EQ(body["Namespace"], "Hub");
  EXPECT_EQ(body["MetricData.member.1.MetricName"], "OldestAge");
  EXPECT_EQ(body["MetricData.member.1.Value"], "1.5");
  EXPECT_EQ(body["MetricData.member.1.Unit"], "Seconds");
  EXPECT_EQ(body["MetricData.member.1.Timestamp"], "2026-03-02T14:00:00.000Z");
  EXPECT_EQ(body["MetricData.member.1.Dimensions.member.1.Name"], "Consumer");
  EXPECT_EQ(body["MetricData.member.1.Dimensions.member.1.Value"], "crm & co");
  EXPECT_EQ(body["MetricData.member.2.Value"], "7");
  EXPECT_EQ(body["MetricData.member.2.Unit"], "Count");
  EXPECT_EQ(body["MetricData.member.2.Dimensions.member.1.Name"], "");
}

TEST_F(CloudWatch, what_grows_is_put_as_its_growth_and_none_is_lost_with_a_call_that_failed) {
  const std::string value = "MetricData.member.1.Value";
  put({delivered(10)});
  EXPECT_EQ(answer()[value], "10");
  put({delivered(25)});
  EXPECT_EQ(answer(403)[value], "15");
  put({delivered(26)});
  EXPECT_EQ(answer()[value], "16") << "with what the refused call was to bring";
  put({delivered(3)});
  EXPECT_EQ(answer()[value], "3") << "it began anew";
  put({});
  put({delivered(4)});
  EXPECT_EQ(answer()[value], "4") << "one that had left is another one";
}

TEST_F(CloudWatch, readings_that_come_while_others_are_under_way_are_dropped) {
  EXPECT_TRUE(put({delivered(1)}));
  EXPECT_FALSE(put({delivered(2)}));
  EXPECT_EQ(transport_.sent.size(), 1u);
  answer();
  EXPECT_TRUE(transport_.sent.empty()) << "they do not wait";
  EXPECT_TRUE(put({delivered(3)}));
  EXPECT_EQ(answer()["MetricData.member.1.Value"], "2");
}

TEST_F(CloudWatch, no_call_has_more_than_cloudwatch_takes_and_a_failure_ends_the_rest) {
  std::vector<Reading> readings;
  for (int i = 0; i < 2'500; ++i) readings.push_back({"Waiting", "Consumer", "consumer-" + std::to_string(i), 1});
  put(readings);
  std::size_t metrics = 0;
  std::size_t calls = 0;
  for (; !transport_.sent.empty(); ++calls) {
    const Form body = answer();
    EXPECT_LE(body.bytes(), 1u << 20);
    std::size_t here = 0;
    while (!body["MetricData.member." + std::to_string(here + 1) + ".MetricName"].empty()) ++here;
    EXPECT_LE(here, 1'000u);
    metrics += here;
  }
  EXPECT_EQ(metrics, 2'500u);
  EXPECT_EQ(calls, 3u);
  put(readings);
  answer(403);
  EXPECT_TRUE(transport_.sent.empty());
}

TEST_F(CloudWatch, no_call_has_more_bytes_than_cloudwatch_takes) {
  std::vector<Reading> readings;
  // Three bytes each on the wire.
  for (int i = 0; i < 1'000; ++i)
    readings.push_back({"Waiting", "Consumer", std::string(1'000, '/') + std::to_string(i), 1});
  put(readings);
  std::size_t calls = 0;
  for (; !transport_.sent.empty(); ++calls) EXPECT_LE(answer().bytes(), 1'000'000u);
  EXPECT_EQ(calls, 4u);
}

TEST_F(CloudWatch, an_answer_after_its_end_is_nobodys) {
  put({delivered(1)});
  publisher_.reset();
  answer();
}

}  // namespace
}  // namespace trunkline::cloudwatch
