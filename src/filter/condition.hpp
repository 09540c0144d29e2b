#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filter/decimal.hpp"
#include "filter/ip_range.hpp"
#include "filter/rules.hpp"
#include "filter/text_match.hpp"

namespace trunkline::filter {

// One value of a message: an attribute's, an element of a String.Array, or a leaf of the body. Views the message, or
// the document that was parsed from it.
struct Scalar {
  enum class Kind : std::uint8_t { string, number, true_literal, false_literal, null };
  Kind kind = Kind::null;
  std::string_view text;          // the decoded string, the number's or the literal's text
  std::optional<Decimal> number;  // of a number
};

// One element of a policy's value array. A plain value.
struct Condition {
  enum class Op : std::uint8_t {
    string,
    number,
    true_literal,
    false_literal,
    null,
    prefix,
    suffix,
    ignore_case,
    prefix_ignore_case,
    suffix_ignore_case,
    wildcard,
    numeric,
    cidr,
    exists,
    absent,
    anything_but_strings,
    anything_but_numbers,
    anything_but_prefix,
    anything_but_wildcard,
  };
  Op op = Op::null;
  std::string source;  // as it stands in the policy, without white space: {"prefix":"v2."}
  std::vector<std::string>
      texts;  // operands of the text operators; folded for the ignore_case ones; one unless anything_but
  std::vector<Wildcard> wildcards;
  std::vector<Decimal> numbers;  // number, anything_but_numbers
  // numeric: an open end is absent; `=` has both ends the same and closed.
  std::optional<Decimal> bottom;
  std::optional<Decimal> top;
  bool bottom_open = false;
  bool top_open = false;
  IpRange addresses;

  // Exact operators against one value. exists and absent say nothing of one value: see condition_holds.
  bool accepts(const Scalar& value) const;
  bool is_anything_but() const { return op >= Op::anything_but_strings; }
};

// A key with its array: true when one of its conditions holds for the values at its path.
struct Clause {
  std::string path;  // dotted; in attribute scope, the attribute's name as it is
  std::vector<Condition> conditions;
  std::string source;  // the array, without white space
};

// Whether a value at a path is something for {"exists": …}.
inline bool counts_as_existing(const Scalar& value) {
  return rules::leaf_exists(value.kind == Scalar::Kind::null, value.kind == Scalar::Kind::string && value.text.empty());
}

// Whether `condition` holds for all the values at its path; `values` is empty when nothing is there.
template <class Values>
bool condition_holds(const Condition& condition, const Values& values) {
  const auto accepts = [&](const Scalar& value) { return condition.accepts(value); };
  const auto any = [&](auto predicate) {
    for (const Scalar& value : values) {
      if (predicate(value)) return true;
    }
    return false;
  };
  if (condition.op == Condition::Op::exists) return any(counts_as_existing);
  if (condition.op == Condition::Op::absent) return !any(counts_as_existing);
  if (condition.is_anything_but()) return rules::anything_but_holds(values, accepts);
  return any(accepts);
}

// The first of the clause's conditions that holds, or none.
template <class Values>
const Condition* first_holding(const Clause& clause, const Values& values) {
  for (const Condition& condition : clause.conditions) {
    if (condition_holds(condition, values)) return &condition;
  }
  return nullptr;
}

}  // namespace trunkline::filter
