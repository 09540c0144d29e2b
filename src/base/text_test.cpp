#include "base/text.hpp"

#include <gtest/gtest.h>

namespace trunkline::base {
namespace {

std::int64_t millis_of(std::string_view text) {
  const auto time = parse_time(text);
  EXPECT_TRUE(time) << text;
  return time ? time->time_since_epoch().count() : -1;
}

TEST(Text, times_are_read_with_any_offset_and_fraction) {
  EXPECT_EQ(millis_of("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(millis_of("2026-03-02T14:00:00.064Z"), 1'772'460'000'064);
  EXPECT_EQ(millis_of("2026-03-02t14:00:00.064z"), 1'772'460'000'064);
  EXPECT_EQ(millis_of("2026-03-02 16:30:00.064+02:30"), 1'772'460'000'064);
  EXPECT_EQ(millis_of("2026-03-02T11:00:00.064-0300"), 1'772'460'000'064);
  EXPECT_EQ(millis_of("2026-03-02T14:00:00.0649999999Z"), 1'772'460'000'064) << "finer than a millisecond is cut";
  EXPECT_EQ(millis_of("2026-03-02T14:00:00.1Z"), 1'772'460'000'100);
  EXPECT_EQ(millis_of("2024-02-29T00:00:00Z"), 1'709'164'800'000);
  EXPECT_EQ(millis_of("1969-12-31T23:59:59.999Z"), -1);
}

TEST(Text, what_is_no_time_is_refused) {
  for (const char* wrong :
       {"", "2026-03-02", "2026-03-02T14:00:00", "2026-03-02T14:00Z", "2026-13-02T14:00:00Z", "2026-02-29T14:00:00Z",
        "2026-03-02T24:00:00Z", "2026-03-02T14:60:00Z", "2026-03-02T14:00:61Z", "2026-03-02T14:00:00.Z",
        "2026-03-02T14:00:00+24:00", "2026-03-02T14:00:00+02:60", "2026-03-02T14:00:00+2", "2026-03-02T14:00:00Zx",
        "26-03-02T14:00:00Z", "2026-3-02T14:00:00Z", "+026-03-02T14:00:00Z", " 2026-03-02T14:00:00Z"})
    EXPECT_FALSE(parse_time(wrong)) << wrong;
}

TEST(Text, a_time_that_is_written_is_read_as_the_same) {
  for (const std::int64_t millis : {0LL, -1LL, 1'772'460'000'064LL, 253'402'300'799'999LL}) {
    const WallTime time{Millis(millis)};
    EXPECT_EQ(parse_time(format_time(time)), time) << format_time(time);
  }
  EXPECT_EQ(format_time(WallTime(Millis(1'772'460'000'064))), "2026-03-02T14:00:00.064Z");
}

TEST(Text, durations_are_numbers_with_a_unit) {
  const std::vector<std::pair<const char*, std::int64_t>> pairs{
      {"0", 0}, {"250ms", 250}, {"30s", 30'000}, {"5m", 300'000}, {"12h", 43'200'000}, {"3d", 259'200'000}};
  for (const auto& [text, millis] : pairs) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration.ok()) << text;
    EXPECT_EQ(duration->count(), millis);
  }
  for (const char* wrong :
       {"", "5", "s", "-5s", "5 s", "5S", "1.5s", "5sm", "106751991168d", "99999999999999999999s"}) {
    const auto duration = parse_duration(wrong);
    EXPECT_FALSE(duration.ok()) << wrong;
  }
}

TEST(Text, a_duration_is_written_in_its_largest_whole_unit) {
  EXPECT_EQ(format_duration(Millis(0)), "0s");
  EXPECT_EQ(format_duration(Millis(-5)), "0s");
  EXPECT_EQ(format_duration(Millis(1'500)), "1500ms");
  EXPECT_EQ(format_duration(Millis(90'000)), "90s");
  EXPECT_EQ(format_duration(Millis(172'800'000)), "2d");
}

TEST(Text, sizes_are_numbers_with_a_unit_of_1000_or_1024) {
  const std::vector<std::pair<const char*, std::uint64_t>> pairs{{"0", 0},
                                                                 {"512", 512},
                                                                 {"7B", 7},
                                                                 {"64KiB", 65'536},
                                                                 {"20MB", 20'000'000},
                                                                 {"5GiB", 5'368'709'120},
                                                                 {"2TB", 2'000'000'000'000}};
  for (const auto& [text, bytes] : pairs) {
    const auto size = parse_size(text);
    ASSERT_TRUE(size.ok()) << text;
    EXPECT_EQ(*size, bytes);
  }
  for (const char* wrong : {"", "KB", "5kb", "5 MB", "-1", "1.5GiB", "9999999999999TiB"})
    EXPECT_FALSE(parse_size(wrong).ok()) << wrong;
}

TEST(Text, the_nearest_word_is_a_slip_of_the_pen_away_or_none) {
  const std::vector<std::string> words{"concurrency", "filter", "sink"};
  EXPECT_EQ(nearest("concurency", words), "concurrency");
  EXPECT_EQ(nearest("filtre", words), "filter");
  EXPECT_EQ(nearest("snik", words), "sink");
  EXPECT_EQ(nearest("elephant", words), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
  EXPECT_EQ(nearest("", words), std::nullopt);
  EXPECT_EQ(nearest("sin", words), "sink");
  EXPECT_EQ(nearest("sinkss", words), "sink");
  EXPECT_EQ(nearest("sinksss", words), std::nullopt);
  EXPECT_EQ(nearest(std::string(1 << 20, 's'), words), std::nullopt) << "in no time";
}

// RFC 3629 section 3 and 10.
TEST(Text, utf_8_is_checked_as_the_rfc_says) {
  for (const char* right : {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                            "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "Björn €"})
    EXPECT_TRUE(is_valid_utf8(right)) << right;
  for (const char* wrong :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2x", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "a\xE2\x82x"})
    EXPECT_FALSE(is_valid_utf8(wrong));
  for (std::size_t length = 0; length < 40; ++length) {
    for (std::size_t place = 0; place <= length; ++place) {
      const std::string text(length, 'x');
      EXPECT_TRUE(is_valid_utf8(std::string(text).insert(place, "\xC3\xA9")));
      EXPECT_FALSE(is_valid_utf8(std::string(text).insert(place, "\xA9")));
    }
  }
}

TEST(Text, hexadecimal_digits_have_values_and_nothing_else_has) {
  int digits = 0;
  for (int c = -128; c < 128; ++c) digits += hex_value(static_cast<char>(c)) >= 0 ? 1 : 0;
  EXPECT_EQ(digits, 22);
  EXPECT_EQ(hex_value('0'), 0);
  EXPECT_EQ(hex_value('9'), 9);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
}

TEST(PercentEncode, leaves_unreserved_characters_and_what_is_kept) {
  EXPECT_EQ(percent_encode("aZ09-._~ /&=+%\xC3\xA4"), "aZ09-._~%20%2F%26%3D%2B%25%C3%A4");
  EXPECT_EQ(percent_encode("/a b/c", "/"), "/a%20b/c");
}

}  // namespace
}  // namespace trunkline::base
