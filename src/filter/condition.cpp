#include "filter/condition.hpp"

#include <algorithm>

namespace trunkline::filter {
namespace {

bool in_range(const Condition& range, const Decimal& value) {
  if (range.bottom && (range.bottom_open ? value <= *range.bottom : value < *range.bottom)) return false;
  return !range.top || (range.top_open ? value < *range.top : value <= *range.top);
}

bool in_cidr(const Condition& condition, const Scalar& value) {
  if (value.kind != Scalar::Kind::string) return false;
  const std::optional<IpAddress> address = parse_ip(value.text);
  return address && condition.addresses.contains(*address);
}

bool equals_ignoring_case(const Condition& condition, std::string_view value) {
  const std::string_view operand = condition.texts.front();
  if (value.size() < operand.size()) return false;
  if (condition.op == Condition::Op::prefix_ignore_case) value = value.substr(0, operand.size());
  if (condition.op == Condition::Op::suffix_ignore_case) value = value.substr(value.size() - operand.size());
  return folds_to(value, operand);
}

// Values of another type are never excluded (aws.md 1.5): Number 100 passes {"anything-but": ["100"]}.
bool excluded(const Condition& condition, const Scalar& value) {
  const bool is_string = value.kind == Scalar::Kind::string;
  const auto any_text = [&](auto test) { return std::any_of(condition.texts.begin(), condition.texts.end(), test); };
  switch (condition.op) {
    case Condition::Op::anything_but_strings:
      return is_string && any_text([&](const std::string& text) { return value.text == text; });
    case Condition::Op::anything_but_prefix:
      return is_string && any_text([&](const std::string& text) { return value.text.starts_with(text); });
    case Condition::Op::anything_but_wildcard:
      return is_string && std::any_of(condition.wildcards.begin(), condition.wildcards.end(),
                                      [&](const Wildcard& wildcard) { return wildcard.matches(value.text); });
    default:
      return value.number &&
             std::find(condition.numbers.begin(), condition.numbers.end(), *value.number) != condition.numbers.end();
  }
}

}  // namespace

bool Condition::accepts(const Scalar& value) const {
  if (is_anything_but()) return !excluded(*this, value);
  const bool is_string = value.kind == Scalar::Kind::string;
  switch (op) {
    case Op::string:
      return is_string && value.text == texts.front();
    case Op::number:
      return value.number && *value.number == numbers.front();
    case Op::true_literal:
      return value.kind == Scalar::Kind::true_literal;
    case Op::false_literal:
      return value.kind == Scalar::Kind::false_literal;
    case Op::null:
      return value.kind == Scalar::Kind::null;
    case Op::prefix:
      return is_string && value.text.starts_with(texts.front());
    case Op::suffix:
      return is_string && value.text.ends_with(texts.front());
    case Op::ignore_case:
    case Op::prefix_ignore_case:
    case Op::suffix_ignore_case:
      return is_string && equals_ignoring_case(*this, value.text);
    case Op::wildcard:
      return is_string && wildcards.front().matches(value.text);
    case Op::numeric:
      return value.number && in_range(*this, *value.number);
    case Op::cidr:
      return in_cidr(*this, value);
    default:
      return false;
  }
}

}  // namespace trunkline::filter
