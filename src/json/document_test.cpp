#include "json/document.hpp"

#include <gtest/gtest.h>

#include <random>

namespace trunkline::json {
namespace {

using base::Errc;

std::string error_of(std::string_view text, std::size_t depth_max = Document::kDepthMax) {
  Document document;
  const auto parsed = document.parse(text, depth_max);
  return parsed.ok() ? "accepted" : parsed.error().detail;
}

TEST(Document, keeps_the_raw_bytes_of_every_kind_of_value) {
  const std::string text = R"( { "a" : [ 1.50 , -0, 1E+2 ] , "b":{ } , "c" :"x\ty", "d":true,"e":null } )";
  Document document;
  const auto root = document.parse(text);
  ASSERT_TRUE(root) << root.error().detail;
  EXPECT_EQ(root->raw(), text.substr(1, text.size() - 2));
  EXPECT_EQ(root->offset(), 1u);
  EXPECT_EQ(root->size(), 5u);
  EXPECT_EQ(root->find("a")->raw(), "[ 1.50 , -0, 1E+2 ]");
  EXPECT_EQ(root->find("a")->first()->raw(), "1.50");
  EXPECT_EQ(root->find("b")->raw(), "{ }");
  EXPECT_EQ(root->find("c")->raw(), R"("x\ty")");
  EXPECT_EQ(root->find("c")->string(), "x\ty");
  EXPECT_TRUE(root->find("d")->boolean());
  EXPECT_TRUE(root->find("e")->is(Type::null));
  EXPECT_FALSE(root->find("f"));
}

TEST(Document, walks_members_and_elements_in_input_order) {
  Document document;
  const auto root = document.parse(R"({"b":1,"a":{"x":[[],{}],"y":2},"\u0063":3})");
  ASSERT_TRUE(root);
  std::string seen;
  for (auto child = root->first(); child; child = child->next()) seen += std::string(child->name()) + ";";
  EXPECT_EQ(seen, "b;a;c;");
  EXPECT_EQ(root->find("c")->integer(), 3);
  const Value nested = *root->find("a")->find("x");
  EXPECT_EQ(nested.size(), 2u);
  EXPECT_EQ(nested.first()->type(), Type::array);
  EXPECT_EQ(nested.first()->next()->type(), Type::object);
  EXPECT_FALSE(nested.first()->first());
  EXPECT_EQ(nested.first()->name(), "");
}

TEST(Document, finds_the_first_of_two_members_of_one_name) {
  Document document;
  const auto root = document.parse(R"({"a":1,"a":2})");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("a")->integer(), 1);
  EXPECT_EQ(root->size(), 2u);
}

TEST(Document, takes_any_value_at_the_top) {
  Document document;
  EXPECT_EQ(document.parse("17")->integer(), 17);
  EXPECT_EQ(document.parse(" \"x\" ")->string(), "x");
  EXPECT_FALSE(document.parse("false")->boolean());
  EXPECT_EQ(document.parse("[]")->size(), 0u);
}

TEST(Document, decodes_escapes_and_surrogate_pairs) {
  Document document;
  const auto root = document.parse(R"(["\"\\\/\b\f\n\r\t","\u00e9\u20AC\uD83D\uDE00","a\u0000b","plain"])");
  ASSERT_TRUE(root);
  const Value first = *root->first();
  EXPECT_EQ(first.string(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(first.next()->string(), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(first.next()->next()->string(), std::string_view("a\0b", 3));
  EXPECT_EQ(first.next()->next()->next()->string(), "plain");
}

TEST(Document, reads_numbers_as_integers_only_when_they_are) {
  Document document;
  const auto root = document.parse("[9223372036854775807,9223372036854775808,1.0,1e2,-5,1e999,\"3\"]");
  ASSERT_TRUE(root) << root.error().detail;
  Value value = *root->first();
  EXPECT_EQ(value.integer(), 9223372036854775807);
  value = *value.next();
  EXPECT_FALSE(value.integer());
  EXPECT_DOUBLE_EQ(*value.number(), 9223372036854775808.0);
  value = *value.next();
  EXPECT_FALSE(value.integer());
  EXPECT_EQ(value.number(), 1.0);
  value = *value.next();
  EXPECT_EQ(value.number(), 100.0);
  value = *value.next();
  EXPECT_EQ(value.integer(), -5);
  value = *value.next();
  EXPECT_FALSE(value.number());
  EXPECT_EQ(value.raw(), "1e999");
  value = *value.next();
  EXPECT_FALSE(value.integer());
  EXPECT_FALSE(value.number());
}

TEST(Document, answers_nothing_for_the_wrong_type) {
  Document document;
  const auto root = document.parse("[1]");
  ASSERT_TRUE(root);
  EXPECT_FALSE(root->find("a"));
  EXPECT_EQ(root->string(), "");
  EXPECT_EQ(root->string_at("a"), "");
  EXPECT_FALSE(root->boolean());
  EXPECT_FALSE(root->first()->first());
  EXPECT_EQ(root->first()->size(), 0u);
}

struct Wrong {
  std::string_view text;
  std::string_view error;
};

class WrongText : public testing::TestWithParam<Wrong> {};

TEST_P(WrongText, is_refused_with_its_offset) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Document, WrongText,
    testing::Values(
        Wrong{"", "not JSON at byte 0: no value, the text is empty"},
        Wrong{"  \n", "not JSON at byte 0: no value, the text is empty"},
        Wrong{"nope", "not JSON at byte 0: a value expected"}, Wrong{"[1,]", "not JSON at byte 3: a value expected"},
        Wrong{"[,1]", "not JSON at byte 1: a value expected"},
        Wrong{"[1 2]", "not JSON at byte 3: a comma or the end of the array expected"},
        Wrong{"[1}", "not JSON at byte 2: a comma or the end of the array expected"},
        Wrong{"[}", "not JSON at byte 1: a comma or the end of the array expected"},
        Wrong{"{\"a\":1,}", "not JSON at byte 7: a member name expected"},
        Wrong{"{\"a\" 1}", "not JSON at byte 5: a colon expected"},
        Wrong{"{\"a\":}", "not JSON at byte 5: a value expected"},
        Wrong{"{\"a\":1", "not JSON at byte 6: a comma or the end of the object expected"},
        Wrong{"{1:2}", "not JSON at byte 1: a member name expected"},
        Wrong{"{\"a\\x\":1}", "not JSON at byte 3: a wrong escape or a lone surrogate in a string"},
        Wrong{"[", "not JSON at byte 1: a value expected, the text ends"},
        Wrong{"{} x", "not JSON at byte 3: the text goes on behind the value"},
        Wrong{"1 2", "not JSON at byte 2: the text goes on behind the value"},
        Wrong{"[\"a\"1]", "not JSON at byte 4: a comma or the end of the array expected"},
        Wrong{"[\"a\"b]", "not JSON at byte 4: a comma or the end of the array expected"},
        Wrong{"[\"a\"\"b\"]", "not JSON at byte 4: a comma or the end of the array expected"},
        Wrong{"[1\"b\"]", "not JSON at byte 2: an unexpected character"},
        Wrong{"[true\"b\"]", "not JSON at byte 5: an unexpected character"},
        Wrong{"truex", "not JSON at byte 4: an unexpected character"},
        Wrong{"[tru]", "not JSON at byte 1: a value expected"}, Wrong{"[fals]", "not JSON at byte 1: a value expected"},
        Wrong{"[nul]", "not JSON at byte 1: a value expected"}, Wrong{"[01]", "not JSON at byte 1: a value expected"},
        Wrong{"[-]", "not JSON at byte 1: a value expected"}, Wrong{"[1.]", "not JSON at byte 1: a value expected"},
        Wrong{"[.5]", "not JSON at byte 1: a value expected"}, Wrong{"[1e]", "not JSON at byte 1: a value expected"},
        Wrong{"[1e+]", "not JSON at byte 1: a value expected"}, Wrong{"[+1]", "not JSON at byte 1: a value expected"},
        Wrong{"[1x]", "not JSON at byte 2: an unexpected character"},
        Wrong{"[NaN]", "not JSON at byte 1: a value expected"},
        Wrong{"\xEF\xBB\xBF{}", "not JSON at byte 0: a value expected"},
        Wrong{"[\"a\n\"]", "not JSON at byte 3: a control character in a string"},
        Wrong{"[\"\\\"a\t\"]", "not JSON at byte 5: a control character in a string"},
        Wrong{"[\"ab]", "not JSON at byte 1: a string without an end"},
        Wrong{"[\"\\q\"]", "not JSON at byte 2: a wrong escape or a lone surrogate in a string"},
        Wrong{"[\"\\u12G4\"]", "not JSON at byte 2: a wrong escape or a lone surrogate in a string"},
        Wrong{"[\"\\u12\"]", "not JSON at byte 2: a wrong escape or a lone surrogate in a string"},
        Wrong{"[\"x\\uD83D\"]", "not JSON at byte 3: a wrong escape or a lone surrogate in a string"},
        Wrong{"[\"\\uD83Dabcdef\"]", "not JSON at byte 2: a wrong escape or a lone surrogate in a string"},
        Wrong{"[\"\\uD83D\\u0041\"]", "not JSON at byte 2: a wrong escape or a lone surrogate in a string"},
        Wrong{"[\"\\uDE00\"]", "not JSON at byte 2: a wrong escape or a lone surrogate in a string"},
        Wrong{"[\"a\x80\"]", "not JSON at byte 3: not UTF-8"}, Wrong{"[\"\xC0\xAF\"]", "not JSON at byte 2: not UTF-8"},
        Wrong{"[\"\xED\xA0\x80\"]", "not JSON at byte 2: not UTF-8"},
        Wrong{"[\"\xE0\x9F\x80\"]", "not JSON at byte 2: not UTF-8"},
        Wrong{"[\"\xF4\x90\x80\x80\"]", "not JSON at byte 2: not UTF-8"},
        Wrong{"[\"\xF0\x8F\x80\x80\"]", "not JSON at byte 2: not UTF-8"},
        Wrong{"[\"\xC3\xA9\xE2\x82\"]", "not JSON at byte 4: not UTF-8"},
        Wrong{"[1,\xE2\x82", "not JSON at byte 3: not UTF-8"}));

TEST(Document, counts_depth_by_open_containers) {
  EXPECT_EQ(error_of("[[1]]", 2), "accepted");
  Document document;
  const auto parsed = document.parse("[[{}]]", 2);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::too_large);
  EXPECT_EQ(parsed.error().detail, "nested deeper than 2 at byte 2");
  EXPECT_EQ(error_of(std::string(1000, '[') + std::string(1000, ']')), "accepted");
  EXPECT_EQ(error_of(std::string(1001, '[') + std::string(1001, ']')), "nested deeper than 1000 at byte 1000");
  EXPECT_EQ(error_of(std::string(1'000'000, '[')), "nested deeper than 1000 at byte 1000");
}

TEST(Document, is_usable_again_after_an_error_and_after_a_large_text) {
  Document document;
  EXPECT_FALSE(document.parse("[1,"));
  std::string large = "[0";
  while (large.size() < 3'000'000) large += ",\"a\\n\"";
  large += "]";
  const auto parsed = document.parse(large);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->size(), (large.size() - 3) / 6 + 1);
  EXPECT_EQ(document.parse("[\"\\n\"]")->first()->string(), "\n");
}

