#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "filter/policy.hpp"

namespace trunkline::filter {

// Chooses through which clauses the index reaches each policy. A cover is a set of clauses of which at least one must
// hold for the policy to hold. Counts first how often every condition stands in all the policies, since a condition
// that many share is hit for many at once.
class AccessPlan {
 public:
  void count(const Policy& policy);
  struct Covers {
    std::vector<std::uint32_t> first;   // never empty
    std::vector<std::uint32_t> second;  // must be hit, too; empty where the first is rarely hit, or there is no other
  };
  // To be called when all policies are counted; the policy has at least one clause.
  Covers choose(const Policy& policy) const;

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
