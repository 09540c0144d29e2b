#include "json/writer.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "json/document.hpp"

namespace trunkline::json {
namespace {

TEST(Writer, places_commas_and_quotes) {
  std::string out = "x: ";
  Writer writer(out);
  writer.begin_object().member("a", "1").member("b", true).member("c", std::int64_t{-7});
  writer.member("d", std::numeric_limits<std::uint64_t>::max());
  writer.key("e").begin_array().integer(1).null().begin_object().end_object().begin_array().end_array().end_array();
  writer.key("f").raw("{\"raw\":1}").key("g").number(0.1).key("h").boolean(false).end_object();
  EXPECT_EQ(
      out,
      R"(x: {"a":"1","b":true,"c":-7,"d":18446744073709551615,"e":[1,null,{},[]],"f":{"raw":1},"g":0.1,"h":false})");
}

TEST(Writer, writes_numbers_that_read_back_equal_and_null_for_what_is_no_number) {
  for (const double value : {0.0, 1.0, -2.5, 1e300, 5e-324, 1.0 / 3}) {
    std::string out;
    Writer(out).number(value);
    Document document;
    EXPECT_EQ(document.parse(out)->number(), value) << out;
  }
  std::string out;
  Writer(out).number(std::numeric_limits<double>::infinity());
  EXPECT_EQ(out, "null");
}

TEST(Writer, escapes_strings_one_way) {
  std::string out;
  append_string(out, std::string_view("\"\\/\b\f\n\r\t\x01\x1f\0\x7f\xC3\xA9", 14));
  EXPECT_EQ(out, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7f\xC3\xA9\"");
}

TEST(Writer, replaces_bytes_that_are_not_utf8) {
  std::string out;
  append_string(out, "a\x80\xC3(\xE2\x82");
  EXPECT_EQ(out, "\"a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\"");
  Document document;
  EXPECT_TRUE(document.parse(out));
}

// Text is looked at by eights: what is special may stand anywhere in them.
TEST(Writer, escapes_one_character_at_any_place_of_a_text_of_any_length) {
  const std::pair<std::string, std::string> cases[] = {
      {"\"", "\\\""},           {"\\", "\\\\"},           {"\n", "\\n"}, {"\x1f", "\\u001f"},  {"\x7f", "\x7f"},
      {"\xC3\xA9", "\xC3\xA9"}, {"\x80", "\xEF\xBF\xBD"}, {"\x20", " "}, {"\"\\", "\\\"\\\\"}, {"!", "!"}};
  for (const auto& [special, escaped] : cases) {
    for (std::size_t length = 0; length < 40; ++length) {
      for (std::size_t place = 0; place <= length; ++place) {
        std::string text(length, 'x');
        std::string wanted = text;
        text.insert(place, special);
        wanted.insert(place, escaped);
        std::string out;
        append_string(out, text);
        ASSERT_EQ(out, "\"" + wanted + "\"");
      }
    }
  }
}

using WriterDeathTest = testing::Test;

TEST(WriterDeathTest, fails_a_check_on_wrong_nesting) {
  std::string out;
  EXPECT_DEATH(Writer(out).begin_object().integer(1), "needs a key");
  EXPECT_DEATH(Writer(out).begin_array().key("a"), "a key outside of an object");
  EXPECT_DEATH(Writer(out).begin_object().key("a").key("b"), "behind another key");
  EXPECT_DEATH(Writer(out).begin_object().end_array(), "not open");
  EXPECT_DEATH(Writer(out).begin_object().key("a").end_object(), "not open");
  EXPECT_DEATH(Writer(out).end_object(), "not open");
  EXPECT_DEATH(Writer(out).integer(1).integer(2), "a second JSON value");
}

}  // namespace
}  // namespace trunkline::json
