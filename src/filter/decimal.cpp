#include "filter/decimal.hpp"

#include <algorithm>

namespace trunkline::filter {
namespace {

constexpr int kHeadDigits = 19;  // 10^19 - 1 fits into 64 bits
constexpr std::int64_t kScaleMax = 1'000'000'000'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The text behind 'e'. Nothing unless it is an optional sign and digits.
std::optional<std::int64_t> parse_exponent(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = std::min(value * 10 + (c - '0'), kScaleMax);
  }
  return negative ? -value : value;
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  Decimal out;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    out.negative_ = text.front() == '-';
    text.remove_prefix(1);
  }
  std::int64_t exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    const std::optional<std::int64_t> parsed = parse_exponent(text.substr(e + 1));
    if (!parsed) return std::nullopt;
    exponent = *parsed;
    text = text.substr(0, e);
  }
  bool any_digit = false;
  bool fraction = false;
  std::int64_t before_point =
      0;  // digits before the point from the first significant one on; negative: zeros behind it
  int taken = 0;
  for (const char c : text) {
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(c)) return std::nullopt;
    any_digit = true;
    const bool significant = taken > 0 || c != '0';
    if (!significant) {
      if (fraction) --before_point;
      continue;
    }
    if (!fraction) ++before_point;
    if (taken < kHeadDigits) {
      out.head_ = out.head_ * 10 + static_cast<std::uint64_t>(c - '0');
    } else {
      out.rest_.push_back(c);
    }
    ++taken;
  }
  if (!any_digit) return std::nullopt;
  if (taken == 0) return Decimal();
  for (; taken < kHeadDigits; ++taken) out.head_ *= 10;
  while (!out.rest_.empty() && out.rest_.back() == '0') out.rest_.pop_back();
  out.scale_ = std::clamp(before_point + exponent, -kScaleMax, kScaleMax);
  return out;
}

std::strong_ordering Decimal::compare_magnitude(const Decimal& other) const {
  if ((head_ == 0) != (other.head_ == 0)) return head_ <=> other.head_;
  if (scale_ != other.scale_) return scale_ <=> other.scale_;
  if (head_ != other.head_) return head_ <=> other.head_;
  return rest_.compare(other.rest_) <=> 0;
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  if (negative_ != other.negative_) return negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
  return negative_ ? other.compare_magnitude(*this) : compare_magnitude(other);
}

}  // namespace trunkline::filter
