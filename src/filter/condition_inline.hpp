#pragma once

#include "filter/condition.hpp"
#include "filter/rules.hpp"

namespace trunkline::filter {

inline bool counts_as_existing(const Scalar& value) {
  return rules::leaf_exists(value.kind == Scalar::Kind::null, value.kind == Scalar::Kind::string && value.text.empty());
}

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

template <class Values>
const Condition* first_holding(const Clause& clause, const Values& values) {
  for (const Condition& condition : clause.conditions) {
    if (condition_holds(condition, values)) return &condition;
  }
  return nullptr;
}

}  // namespace trunkline::filter
