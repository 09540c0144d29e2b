#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/checks_testing.hpp"

namespace trunkline::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(AwsFunctionChecks, functions_are_none_unless_it_is_said) {
  const auto without = loaded("engine: aws\n");
  ASSERT_TRUE(without.config.has_value());
  EXPECT_FALSE(without.config->aws.functions.take_events() || without.config->aws.functions.deliver());
  const auto taken = loaded(
      "engine: aws\naws:\n  functions: {run: all, code: 's3://bucket/some/prefix', architecture: arm64, memory: 1GiB,\n"
      "    environment: {TOKEN: '{{resolve:secretsmanager:hec:SecretString:token}}', SSL_CERT_FILE: /etc/ca.pem}}\n"
      "consumers:\n  crm: {concurrency: 2, sink: {http: {url: https://crm.example}}}\n  wfm: {function: false}\n");
  for (const Diagnostic& each : taken.diagnostics) ADD_FAILURE() << format(each, "t.yaml");
  ASSERT_TRUE(taken.config.has_value());
  const AwsFunctions& functions = taken.config->aws.functions;
  EXPECT_TRUE(functions.take_events() && functions.deliver());
  EXPECT_EQ(functions.code, "s3://bucket/some/prefix");
  EXPECT_EQ(functions.architecture, FunctionsArchitecture::arm64);
  EXPECT_EQ(functions.memory, std::uint64_t{1} << 30);
  ASSERT_EQ(functions.environment.size(), 2U);
  EXPECT_EQ(functions.environment[0].second.reveal(), "{{resolve:secretsmanager:hec:SecretString:token}}");
  EXPECT_TRUE(taken.config->consumers[0].function);
  EXPECT_FALSE(taken.config->consumers[1].function);
}

TEST(AwsFunctionChecks, one_side_alone_can_be_functions) {
  const auto run = [](std::string_view what) {
    return loaded("engine: aws\naws: {functions: {run: " + std::string(what) + "}}\n").config->aws.functions;
  };
  EXPECT_TRUE(run("ingest").take_events());
  EXPECT_FALSE(run("ingest").deliver());
  EXPECT_FALSE(run("consumers").take_events());
  EXPECT_TRUE(run("consumers").deliver());
  EXPECT_FALSE(run("none").take_events() || run("none").deliver());
}

TEST(AwsFunctionChecks, what_no_function_can_deliver_is_refused_where_it_stands) {
  const std::string consumers =
      "consumers:\n  wfm: {order: agent}\n  a:\n    shadow: true\n    sink: {http: {url: https://a.example}}\n"
      "  b:\n    concurrency: 1\n    sink: {http: {url: https://b.example}}\n"
      "  c: {concurrency: 1001, sink: {http: {url: https://c.example}}}\n"
      "  d:\n    paused: true\n    maintenance: {days: [mon], from: '01:00', to: '02:00'}\n"
      "    sink: {http: {url: https://d.example}}\n";
  EXPECT_THAT(findings("engine: aws\naws: {functions: {run: consumers}}\n" + consumers),
              ElementsAre(StartsWith("t.yaml:4:3: error: no function can deliver 'wfm', which has no sink"),
                          StartsWith("t.yaml:6:5: error: 'a' is a shadow"),
                          StartsWith("t.yaml:9:5: error: 'concurrency' of a function is 2 to 1000"),
                          StartsWith("t.yaml:11:7: error: 'concurrency' of a function is 2 to 1000"),
                          StartsWith("t.yaml:13:5: error: 'paused' is not looked at by a function"),
                          StartsWith("t.yaml:14:18: error: a function does not rest")));
  EXPECT_THAT(findings("engine: aws\naws: {functions: {run: ingest}}\n" + consumers), IsEmpty());
  EXPECT_THAT(
      findings("engine: aws\naws: {functions: {run: all}}\nconsumers:\n  wfm: {function: false}\n"
               "  a: {function: false, shadow: true, concurrency: 1, sink: {http: {url: https://a.example}}}\n"),
      IsEmpty());
}

TEST(AwsFunctionChecks, what_Lambda_would_not_take_is_refused_where_it_stands) {
  EXPECT_THAT(findings("aws: {functions: {run: all}}\n"),
              ElementsAre("t.yaml:1:24: error: 'aws.functions.run' needs 'engine: aws': functions keep nothing of "
                          "their own"));
  EXPECT_THAT(findings("engine: aws\naws:\n  functions:\n    memory: 200500KiB\n    code: bucket/prefix\n"
                       "    environment: {_A: x, AWS_REGION: x, AWS_LAMBDA_X: x, OK_1: x}\n"),
              ElementsAre(StartsWith("t.yaml:4:13: error: 'aws.functions.memory' is whole MiB"),
                          StartsWith("t.yaml:5:11: error: 'aws.functions.code' is s3://BUCKET/PREFIX"),
                          StartsWith("t.yaml:6:18: error: 'aws.functions.environment._A' is no name"),
                          StartsWith("t.yaml:6:18: error: 'aws.functions.environment.AWS_REGION' is Lambda's own"),
                          StartsWith("t.yaml:6:18: error: 'aws.functions.environment.AWS_LAMBDA_X' is Lambda's own")));
  for (const std::string place : {"s3://", "s3://ab", "s3://bucket/", "s3://bucket//x", "s3://bucket/../x",
                                  "s3://b c/x", "https://bucket.s3.amazonaws.com"})
    EXPECT_EQ(findings("engine: aws\naws: {functions: {code: '" + place + "'}}\n").size(), 1U) << place;
}

}  // namespace
}  // namespace trunkline::config
