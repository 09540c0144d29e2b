#include "config/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "config/load.hpp"
#include "config/option.hpp"

namespace trunkline::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::map<std::string, std::string> environment;

Config parsed(const std::string& text) {
  Resolver resolver;
  resolver.environment = [](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  Loaded loaded = parse(text, resolver);
  for (const Diagnostic& diagnostic : loaded.diagnostics) EXPECT_EQ(diagnostic.message, "");
  return std::move(*loaded.config);
}

std::vector<std::string> texts(const Config& from, const Config& to) {
  std::vector<std::string> list;
  for (const Change& change : compare(from, to))
    list.push_back(change.text() + (change.reloadable ? "" : " (restart)"));
  return list;
}

const std::string kBase = R"(
data_dir: ./data
consumers:
  crm: {filter: {a: [x]}, order: conversation, sink: {http: {url: "https://crm.example/hook", secret: "${env:SECRET}"}}}
)";

TEST(Compare, the_same_text_changes_nothing_and_spelling_is_no_change) {
  environment = {{"SECRET", "one"}};
  EXPECT_THAT(texts(parsed(kBase), parsed(kBase)), IsEmpty());
  EXPECT_THAT(texts(parsed("store: {retain: 3d}"), parsed("store: {retain: 72h}")), IsEmpty());
  EXPECT_THAT(texts(parsed("log: {level: info}"), parsed("")), IsEmpty()) << "a default that is written out";
}

TEST(Compare, an_option_is_told_with_its_old_and_new_value) {
  environment = {{"SECRET", "one"}};
  const Config from = parsed(kBase);
  const Config to = parsed(R"(
data_dir: ./data
consumers:
  crm: {filter: {a: [y]}, order: conversation, concurrency: 3, retry: {cap: 2m}, batch: {bytes: 2MiB},
        sink: {http: {url: "https://crm.example/new", secret: "${env:SECRET}"}}}
)");
  EXPECT_THAT(texts(from, to),
              ElementsAre(R"(consumers.crm.filter: {"a":["x"]} -> {"a":["y"]})", "consumers.crm.concurrency: 16 -> 3",
                          "consumers.crm.batch.bytes: 1MiB -> 2MiB", "consumers.crm.retry.cap: 1m -> 2m",
                          "consumers.crm.sink.http.url: https://crm.example/hook -> https://crm.example/new"));
}

TEST(Compare, a_credential_is_told_as_changed_and_never_shown) {
  environment = {{"SECRET", "one"}};
  const Config from = parsed(kBase);
  environment = {{"SECRET", "two"}};
  const Config to = parsed(kBase);
  EXPECT_THAT(texts(from, to), ElementsAre("consumers.crm.sink.http.secret: changed"));
  for (const Setting& setting : to.settings) EXPECT_EQ(setting.shown.find("two"), std::string::npos) << setting.path;
}

TEST(Compare, a_key_with_another_end_date_is_a_change) {
  environment = {{"K", "key"}};
  EXPECT_THAT(texts(parsed("api: {keys: [{key: \"${env:K}\", until: 2027-01-31}]}"),
                    parsed("api: {keys: [{key: \"${env:K}\", until: 2027-02-28}]}")),
              ElementsAre("api.keys: changed"));
  EXPECT_THAT(texts(parsed(""), parsed("api: {keys: \"${env:K}\"}")), ElementsAre("api.keys: none -> ***"));
}

TEST(Compare, consumers_and_sources_come_and_go_as_a_whole) {
  const Config from = parsed("sources: {a: {kind: genesys}}\nconsumers: {old: {filter: {}}}");
  const Config to = parsed("sources: {a: {kind: genesys}, b: {kind: eventgrid}}\nconsumers: {new: {filter: {}}}");
  EXPECT_THAT(texts(from, to), ElementsAre("sources.b: added", "consumers.new: added", "consumers.old: removed"));
}

TEST(Compare, what_cannot_be_reloaded_says_so) {
  const Config from = parsed("data_dir: a\nconsumers: {crm: {filter: {}, sink: {file: {path: a.jsonl}}}}");
  EXPECT_THAT(
      texts(from, parsed("data_dir: b\nconsumers: {crm: {filter: {}, order: agent, sink: {file: {path: a.jsonl}}}}")),
      ::testing::Contains("data_dir: a -> b (restart)"));
  EXPECT_THAT(texts(from, parsed("data_dir: a\nconsumers: {crm: {filter: {}}}")),
              ::testing::Contains("consumers.crm.sink: file -> pulled (restart)"))
      << "leases of a pulled consumer are of another kind";
  EXPECT_THAT(texts(from, parsed("data_dir: a\nconsumers: {crm: {filter: {}, sink: {http: {url: \"http://a/\"}}}}")),
              ::testing::Contains("consumers.crm.sink: file -> http"));
}

TEST(Compare, the_entries_of_a_list_are_one_setting) {
  const auto topics = [](const std::string& more) {
    return parsed("topics: [{pattern: \"v2.a.{id}\", category: a}" + more + "]");
  };
  EXPECT_THAT(texts(topics(""), topics(", {pattern: \"v2.b.{id}\", category: b}")),
              ::testing::Contains("topics.pattern: v2.a.{id} -> 2 entries (restart)"));
}

}  // namespace
}  // namespace trunkline::config
