#include "app/init_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace trunkline::app {
namespace {

using ::testing::HasSubstr;

config::Loaded loaded(const std::string& text) {
  config::Resolver resolver;
  resolver.environment = [](const std::string&) { return std::optional<std::string>("value"); };
  resolver.file = [](const std::string&) { return base::Result<std::string>(std::string("value")); };
  return config::parse(text, resolver);
}

TEST(InitConfig, what_is_proposed_is_a_configuration_without_a_fault) {
  const auto text = config_text({});
  ASSERT_TRUE(text.ok()) << text.error().detail;
  const config::Loaded read = loaded(*text);
  EXPECT_TRUE(read.diagnostics.empty()) << read.diagnostics[0].message;
  ASSERT_TRUE(read.config);
  EXPECT_EQ(read.config->sources[0].api_keys.size(), 1u);
  EXPECT_EQ(std::get<config::FileSink>(read.config->consumers[0].sink).path, "./archive/events.jsonl");
}

TEST(InitConfig, every_kind_of_source_and_consumer_is_read_back_as_it_was_meant) {
  for (const std::string source : {"eventbridge", "eventgrid", "genesys"}) {
    InitAnswers answers;
    answers.source = source;
    answers.consumers = {"crm=https://crm.example/hook?a=b", "local=http://127.0.0.1:9000/", "arch=./a \"b\"\\c.jsonl",
                         "wfm"};
    const auto text = config_text(answers);
    ASSERT_TRUE(text.ok()) << text.error().detail;
    const config::Loaded read = loaded(*text);
    ASSERT_TRUE(read.config) << read.diagnostics[0].message << "\n" << *text;
    EXPECT_TRUE(read.diagnostics.empty());
    EXPECT_EQ(read.config->sources[0].query_keys.size(), source == "eventgrid" ? 1u : 0u);
    ASSERT_EQ(read.config->consumers.size(), 4u);
    EXPECT_EQ(std::get<config::HttpSink>(read.config->consumers[0].sink).url, "https://crm.example/hook?a=b");
    EXPECT_FALSE(std::get<config::HttpSink>(read.config->consumers[0].sink).allow_loopback);
    EXPECT_TRUE(std::get<config::HttpSink>(read.config->consumers[1].sink).allow_loopback);
    EXPECT_EQ(std::get<config::FileSink>(read.config->consumers[2].sink).path, "./a \"b\"\\c.jsonl");
    EXPECT_TRUE(std::holds_alternative<config::Pulled>(read.config->consumers[3].sink));
  }
}

TEST(InitConfig, a_wide_address_gets_keys_or_is_refused) {
  InitAnswers answers;
  answers.listen = "0.0.0.0:8080";
  EXPECT_FALSE(config_text(answers).ok());
  answers.api_key = "${env:TRUNKLINE_API_KEY}";
  const auto text = config_text(answers);
  ASSERT_TRUE(text.ok());
  EXPECT_TRUE(loaded(*text).config);
  answers.key.clear();
  EXPECT_FALSE(config_text(answers).ok());
}

TEST(InitConfig, an_answer_that_cannot_be_used_is_named) {
  const auto error = [](auto change) {
    InitAnswers answers;
    change(answers);
    const auto text = config_text(answers);
    return text.ok() ? std::string("accepted") : text.error().detail;
  };
  EXPECT_THAT(error([](InitAnswers& a) { a.source = "kafka"; }), HasSubstr("'kafka'"));
  EXPECT_THAT(error([](InitAnswers& a) { a.consumers = {"a b=x"}; }), HasSubstr("'a b'"));
  EXPECT_THAT(error([](InitAnswers& a) { a.consumers = {"a", "a=x"}; }), HasSubstr("two consumers"));
  EXPECT_THAT(error([](InitAnswers& a) { a.consumers = {"a="}; }), HasSubstr("'a='"));
  EXPECT_THAT(error([](InitAnswers& a) { a.consumers = {}; }), HasSubstr("without a consumer"));
  EXPECT_THAT(error([](InitAnswers& a) { a.data_dir = "a\nb"; }), HasSubstr("control character"));
}

}  // namespace
}  // namespace trunkline::app
