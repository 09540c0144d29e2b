#include "config/reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "config/load.hpp"
#include "config/option.hpp"
#include "config/value.hpp"

namespace trunkline::config {
namespace {

TEST(Reference, docs_config_md_is_what_the_tables_say) {
  const std::string path = std::string(TRUNKLINE_SOURCE_DIR) + "/docs/config.md";
  if (std::getenv("TRUNKLINE_WRITE_DOCS") != nullptr) std::ofstream(path) << reference_markdown();
  const base::Result<std::string> page = read_file(path, 1 << 20);
  ASSERT_TRUE(page.ok()) << path;
  EXPECT_EQ(*page, reference_markdown()) << "run this test with TRUNKLINE_WRITE_DOCS=1 to write the page";
}

TEST(Reference, example_on_the_page_is_a_valid_configuration) {
  const std::string page = reference_markdown();
  const std::size_t begin = page.find("```yaml\n") + 8;
  const std::string example = page.substr(begin, page.find("```", begin) - begin);
  const Resolver resolver{[](const std::string&) { return std::string("k"); },
                          [](const std::string&) { return std::string("s"); }};
  const Loaded loaded = parse(example, resolver);
  for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << format(diagnostic, "example");
  ASSERT_TRUE(loaded.config.has_value());
  EXPECT_EQ(loaded.config->consumers.size(), 3u);
}

template <class Scope>
void check_table(Table<Scope> table) {
  std::set<std::string_view> paths;
  for (const Row<Scope>& row : table) {
    const Option& option = row.option;
    SCOPED_TRACE(option.path);
    EXPECT_TRUE(paths.insert(option.path).second) << "twice in its table";
    EXPECT_TRUE(option.help.ends_with('.'));
    EXPECT_EQ(option.type == Type::choice, !option.choices.empty());
    const bool bounded = option.type == Type::count || option.type == Type::duration || option.type == Type::size;
    EXPECT_EQ(bounded, option.max > option.min);
    EXPECT_FALSE(option.required && !option.fallback.empty());
    if (option.fallback.empty()) continue;
    Scope scope{};
    row.set(scope, default_value(option));  // aborts on a default that is not valid, and on a setter of another type
  }
}

TEST(Reference, every_row_is_complete_and_its_default_valid) {
  check_table<Config>(root_table());
  check_table<Source>(source_table());
  check_table<Topic>(topic_table());
  check_table<AcceptedKey>(key_table());
  check_table<Consumer>(consumer_table());
  check_table<HttpSink>(http_sink_table());
  check_table<FileSink>(file_sink_table());
  check_table<HecSink>(hec_sink_table());
  check_table<LiveSink>(live_sink_table());
  check_table<ElasticsearchSink>(elasticsearch_sink_table());
  check_table<TemplateSink>(template_sink_table());
  check_table<TemplateRequest>(template_request_table());
  check_table<TemplateRule>(template_rule_table());
  check_table<SalesforceSink>(salesforce_sink_table());
  check_table<TranscriptSink>(transcript_sink_table());
  check_table<AdherenceSink>(adherence_sink_table());
  check_table<AdherenceFilesSink>(adherence_files_sink_table());
  check_table<SyslogSink>(syslog_sink_table());
  check_table<DatadogSink>(datadog_sink_table());
  check_table<SentinelSink>(sentinel_sink_table());
  check_table<PostgresSink>(postgres_sink_table());
  check_table<S3Sink>(s3_sink_table());
  check_table<HubSink>(hub_sink_table());
  check_table<KafkaSink>(kafka_sink_table());
}

TEST(Reference, text_names_every_option) {
  const std::string text = reference_text();
  for (const Row<Consumer>& row : consumer_table()) {
    EXPECT_THAT(text, ::testing::HasSubstr("  " + std::string(row.option.path) + " "));
  }
}

}  // namespace
}  // namespace trunkline::config
