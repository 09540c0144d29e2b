#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/checks_testing.hpp"

namespace trunkline::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(AwsEngineChecks, the_engine_is_embedded_unless_it_is_said) {
  EXPECT_EQ(loaded("").config->engine, EngineKind::embedded);
  const auto taken = loaded(
      "engine: aws\naws: {region: eu-west-1, endpoint_url: 'http://127.0.0.1:5000', table: t}\n"
      "store: {identity_window: 1d}\n"
      "consumers:\n"
      "  crm: {order: conversation, sink: {http: {url: https://crm.example}}, max_wait: 13d, budget: {reserve: 0}}\n"
      "  siem: {sink: {splunk_hec: {url: https://splunk:8088, token: '${env:T}'}}}\n"
      "  lake: {sink: {s3: {bucket: b, region: eu-west-1, access_key_id: '${env:A}', secret_access_key: '${env:S}'}},\n"
      "    batch: {messages: 10000, bytes: 32MiB, age: 5m}}\n"
      "  wfm: {order: agent, visibility_timeout: 60s}\n");
  for (const Diagnostic& each : taken.diagnostics) ADD_FAILURE() << format(each, "t.yaml");
  ASSERT_TRUE(taken.config.has_value());
  EXPECT_EQ(taken.config->engine, EngineKind::aws);
  EXPECT_EQ(taken.config->aws.region, "eu-west-1");
  EXPECT_EQ(taken.config->aws.endpoint_url, "http://127.0.0.1:5000");
}

TEST(AwsEngineChecks, what_needs_a_store_on_this_machine_is_refused_where_it_stands) {
  EXPECT_THAT(findings("engine: aws\ndata_dir: /data\n"
                       "store: {disk_budget: 1GiB, memory_budget: 64MiB, quarantine_budget: 1GiB, retain: 1d}\n"
                       "sqs: {listen: '127.0.0.1:9324', unsigned: true}\naws: {deploy: ingest}\n"),
              ElementsAre(StartsWith("t.yaml:2:11: error: 'data_dir' cannot be with 'engine: aws'"),
                          StartsWith("t.yaml:3:22: error: 'store.disk_budget' cannot"),
                          StartsWith("t.yaml:3:43: error: 'store.memory_budget' cannot"),
                          StartsWith("t.yaml:3:69: error: 'store.quarantine_budget' cannot"),
                          StartsWith("t.yaml:3:83: error: 'store.retain' cannot"),
                          StartsWith("t.yaml:4:15: error: 'sqs.listen' cannot"),
                          StartsWith("t.yaml:5:15: error: 'aws.deploy: ingest' leaves out the table")));
}

TEST(AwsEngineChecks, options_of_a_consumer_that_no_worker_can_keep_are_refused) {
  EXPECT_THAT(
      findings("engine: aws\nconsumers:\n  a:\n    order: agent\n    event_time_window: 5s\n    on_full: expire\n"
               "    budget: {requests: 10}\n    max_wait: 15d\n    sink: {http: {url: https://a.example}}\n"),
      ElementsAre(StartsWith("t.yaml:5:5: error: 'event_time_window' cannot"),
                  StartsWith("t.yaml:6:5: error: 'on_full' cannot"),
                  StartsWith("t.yaml:7:14: error: 'budget.requests' cannot"),
                  StartsWith("t.yaml:8:5: error: 'max_wait' is 14 days at most")));
}

TEST(AwsEngineChecks, sinks_that_fold_events_or_write_here_are_refused) {
  const std::string oauth = "oauth: {token_url: 'https://a.example/t', client_id: a, client_secret: '${env:S}'}";
  const std::vector<std::string> sinks = {"live: {}", "file: {path: a.jsonl}",
                                          "adherence_files: {directory: d, codes: {otherwise: x}}",
                                          "adherence: {url: 'https://a.example', codes: {otherwise: x}}",
                                          "salesforce: {url: 'https://a.example', external_id: X__c, " + oauth + "}"};
  for (const std::string& sink : sinks) {
    const std::string text = "engine: aws\nconsumers:\n  a:\n    order: conversation\n    sink:\n      " + sink + "\n";
    EXPECT_THAT(findings(text), ::testing::Contains(AllOf(StartsWith("t.yaml:6:7: error: the sink of 'a' cannot be"),
                                                          HasSubstr("with a hub sink"))))
        << sink;
  }
}

TEST(AwsEngineChecks, sources_that_no_worker_can_have_are_refused) {
  EXPECT_THAT(findings("engine: aws\nsources:\n  a: {kind: put_events}\n"
                       "  b: {kind: genesys, silent_after: 1h}\n  c: {kind: genesys, silent_after: 0s}\n"),
              ElementsAre(StartsWith("t.yaml:3:3: error: 'sources.a' of kind put_events needs the listener"),
                          StartsWith("t.yaml:4:22: error: 'silent_after' cannot be")));
}

TEST(AwsEngineChecks, where_AWS_is_says_nothing_to_the_embedded_engine) {
  EXPECT_THAT(findings("aws: {region: eu-west-1, endpoint_url: 'http://127.0.0.1:1'}\n"),
              ElementsAre("t.yaml:1:15: error: 'aws.region' is of no use without 'engine: aws'",
                          "t.yaml:1:40: error: 'aws.endpoint_url' is of no use without 'engine: aws'"));
}

}  // namespace
}  // namespace trunkline::config
