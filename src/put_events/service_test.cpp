#include "put_events/service.hpp"

#include <gtest/gtest.h>

#include "json/document.hpp"
#include "net/aws_signature.hpp"

namespace trunkline::put_events {
namespace {

constexpr const char* kGood = R"({"Source":"aws.partner/x","DetailType":"t","Detail":"{\"n\": 1.50}"})";

class PutEvents : public ::testing::Test {
 protected:
  PutEvents() {
    ServiceOptions options;
    options.where = {"111122223333", "eu-west-1"};
    options.keys.add("AKID", "secret");
    service_ = std::make_unique<Service>(
        options,
        [](std::string_view bus) { return bus == "default" ? std::optional<std::string>("test") : std::nullopt; },
        [this](net::IoLoop&, std::vector<Service::Event> events, auto done) {
          published_ = std::move(events);
          std::vector<std::string> errors = errors_;
          errors.resize(published_.size());
          done(std::move(errors));
        },
        clock_);
  }

  net::HttpResponse call(const std::string& body, const std::string& service = "events",
                         const std::string& secret = "secret", const std::string& operation = "PutEvents") {
    net::ClientRequest signed_request;
    signed_request.url = "http://hub:1/";
    signed_request.headers = {{"X-Amz-Target", "AWSEvents." + operation},
                              {"Content-Type", "application/x-amz-json-1.1"}};
    signed_request.body = body;
    net::sign_for_aws(signed_request, {"AKID", secret}, {"eu-west-1", service}, clock_.wall());
    net::HttpRequest request;
    request.method = "POST";
    request.path = "/";
    request.headers = signed_request.headers;
    request.headers.emplace_back("Host", "hub:1");
    request.body = body;
    EXPECT_TRUE(Service::owns(request));
    net::HttpResponse answer;
    service_->handle(loop_, request, [&](net::HttpResponse given) { answer = std::move(given); });
    return answer;
  }
  static std::string entries(const std::string& list) { return R"({"Entries":[)" + list + "]}"; }

  base::ManualClock clock_;
  net::IoLoop loop_{"test"};
  std::unique_ptr<Service> service_;
  std::vector<Service::Event> published_;
  std::vector<std::string> errors_;
};

TEST_F(PutEvents, makes_an_envelope_of_each_entry_with_the_details_own_bytes) {
  const auto answer = call(entries(
      R"({"Source":"aws.partner/x","DetailType":"t \"q\"","Detail":"{\"n\": 1.50}","Time":1772460000.9,"Resources":["r"]})"));
  EXPECT_EQ(answer.status, 200);
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(published_[0].source, "test");
  json::Document document;
  const auto said = document.parse(answer.body);
  ASSERT_TRUE(said.ok());
  const std::string id(said->find("Entries")->first()->string_at("EventId"));
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(published_[0].envelope,
            R"({"version":"0","id":")" + id +
                R"(","detail-type":"t \"q\"","source":"aws.partner/x","account":"111122223333",)"
                R"("time":"2026-03-02T14:00:00Z","region":"eu-west-1","resources":["r"],"detail":{"n": 1.50}})");
}

TEST_F(PutEvents, answers_each_entry_in_order_and_stores_the_good_ones) {
  errors_ = {"", "the disk is full"};
  const auto answer = call(entries(std::string(kGood) + R"(,{"Source":"s","DetailType":"t"},)" + kGood +
                                   R"(,{"Source":"s","DetailType":"t","Detail":"[]"},)"
                                   R"({"Source":"s","DetailType":"t","Detail":"{}","EventBusName":"other"})"));
  EXPECT_EQ(published_.size(), 2u);
  json::Document document;
  const auto said = document.parse(answer.body);
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->find("FailedEntryCount")->integer(), 4);
  std::vector<std::string> codes;
  for (auto each = said->find("Entries")->first(); each; each = each->next())
    codes.emplace_back(each->string_at("ErrorCode"));
  EXPECT_EQ(codes, (std::vector<std::string>{"", "InvalidArgument", "InternalFailure", "MalformedDetail",
                                             "ResourceNotFoundException"}));
}

TEST_F(PutEvents, a_bus_may_be_named_by_its_arn) {
  call(entries(R"({"Source":"s","DetailType":"t","Detail":"{}",)"
               R"("EventBusName":"arn:aws:events:eu-west-1:111122223333:event-bus/default"})"));
  EXPECT_EQ(published_.size(), 1u);
}

TEST_F(PutEvents, bounds_are_those_of_eventbridge) {
  std::string eleven = kGood;
  for (int i = 0; i < 10; ++i) eleven += std::string(",") + kGood;
  const std::string large(256 << 10, 'x');
  for (const std::string& body : {entries(""), entries(eleven), std::string("{}"), std::string("nothing"),
                                  entries(R"({"Source":"s","DetailType":"t","Detail":")" + large + "\"}")}) {
    const auto answer = call(body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find("ValidationException"), std::string::npos) << answer.body;
  }
  EXPECT_TRUE(published_.empty());
}

TEST_F(PutEvents, who_is_not_known_is_refused_in_awss_words) {
  const std::string body = entries(kGood);
  EXPECT_NE(call(body, "events", "wrong").body.find("InvalidSignatureException"), std::string::npos);
  EXPECT_NE(call(body, "sqs").body.find("InvalidSignatureException"), std::string::npos);
  EXPECT_NE(call(body, "events", "secret", "PutRule").body.find("UnknownOperationException"), std::string::npos);
  net::HttpRequest unsigned_request;
  unsigned_request.headers = {{"X-Amz-Target", "AWSEvents.PutEvents"}};
  unsigned_request.body = body;
  net::HttpResponse answer;
  service_->handle(loop_, unsigned_request, [&](net::HttpResponse given) { answer = std::move(given); });
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("MissingAuthenticationTokenException"), std::string::npos);
  EXPECT_TRUE(published_.empty());
}

}  // namespace
}  // namespace trunkline::put_events
