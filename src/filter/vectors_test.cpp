#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "filter/policy_case.hpp"
#include "json/canonical.hpp"
#include "json/document.hpp"

namespace trunkline::filter {
namespace {

const std::filesystem::path kVectors = std::filesystem::path(TRUNKLINE_SOURCE_DIR) / "tests/vectors/filter";

std::string canonical_text(const std::string& text) {
  json::Document document;
  const auto parsed = document.parse(text);
  return parsed ? json::canonical(*parsed) : "not JSON: " + text;
}

TEST(PolicyVectors, every_case_of_the_table_is_answered_as_it_says) {
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kVectors)) {
    std::ifstream file(entry.path());
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
      const std::string place = entry.path().filename().string() + ":" + std::to_string(number);
      json::Document document;
      const auto parsed = document.parse(line);
      ASSERT_TRUE(parsed.ok()) << place;
      const auto expected = parsed->find("expect");
      ASSERT_TRUE(expected.has_value()) << place;
      EXPECT_EQ(canonical_text(answer_policy_case(line)), json::canonical(*expected))
          << place << " " << parsed->string_at("name");
      ++cases;
    }
  }
  EXPECT_GE(cases, 500u) << "the table has been lost";
}

}  // namespace
}  // namespace trunkline::filter
