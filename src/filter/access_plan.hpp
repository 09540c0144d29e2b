#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "filter/policy.hpp"

namespace trunkline::filter {

// Chooses through which clauses the index reaches each policy: a set of which at least one must hold for the policy to
// hold. Counts first how often every condition stands in all the policies, since a condition that many share is hit for
// many at once.
class AccessPlan {
 public:
  void count(const Policy& policy);
  // Clauses of the policy, to be called when all are counted; the policy has at least one.
  std::vector<std::uint32_t> choose(const Policy& policy) const;

 private:
  struct Choice {
    double cost = 0;
    std::vector<std::uint32_t> clauses;
  };
  Choice choose(const Policy& policy, const Policy::Node& node) const;
  double cost(const Policy& policy, std::uint32_t clause) const;

  std::unordered_map<std::string, std::uint32_t> counts_;
};

}  // namespace trunkline::filter
