#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trunkline::filter {

// A number kept exactly as its decimal text says, so that 0.1 + nothing is 0.1 and 9007199254740993 is not ...992
// (double says it is). 100, 100.0 and 1e2 are equal. Exponents saturate at 10^15: numbers beyond compare by their
// digits only. Up to 34 significant digits cost no allocation.
class Decimal {
 public:
  // Digits with an optional sign, fraction and exponent: JSON's grammar (RFC 8259 section 6), and more leniently a
  // leading '+', leading zeros and a bare ".5" or "5.", as a Number attribute may be spelled. Nothing on other text.
  static std::optional<Decimal> parse(std::string_view text);

  std::strong_ordering operator<=>(const Decimal& other) const;
  bool operator==(const Decimal& other) const { return (*this <=> other) == 0; }

 private:
  std::strong_ordering compare_magnitude(const Decimal& other) const;

  bool negative_ = false;
  std::int64_t scale_ = 0;  // of the first significant digit: 1 for 5, 3 for 500, 0 for 0.5; 0 for zero
  std::uint64_t head_ = 0;  // the first 19 significant digits, padded with zeros on the right; 0 for zero
  std::string rest_;        // the digits behind them, without trailing zeros
};

}  // namespace trunkline::filter
