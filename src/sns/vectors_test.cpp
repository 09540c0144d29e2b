// The table of filter policies (tests/vectors/filter), as subscriptions answer it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "json/document.hpp"
#include "sns/definition.hpp"
#include "sns/publication.hpp"

namespace trunkline::sns {
namespace {

const std::filesystem::path kVectors = std::filesystem::path(TRUNKLINE_SOURCE_DIR) / "tests/vectors/filter";
constexpr std::string_view kArnHead = "arn:aws:sqs:us-east-1:000000000000:";

Publication publication_of(json::Value line) {
  Publication out;
  out.message = line.string_at("body");
  const auto attributes = line.find("attributes");
  if (!attributes) return out;
  for (auto each = attributes->first(); each; each = each->next())
    out.attributes.push_back({std::string(each->name()), std::string(each->string_at("DataType")),
                              std::string(each->string_at("StringValue"))});
  return out;
}

// What SetSubscriptionAttributes, or Subscribe, says to the policy; empty where it is taken.
std::string refusal(json::Value line, At when, Subscription& subscription) {
  subscription = {"id", "topic", std::string(kArnHead) + "queue"};
  const auto policy = line.find("policy");
  Texts attributes = {
      {"FilterPolicy", policy ? std::string(policy->raw()) : std::string(line.string_at("policy_text"))}};
  if (const auto scope = line.find("scope")) attributes["FilterPolicyScope"] = std::string(scope->string());
  const auto fault = set_attributes(subscription, attributes, kArnHead, when);
  return fault ? fault->message : "";
}

TEST(FilterPolicyVectors, subscriptions_answer_every_case_of_the_table) {
  constexpr std::string_view kInvalid = "Invalid parameter: ";
  std::size_t matched = 0;
  std::size_t refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kVectors)) {
    if (entry.path().filename() == "malformed_cases.jsonl") continue;  // of the table's own form
    std::ifstream file(entry.path());
    std::string text;
    for (std::size_t number = 1; std::getline(file, text); ++number) {
      const std::string place = entry.path().filename().string() + ":" + std::to_string(number);
      json::Document document;
      const auto line = document.parse(text);
      ASSERT_TRUE(line.ok()) << place;
      const auto expected = line->find("expect");
      ASSERT_TRUE(expected.has_value()) << place;
      const auto error = expected->find("error");
      const std::string message = error ? std::string(error->string_at("message")) : "";
      Subscription subscription;
      EXPECT_EQ(refusal(*line, At::change, subscription), message) << place;
      if (const auto match = expected->find("match")) {
        EXPECT_EQ(accepts(subscription, publication_of(*line)), match->boolean()) << place;
        ++matched;
      }
      if (error && message.starts_with(kInvalid)) {
        EXPECT_EQ(refusal(*line, At::creation, subscription),
                  std::string(kInvalid) + "Attributes Reason: " + message.substr(kInvalid.size()))
            << place;
        ++refused;
      }
    }
  }
  EXPECT_GE(matched, 400U) << "the table has been lost";
  EXPECT_GE(refused, 150U) << "the table has been lost";
}

}  // namespace
}  // namespace trunkline::sns
