#include "filter/decimal.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace trunkline::filter {
namespace {

TEST(Decimal, orders_exactly) {
  // Ascending; each row's spellings are equal.
  const std::vector<std::vector<std::string_view>> rows = {
      {"-1e400", "-10e399"},
      {"-9007199254740993"},
      {"-9007199254740992"},
      {"-1.5", "-15e-1", "-1.50", "-0001.5"},
      {"-1e-400"},
      {"0", "-0", "0.0", "0e9", "+0", ".0", "0."},
      {"1e-400", "0.1e-399"},
      {"0.1", "1e-1", ".1", "0.10"},
      {"0.1000000000000000000000000000000000000000000000001"},
      {"1", "1.0", "10e-1", "1e0", "+1", "01"},
      {"1.0000000000000000000000000000000001"},
      {"9007199254740992"},
      {"9007199254740993", "9007199254740993.000", "9.007199254740993e15"},
      {"1234567890123456789"},
      {"12345678901234567890"},
      {"12345678901234567890.5"},
      {"12345678901234567891"},
      {"1e400"},
      {"1e999999999999999999999"},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < rows.size(); ++j) {
      for (const std::string_view a : rows[i]) {
        for (const std::string_view b : rows[j]) {
          const auto left = Decimal::parse(a);
          const auto right = Decimal::parse(b);
          ASSERT_TRUE(left && right) << a << " " << b;
          EXPECT_EQ(*left < *right, i < j) << a << " < " << b;
          EXPECT_EQ(*left == *right, i == j) << a << " = " << b;
        }
      }
    }
  }
}

TEST(Decimal, refuses_what_is_no_number) {
  for (const std::string_view text : {"", "-", "+", ".", "e5", "1e", "1e+", "1e1.5", "1.2.3", "--1", "1 ", " 1", "0x1",
                                      "1_0", "NaN", "Infinity", "1,5", "١"}) {
    EXPECT_FALSE(Decimal::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace trunkline::filter
