#include "filter/access_plan.hpp"

#include <algorithm>

namespace trunkline::filter {
namespace {

using Op = Condition::Op;

std::string key_of(const Policy& policy, const Clause& clause, const Condition& condition) {
  std::string key(1, policy.scope() == Scope::message_body ? 'b' : 'a');
  key += clause.path;
  key += '\0';
  key += condition.source;
  return key;
}

// How likely a value at the path satisfies a condition of this kind; only the order matters. Estimates.
double weight(const Condition& condition) {
  switch (condition.op) {
    case Op::string:
    case Op::number:
    case Op::ignore_case:
      return 1;
    case Op::cidr:
    case Op::prefix:
    case Op::suffix:
    case Op::prefix_ignore_case:
    case Op::suffix_ignore_case:
      return 4;
    case Op::wildcard:
      return 6;
    case Op::numeric:
      return 20;
    case Op::true_literal:
    case Op::false_literal:
    case Op::null:
      return 40;
    case Op::exists:
      return 90;
    case Op::absent:
      return 95;
    default:
      return 80;  // anything-but
  }
}

}  // namespace

void AccessPlan::count(const Policy& policy) {
  for (const Clause& clause : policy.clauses()) {
    for (const Condition& condition : clause.conditions) ++counts_[key_of(policy, clause, condition)];
  }
}

double AccessPlan::cost(const Policy& policy, std::uint32_t clause_number) const {
  const Clause& clause = policy.clauses()[clause_number];
  double sum = 0;
  for (const Condition& condition : clause.conditions) {
    sum += weight(condition) * counts_.at(key_of(policy, clause, condition));
  }
  return sum;
}

AccessPlan::Choice AccessPlan::choose(const Policy& policy, const Policy::Node& node) const {
  if (node.kind == Policy::Node::Kind::clause) return {cost(policy, node.clause), {node.clause}};
  Choice out;
  for (const Policy::Node& child : node.children) {
    Choice choice = choose(policy, child);
    if (node.kind == Policy::Node::Kind::any) {
      out.cost += choice.cost;
      out.clauses.insert(out.clauses.end(), choice.clauses.begin(), choice.clauses.end());
    } else if (out.clauses.empty() || choice.cost < out.cost) {
      out = std::move(choice);
    }
  }
  return out;
}

AccessPlan::Covers AccessPlan::choose(const Policy& policy) const {
  // A value or a prefix that a handful of policies name: to evaluate these costs less than to look further.
  constexpr double kRarelyHit = 16;
  Choice best = choose(policy, policy.root());
  Covers out{best.clauses, {}};
  if (best.cost <= kRarelyHit || policy.root().kind != Policy::Node::Kind::all) return out;
  double least = 0;
  for (const Policy::Node& child : policy.root().children) {
    Choice other = choose(policy, child);
    if (other.clauses == best.clauses || (!out.second.empty() && other.cost >= least)) continue;
    least = other.cost;
    out.second = std::move(other.clauses);
  }
  return out;
}

}  // namespace trunkline::filter