TEST(Document, values_survive_a_move_of_the_document) {
  Document document;
  const auto root = document.parse(R"({"a":"\u0041"})");
  Document moved = std::move(document);
  EXPECT_EQ(root->string_at("a"), "A");
  Document assigned;
  assigned = std::move(moved);
  EXPECT_EQ(root->string_at("a"), "A");
  EXPECT_EQ(document.parse("[1]")->size(), 1u);  // the moved-from one is as new
}

// Any bytes are either refused or give a tree whose raw spans nest inside one another and parse alone.
void expect_spans_parse_alone(Value value) {
  Document alone;
  ASSERT_TRUE(alone.parse(value.raw())) << value.raw();
  for (auto child = value.first(); child; child = child->next()) {
    ASSERT_GE(child->offset(), value.offset());
    ASSERT_LE(child->offset() + child->raw().size(), value.offset() + value.raw().size());
    expect_spans_parse_alone(*child);
  }
}

TEST(Document, mutated_texts_are_refused_or_consistent) {
  const std::string seed_text = R"({"a":[1,2.5e-3,"x\u00e9\n",{"b":true,"c":null}],"d":"\uD83D\uDE00","e":{}})";
  std::mt19937 random(20261124);
  const std::string alphabet = "{}[]:,\"\\ue01-+.Ett \n\x80\xC3";
  Document document;
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seed_text;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = alphabet[random() % alphabet.size()];
          break;
        case 1:
          text.erase(at, 1);
          break;
        default:
          text.insert(at, 1, alphabet[random() % alphabet.size()]);
      }
    }
    const auto parsed = document.parse(text);
    if (!parsed) continue;
    ++accepted;
    expect_spans_parse_alone(*parsed);
  }
  EXPECT_GT(accepted, 500);
}

}  // namespace
}  // namespace trunkline::json
