#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.hpp"

namespace trunkline::config {
namespace {

Loaded load(const std::string& source, const std::string& more = "") {
  const Resolver resolver{[](const std::string&) { return std::optional<std::string>("secret"); },
                          [](const std::string&) -> base::Result<std::string> {
                            return {base::Errc::not_found, "No such file or directory"};
                          }};
  return parse("sources:\n  a: " + source + "\n" + more, resolver);
}
std::string first_finding(const std::string& source) {
  const Loaded loaded = load(source);
  return loaded.diagnostics.empty() ? "none" : loaded.diagnostics[0].message;
}

TEST(SqsQueue, of_a_source_has_defaults_and_needs_only_its_url) {
  const Loaded loaded = load("{kind: sqs, sqs: {queue_url: 'https://sqs.eu-west-1.amazonaws.com/1/q'}}");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.at(0).message;
  const Source& source = loaded.config->sources.at(0);
  ASSERT_TRUE(source.queue);
  EXPECT_EQ(source.queue->url, "https://sqs.eu-west-1.amazonaws.com/1/q");
  EXPECT_EQ(source.queue->receivers, 4u);
  EXPECT_EQ(source.queue->visibility_timeout, std::chrono::seconds(60));
  EXPECT_FALSE(source.queue->allow_loopback);
  EXPECT_TRUE(source.has_credential()) << "it takes nothing over HTTP, so a wide listener needs no key for it";
}

TEST(SqsQueue, belongs_to_its_kind_and_http_credentials_do_not) {
  EXPECT_EQ(first_finding("{kind: sqs}"), "'sources.a' of kind sqs needs 'sources.a.sqs', a map with queue_url");
  EXPECT_EQ(first_finding("{kind: genesys, sqs: {queue_url: 'https://q/1/q'}}"), "'sources.a.sqs' is for 'kind: sqs'");
  EXPECT_EQ(first_finding("{kind: sqs, sqs: {queue_url: 'https://q/1/q'}, auth: {header: x}}"),
            "'sources.a.auth' is for a source over HTTP; AWS credentials say who may");
  EXPECT_EQ(first_finding("{kind: sqs, sqs: {queue_url: 'https://q/1/q', access_key_id: a}}"),
            "'sources.a.sqs.access_key_id' and 'sources.a.sqs.secret_access_key' go together");
  EXPECT_EQ(first_finding("{kind: sqs, sqs: {queue_url: 'https://q/1/q', session_token: '${env:T}'}}"),
            "'sources.a.sqs.session_token' needs 'sources.a.sqs.access_key_id'");
}

TEST(SqsQueue, put_events_needs_the_listener_that_its_calls_come_to) {
  EXPECT_EQ(first_finding("{kind: put_events}"),
            "'sources.a' of kind put_events needs 'sqs.listen', where its calls come in");
  const Loaded loaded = load("{kind: put_events}", "sqs: {listen: '127.0.0.1:9324', unsigned: true}\n");
  ASSERT_TRUE(loaded.config);
  EXPECT_TRUE(loaded.diagnostics.empty());
}

}  // namespace
}  // namespace trunkline::config
