#include "lambda/event_source.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace trunkline::lambda {
namespace {

using base::Errc;
using base::Error;
using base::Result;

const std::string kFunction = "arn:aws:lambda:eu-west-1:123456789012:function:crm";
const std::string kQueue = "arn:aws:sqs:eu-west-1:123456789012:trunkline-2-crm.fifo";
const std::string kList =
    "/2015-03-31/event-source-mappings"
    "?EventSourceArn=arn%3Aaws%3Asqs%3Aeu-west-1%3A123456789012%3Atrunkline-2-crm.fifo"
    "&FunctionName=arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Acrm";

class FakeLambda final : public account::Api {
 public:
  Result<std::string> json(std::string_view, std::string_view, std::string) override { return none(); }
  Result<std::string> query(std::string_view, std::string_view, const account::Parameters&) override { return none(); }
  Result<std::string> get(std::string_view service, std::string path) override {
    EXPECT_EQ(service, "lambda");
    const auto found = lists.find(path);
    return found == lists.end() ? none() : found->second;
  }
  Result<std::string> put(std::string_view service, std::string path, std::string body) override {
    EXPECT_EQ(service, "lambda");
    puts.push_back(path + " " + body);
    return answer;
  }
  static Result<std::string> none() { return Error{Errc::unsupported, "not asked for"}; }

  std::map<std::string, std::string> lists;
  std::vector<std::string> puts;
  Result<std::string> answer = std::string("{}");
};

std::string mapping(const std::string& uuid, const std::string& queue) {
  return R"({"UUID":")" + uuid + R"(","EventSourceArn":")" + queue + R"(","State":"Enabled"})";
}

TEST(LambdaEventSource, TheMappingOfTheQueueIsFoundOnceOverPages) {
  FakeLambda api;
  api.lists[kList] = R"({"EventSourceMappings":[)" + mapping("u1", kQueue + "x") + R"(],"NextMarker":"m m"})";
  api.lists[kList + "&Marker=m%20m"] = R"({"EventSourceMappings":[)" + mapping("u2", kQueue) + "]}";
  EventSource source(api, kQueue);
  ASSERT_TRUE(source.set_enabled(kFunction, false).ok());
  api.lists.clear();
  ASSERT_TRUE(source.set_enabled(kFunction, true).ok());
  EXPECT_EQ(api.puts, (std::vector<std::string>{R"(/2015-03-31/event-source-mappings/u2 {"Enabled":false})",
                                                R"(/2015-03-31/event-source-mappings/u2 {"Enabled":true})"}));
}

TEST(LambdaEventSource, AMappingThatWasMadeAnewIsLookedForAgain) {
  FakeLambda api;
  api.lists[kList] = R"({"EventSourceMappings":[)" + mapping("u1", kQueue) + "]}";
  EventSource source(api, kQueue);
  api.answer = Error{Errc::not_found, "gone"};
  EXPECT_EQ(source.set_enabled(kFunction, false).error().code, Errc::not_found);
  api.lists[kList] = R"({"EventSourceMappings":[)" + mapping("u9", kQueue) + "]}";
  api.answer = std::string("{}");
  ASSERT_TRUE(source.set_enabled(kFunction, false).ok());
  EXPECT_EQ(api.puts.back(), R"(/2015-03-31/event-source-mappings/u9 {"Enabled":false})");
}

TEST(LambdaEventSource, WithoutAMappingOrAnAnswerNothingIsChanged) {
  FakeLambda api;
  EventSource source(api, kQueue);
  EXPECT_EQ(source.set_enabled(kFunction, false).error().code, Errc::unsupported);
  api.lists[kList] = R"({"EventSourceMappings":[]})";
  EXPECT_EQ(source.set_enabled(kFunction, false).error().code, Errc::not_found);
  api.lists[kList] = "<html>";
  EXPECT_EQ(source.set_enabled(kFunction, false).error().code, Errc::unavailable);
  EXPECT_TRUE(api.puts.empty());
}

}  // namespace
}  // namespace trunkline::lambda
