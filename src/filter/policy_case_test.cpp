#include "filter/policy_case.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trunkline::filter {
namespace {

// The table of cases is in tests/vectors/filter; here are the lines that cannot say what they expect.
TEST(PolicyCase, a_line_that_is_no_JSON_object_is_an_error_and_no_crash) {
  for (const std::string_view line :
       {"", " ", "{", "[]", "1", "null", "\"x\"", "{\"policy\":{}} x", "\xff\xfe", "{\"policy\":", "{'policy':{}}"}) {
    EXPECT_EQ(answer_policy_case(line).find(R"({"error":{"code":"MalformedCase","message":")"), 0u) << line;
  }
}

TEST(PolicyCase, the_limits_are_the_callers) {
  const std::string six_keys = R"({"policy":{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}})";
  EXPECT_THAT(answer_policy_case(six_keys), testing::HasSubstr("more than 5 keys"));
  EXPECT_EQ(answer_policy_case(six_keys, Limits::unlimited()), R"({"valid":true})");
}

TEST(PolicyCase, answers_on_one_line) {
  const std::string answer = answer_policy_case(R"({"policy_text":"{\"a\":\n[]}"})");
  EXPECT_EQ(answer.find('\n'), std::string::npos);
  EXPECT_EQ(answer_policy_case(R"({"policy":{}})"), R"({"valid":true})");
  EXPECT_EQ(answer_policy_case(R"({"policy":{"a":["x"]},"scope":"MessageBody","body":"{\"a\":\"x\"}"})"),
            R"({"match":true})");
}

}  // namespace
}  // namespace trunkline::filter
