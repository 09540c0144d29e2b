#include "config/yaml_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/policy.hpp"

namespace trunkline::config {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

std::vector<std::string> refusals(std::string_view text, const YamlLimits& limits = {}) {
  Diagnostics diagnostics;
  const std::optional<YamlNode> root = parse_yaml(text, limits, diagnostics);
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : diagnostics.take()) lines.push_back(format(diagnostic, "t"));
  return lines;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(YamlTree, keeps_places_quotes_and_order) {
  Diagnostics diagnostics;
  const std::optional<YamlNode> root = parse_yaml("b: 1\na:\n  - '1'\n  - |\n    text\n  -\n", {}, diagnostics);
  ASSERT_TRUE(root.has_value());
  ASSERT_EQ(root->members.size(), 2u);
  EXPECT_EQ(root->members[0].name, "b");
  EXPECT_EQ(root->members[0].value.place, (Place{1, 4}));
  EXPECT_FALSE(root->members[0].value.quoted);
  const YamlNode& list = root->members[1].value;
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_EQ(list.items[0].place, (Place{3, 5}));
  EXPECT_TRUE(list.items[0].quoted);
  EXPECT_TRUE(list.items[1].quoted);
  EXPECT_EQ(list.items[1].text, "text\n");
  EXPECT_EQ(list.items[2].kind, YamlNode::Kind::null);
}

TEST(YamlTree, refuses_what_a_configuration_does_not_need) {
  EXPECT_THAT(refusals("a: &x 1\nb: *x\n"),
              ElementsAre("t:1:4: error: anchors are not taken in a configuration",
                          "t:2:4: error: aliases are not taken in a configuration: write the value out"));
  EXPECT_THAT(refusals("a: !!str 1\n"), ElementsAre("t:1:4: error: tags are not taken in a configuration"));
  EXPECT_THAT(refusals("? [a]\n: 1\n"), ElementsAre("t:1:3: error: a key is a text, not a list"));
  EXPECT_THAT(refusals("a: 1\n---\nb: 2\n"),
              ElementsAre("t:3:1: error: a second document begins here; a configuration is one document"));
  EXPECT_THAT(refusals("- a\n"), ElementsAre("t:1:1: error: a configuration is a map, not a list"));
  EXPECT_THAT(refusals("a\n"), ElementsAre("t:1:1: error: a configuration is a map, not a single value"));
}

TEST(YamlTree, says_where_a_text_is_not_yaml) {
  EXPECT_THAT(refusals("a: [1\nb: 2\n"), ElementsAre(StartsWith("t:2:")));
  EXPECT_THAT(refusals("a: \"x\n"), ElementsAre(StartsWith("t:3:2: error: not YAML: ")));
  EXPECT_THAT(refusals("a: 'x\n\n"), ElementsAre(StartsWith("t:4:2: error: not YAML: ")));
  EXPECT_THAT(refusals("a: 1\nnot-a-key\n"), ElementsAre("t:2:1: error: not YAML: end of map not found"));
  EXPECT_THAT(refusals("a: b: c\n"), ElementsAre("t:1:5: error: not YAML: illegal map value"));
}

TEST(YamlTree, refuses_other_encodings_and_too_much_text) {
  EXPECT_THAT(refusals(std::string_view("a\0b", 3)), ElementsAre("t: error: the file is not UTF-8 text"));
  EXPECT_THAT(refusals("a: \xC3\x28\n"), ElementsAre("t: error: the file is not UTF-8 text"));
  EXPECT_THAT(refusals("\xFF\xFE"), ElementsAre("t: error: the file is not UTF-8 text"));
  EXPECT_THAT(refusals("abcdef", {.bytes_max = 5}), ElementsAre("t: error: the file is larger than 5 bytes"));
  EXPECT_THAT(refusals("\xEF\xBB\xBF"
                       "a: 1\n"),
              ElementsAre());
}

TEST(YamlTree, takes_the_deepest_nesting_that_is_allowed_and_none_deeper) {
  EXPECT_THAT(refusals("a: " + repeat("[", 31) + repeat("]", 31)), ElementsAre());
  EXPECT_THAT(refusals("a: " + repeat("[", 32) + repeat("]", 32)), ElementsAre("t:1:35: error: nested too deep"));
}

TEST(YamlTree, refuses_bombs_of_every_kind_of_nesting) {
  for (const std::string_view piece : {"[", "{", "- ", "? ", "a: ", "{a: ", "[{", "- - ", "? - ", "!", "&a ", "*a ",
                                       "\"x ", "'x ", "|\n", "a: b\n", "[a, "}) {
    const std::string bomb = repeat(piece, 100'000 / piece.size());
    EXPECT_FALSE(refusals("a:\n  " + bomb).empty()) << piece;
    EXPECT_FALSE(refusals(bomb).empty()) << piece;
  }
}

TEST(YamlTree, refuses_an_alias_bomb_without_growing_it) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 20; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) bomb += (j == 0 ? "*a" : ",*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(refusals(bomb).size(), 20u + 19u * 9u);
}

std::string json_of(std::string_view yaml) {
  Diagnostics diagnostics;
  const std::optional<YamlNode> root = parse_yaml(yaml, {}, diagnostics);
  if (!root) return "not YAML";
  return to_json(*root, diagnostics).value_or("refused");
}

TEST(Policy, keeps_the_types_of_scalars) {
  EXPECT_EQ(json_of("a: ['1', 1, true, 'true', null, ~, 'null', x y, -0.50e+3, 1.0, 100000000000000000000]"),
            R"({"a":["1",1,true,"true",null,null,"null","x y",-0.50e+3,1.0,100000000000000000000]})");
  EXPECT_EQ(json_of("a: [True, FALSE, yes, No, 1_000, 12:30, 1.2.3, -, ., e5, 2026-01-01]"),
            R"({"a":[true,false,"yes","No","1_000","12:30","1.2.3","-",".","e5","2026-01-01"]})");
}

TEST(Policy, escapes_text_and_keeps_structure) {
  EXPECT_EQ(json_of("a: {\"q\\\"\\\\\\n\\x01\": [{b: []}, {}]}\n$or: [\xC3\xA4]"),
            "{\"a\":{\"q\\\"\\\\\\u000a\\u0001\":[{\"b\":[]},{}]},\"$or\":[\"\xC3\xA4\"]}");
}

TEST(Policy, refuses_numbers_that_json_cannot_write) {
  for (const char* number : {"0x1F", "0o17", "007", "+1", ".5", "5.", "-.5", "1.e3", ".inf", "-.INF", ".nan", "01.5"}) {
    EXPECT_EQ(json_of(std::string("a: ") + number), "refused") << number;
  }
}

}  // namespace
}  // namespace trunkline::config
