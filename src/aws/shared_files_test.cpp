#include "aws/shared_files.hpp"

#include <gtest/gtest.h>

#include "aws/fake_transport_test.hpp"

namespace trunkline::aws {
namespace {

std::string value(const Ini& ini, std::string_view kind, std::string_view name, std::string_view key) {
  const IniSection* section = ini.find(kind, name);
  return section == nullptr ? "no section" : std::string(section->find(key).value_or("no value"));
}

TEST(AwsIni, reads_sections_comments_and_values_as_the_sdks_do) {
  const auto ini = parse_ini(
      "# of the team\n[default]\nRegion = eu-west-1 ; the near one\n[profile  \"two words\"] # mine\r\n"
      "aws_secret_access_key=a#b;c=\nurl = http://x/#y\n\n[sso-session corp]\nsso_region = eu-central-1\n");
  ASSERT_TRUE(ini.ok()) << ini.error().detail;
  EXPECT_EQ(value(*ini, "", "default", "region"), "eu-west-1");
  EXPECT_EQ(value(*ini, "profile", "two words", "aws_secret_access_key"), "a#b;c=");
  EXPECT_EQ(value(*ini, "profile", "two words", "url"), "http://x/#y");
  EXPECT_EQ(value(*ini, "sso-session", "corp", "sso_region"), "eu-central-1");
}

TEST(AwsIni, indented_lines_are_nested_below_an_empty_value_and_go_on_with_another) {
  const auto ini = parse_ini("[services local]\nsqs =\n  endpoint_url = http://a\n  x = y\nlist = 1\n  2\nlast = 3\n");
  ASSERT_TRUE(ini.ok());
  EXPECT_EQ(value(*ini, "services", "local", "sqs.endpoint_url"), "http://a");
  EXPECT_EQ(value(*ini, "services", "local", "sqs.x"), "y");
  EXPECT_EQ(value(*ini, "services", "local", "list"), "1\n2");
  EXPECT_EQ(value(*ini, "services", "local", "last"), "3");
}

TEST(AwsIni, a_section_and_a_name_that_come_again_add_and_replace) {
  const auto ini = parse_ini("[a]\nx = 1\ny = 2\n[b]\nx = 9\n[a]\nx = 3\n");
  ASSERT_TRUE(ini.ok());
  EXPECT_EQ(ini->sections.size(), 2u);
  EXPECT_EQ(value(*ini, "", "a", "x"), "3");
  EXPECT_EQ(value(*ini, "", "a", "y"), "2");
}

TEST(AwsIni, an_error_names_the_line_and_not_what_stands_there) {
  for (const char* text :
       {"x = SECRET\n", "[a]\nSECRET\n", "[a]\n= SECRET\n", "[SECRET\nx = 1", "[ ]\n", "[a]\nx =\n  SECRET\n"}) {
    const auto ini = parse_ini(text);
    ASSERT_FALSE(ini.ok()) << text;
    EXPECT_EQ(ini.error().code, base::Errc::invalid);
    EXPECT_TRUE(ini.error().detail.starts_with("line ")) << ini.error().detail;
    EXPECT_EQ(ini.error().detail.find("SECRET"), std::string::npos);
  }
  EXPECT_EQ(parse_ini(std::string((1 << 20) + 1, '\n')).error().code, base::Errc::too_large);
}

using AwsSharedFiles = testing::HomeTest;

TEST_F(AwsSharedFiles, are_empty_where_there_are_none) {
  const auto files = SharedFiles::load(environment());
  ASSERT_TRUE(files.ok()) << files.error().detail;
  EXPECT_FALSE(files->profile("default"));
  EXPECT_FALSE(files->profile_was_named());
  EXPECT_EQ(region_of(environment(), *files), "");
  EXPECT_EQ(endpoint_of("sqs", environment(), *files), "");
}

TEST_F(AwsSharedFiles, make_one_profile_in_which_the_credentials_file_wins) {
  write(".aws/config", "[profile prod]\nregion = eu-west-1\naws_access_key_id = old\n");
  write(".aws/credentials", "[prod]\naws_access_key_id = new\n");
  variables_["AWS_PROFILE"] = "prod";
  const auto files = SharedFiles::load(environment());
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->profile_name(), "prod");
  const auto profile = files->profile("prod");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->at("aws_access_key_id"), "new");
  EXPECT_EQ(region_of(environment(), *files), "eu-west-1");
  variables_["AWS_DEFAULT_REGION"] = "us-west-2";
  EXPECT_EQ(region_of(environment(), *files), "us-west-2");
  variables_["AWS_REGION"] = "sa-east-1";
  EXPECT_EQ(region_of(environment(), *files), "sa-east-1");
}

TEST_F(AwsSharedFiles, may_lie_elsewhere) {
  write("c", "[default]\nregion = eu-north-1\n");
  variables_["AWS_CONFIG_FILE"] = "~/c";
  auto files = SharedFiles::load(environment());
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(region_of(environment(), *files), "eu-north-1");
  write("c", "nonsense\n");
  files = SharedFiles::load(environment());
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().detail, path("c") + ": line 1: a setting before the first [section]");
}

TEST_F(AwsSharedFiles, say_where_a_service_is_the_nearest_word_first) {
  write(".aws/config",
        "[default]\nendpoint_url = http://profile\nservices = local\n[services local]\nsqs =\n  endpoint_url = "
        "http://services\n");
  const auto files = SharedFiles::load(environment());
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(endpoint_of("sqs", environment(), *files), "http://services");
  EXPECT_EQ(endpoint_of("sts", environment(), *files), "http://profile");
  variables_["AWS_ENDPOINT_URL"] = "http://all";
  EXPECT_EQ(endpoint_of("sqs", environment(), *files), "http://all");
  variables_["AWS_ENDPOINT_URL_SQS"] = "http://sqs";
  EXPECT_EQ(endpoint_of("sqs", environment(), *files), "http://sqs");
  variables_["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(endpoint_of("sqs", environment(), *files), "");
}

TEST(AwsEndpoint, is_of_the_region_and_of_another_domain_in_china) {
  EXPECT_EQ(public_endpoint("sqs", "eu-west-1"), "https://sqs.eu-west-1.amazonaws.com");
  EXPECT_EQ(public_endpoint("sqs", "cn-north-1"), "https://sqs.cn-north-1.amazonaws.com.cn");
}

}  // namespace
}  // namespace trunkline::aws
