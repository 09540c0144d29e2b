#include "account/findings.hpp"

#include <algorithm>
#include <tuple>

namespace trunkline::account {

std::string_view to_string(Risk risk) {
  switch (risk) {
    case Risk::loses:
      return "loses";
    case Risk::reorders:
      return "reorders";
    case Risk::unseen:
      return "unseen";
  }
  return "";
}

std::vector<Finding> examine(const Account& account) {
  Findings found;
  check_sources(account, found);
  check_targets(account, found);
  check_subscriptions(account, found);
  check_queues(account, found);
  check_consumers(account, found);
  check_functions(account, found);
  check_alarms(account, found);
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.risk, a.subject) < std::tie(b.risk, b.subject);
  });
  return found;
}

}  // namespace trunkline::account
