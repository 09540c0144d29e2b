#include "filter/policy.hpp"

#include <gtest/gtest.h>

#include "filter/message.hpp"

namespace trunkline::filter {
namespace {

PolicyError refused(std::string_view text, Scope scope = Scope::message_attributes, const Limits& limits = {}) {
  std::variant<Policy, PolicyError> compiled = Policy::compile(text, scope, limits);
  EXPECT_TRUE(std::holds_alternative<PolicyError>(compiled)) << text;
  return std::get<PolicyError>(std::move(compiled));
}

bool accepted(std::string_view text, Scope scope, const Limits& limits) {
  return std::holds_alternative<Policy>(Policy::compile(text, scope, limits));
}

std::string with_values(std::size_t count) {
  std::string out = R"({"a":[0)";
  for (std::size_t i = 1; i < count; ++i) out += "," + std::to_string(i);
  return out + "]}";
}

TEST(Policy, error_messages_follow_the_call_that_answers) {
  const PolicyError error = refused(R"({"a":[]})");
  EXPECT_EQ(error.code, "InvalidParameter");
  EXPECT_EQ(error.message(Operation::subscribe),
            "Invalid parameter: Attributes Reason: FilterPolicy: Empty arrays are not allowed\n at [Source: "
            "(String)\"{\"a\":[]}\"; line: 1, column: 8]");
  EXPECT_EQ(error.message(Operation::set_subscription_attributes),
            "Invalid parameter: FilterPolicy: Empty arrays are not allowed\n at [Source: (String)\"{\"a\":[]}\"; line: "
            "1, column: 8]");
}

TEST(Policy, a_nested_one_in_attribute_scope_is_refused_without_the_word_FilterPolicy) {
  EXPECT_EQ(refused(R"({"a":{"b":["x"]}})").message(Operation::set_subscription_attributes),
            "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy");
}

TEST(Policy, a_text_over_256_KiB_is_refused) {
  const std::string just = R"({"a":[")" + std::string(256 * 1024 - 9, 'x') + R"("]})";
  ASSERT_EQ(just.size(), 256u * 1024 + 1);
  EXPECT_EQ(refused(just).text, "Filter policy can not be larger than 262144 bytes");
  EXPECT_TRUE(accepted(just, Scope::message_attributes, Limits::unlimited()));
}

TEST(Policy, without_limits_takes_what_AWS_would_refuse_and_counts_it) {
  const std::string wide = with_values(5000);
  EXPECT_EQ(refused(wide).text, "Filter policy is too complex");
  const auto compiled = Policy::compile(wide, Scope::message_attributes, Limits::unlimited());
  EXPECT_EQ(std::get<Policy>(compiled).complexity(), 5000u);
  EXPECT_TRUE(
      accepted(R"({"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]})", Scope::message_attributes, Limits::unlimited()));
}

TEST(Policy, complexity_multiplies_depth_and_siblings_and_adds_branches) {
  const auto complexity = [](std::string_view text) {
    return std::get<Policy>(Policy::compile(text, Scope::message_body, Limits::unlimited())).complexity();
  };
  EXPECT_EQ(complexity(R"({"a":[1,2],"b":[1,2,3]})"), 6u);
  EXPECT_EQ(complexity(R"({"a":{"b":[1,2]},"c":[1,2,3]})"), 12u);
  EXPECT_EQ(complexity(R"({"a":[1,2],"$or":[{"b":[1]},{"c":[1,2,3]}]})"), 8u);
  EXPECT_EQ(complexity(R"({"a":{"$or":[{"b":[1]},{"c":[1,2,3]}]}})"), 8u);
}

TEST(Policy, complexity_saturates) {
  std::string text = "{";
  for (int key = 0; key < 12; ++key) {
    text += "\"k" + std::to_string(key) + "\":[0";
    for (int value = 1; value < 100; ++value) text += "," + std::to_string(value);
    text += "],";
  }
  text.back() = '}';
  const auto compiled = Policy::compile(text, Scope::message_attributes, Limits::unlimited());
  EXPECT_EQ(std::get<Policy>(compiled).complexity(), UINT64_MAX);
}

TEST(Policy, that_would_expand_to_too_many_alternatives_is_refused_even_without_limits) {
  // Eleven two-branch $or, nested in objects of their own, around one path: 2^11 alternatives.
  std::string text = R"({"p":["x"])";
  for (int i = 0; i < 11; ++i) {
    const std::string key = "k" + std::to_string(i);
    text += ",\"" + key + "\":{\"$or\":[{\"a\":[1]},{\"b\":[1]}]}";
  }
  EXPECT_TRUE(accepted(text + "}", Scope::message_body, Limits::unlimited())) << "no path is repeated: nothing expands";
  EXPECT_EQ(refused(text + R"(,"k0.a":["y"]})", Scope::message_body, Limits::unlimited()).text,
            "Filter policy is too complex");
}

TEST(Policy, deeper_than_the_bound_is_refused_even_without_limits) {
  const auto nested = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += R"({"a":)";
    return text + "[1]" + std::string(depth, '}');
  };
  EXPECT_TRUE(accepted(nested(kDepthMax), Scope::message_body, Limits::unlimited()));
  EXPECT_EQ(refused(nested(kDepthMax + 1), Scope::message_body, Limits::unlimited()).text,
            "Filter policy is too complex");
  EXPECT_EQ(refused(nested(5000), Scope::message_body, Limits::unlimited()).text, "Filter policy is too complex");
}

TEST(Policy, bytes_that_are_no_UTF_8_are_a_fault_and_no_crash) {
  EXPECT_NE(refused("{\"a\":[\"\xff\"]}").text.find("failed to parse JSON. "), std::string::npos);
  EXPECT_NE(refused(std::string_view("{\"a\0\":[1]}", 10)).text.find("failed to parse JSON. "), std::string::npos);
  EXPECT_NE(refused("{\"a\":[01]}").text.find("failed to parse JSON. "), std::string::npos);
  EXPECT_NE(refused("{\"a\":[\"\\x\"]}").text.find("failed to parse JSON. "), std::string::npos);
  EXPECT_NE(refused("{} 1").text.find("failed to parse JSON. "), std::string::npos);
}

TEST(Policy, keeps_the_text_it_was_given) {
  const std::string_view text = "{ \"a\" : [ 1 ] }";
  const auto compiled = Policy::compile(text, Scope::message_attributes);
  EXPECT_EQ(std::get<Policy>(compiled).text(), text);
  EXPECT_EQ(std::get<Policy>(compiled).keys(), 1u);
  EXPECT_EQ(std::get<Policy>(compiled).clauses().front().source, "[1]");
}

}  // namespace
}  // namespace trunkline::filter
