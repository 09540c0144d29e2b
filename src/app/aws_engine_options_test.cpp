#include "app/aws_engine_options.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "config/load.hpp"

namespace trunkline::app {
namespace {

config::Config parsed(const std::string& text) {
  auto loaded = config::parse(text, {[](const std::string&) -> std::optional<std::string> { return std::nullopt; },
                                     [](const std::string&) { return std::string(); }});
  EXPECT_TRUE(loaded.config.has_value());
  return loaded.config.value_or(config::Config());
}

aws::Environment environment(std::map<std::string, std::string> variables) {
  variables.emplace("AWS_CONFIG_FILE", "/nowhere");
  variables.emplace("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(AwsEngineOptions, are_those_of_the_configuration_before_the_environment) {
  const auto config = parsed(
      "engine: aws\nstore: {identity_window: 2d}\n"
      "aws: {region: eu-west-1, endpoint_url: 'http://127.0.0.1:5000', table: t, prefix: p}\n");
  const auto options = aws_engine_options(
      config, environment({{"AWS_REGION", "us-east-1"}, {"AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1"}}));
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->table, "t");
  EXPECT_EQ(options->prefix, "p");
  EXPECT_FALSE(options->create_table);
  EXPECT_EQ(options->services.region, "eu-west-1");
  EXPECT_EQ(options->services.endpoint, "http://127.0.0.1:5000");
  EXPECT_EQ(options->services.sqs_endpoint, "");
  EXPECT_EQ(options->publisher.identity_window, std::chrono::hours(48));
}

TEST(AwsEngineOptions, are_found_as_the_SDKs_find_them) {
  const auto options =
      aws_engine_options(parsed("engine: aws\n"), environment({{"AWS_DEFAULT_REGION", "eu-central-1"},
                                                               {"AWS_ENDPOINT_URL", "http://127.0.0.1:1"},
                                                               {"AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:2"}}));
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->table, "trunkline");
  EXPECT_EQ(options->services.region, "eu-central-1");
  EXPECT_EQ(options->services.endpoint, "");
  EXPECT_EQ(options->services.dynamodb_endpoint, "http://127.0.0.1:2");
  EXPECT_EQ(options->services.sns_endpoint, "http://127.0.0.1:1");
  EXPECT_EQ(options->services.sqs_endpoint, "http://127.0.0.1:1");
}

TEST(AwsEngineOptions, without_a_region_say_how_to_give_one) {
  const auto options = aws_engine_options(parsed("engine: aws\n"), environment({}));
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.error().code, base::Errc::invalid);
  EXPECT_NE(options.error().detail.find("AWS_REGION"), std::string::npos);
}

}  // namespace
}  // namespace trunkline::app
