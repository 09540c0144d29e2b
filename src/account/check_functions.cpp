#include <fmt/format.h>

#include <algorithm>

#include "account/findings.hpp"

// What Trunkline's own functions need beside their settings: docs/lambda.md.
namespace trunkline::account {
namespace {

constexpr std::string_view kRepair = "trunkline aws apply -c <configuration> makes it anew";

bool reads_a_queue(const Account& account, const FunctionHere& function) {
  return std::ranges::any_of(account.mappings,
                             [&](const SourceMapping& each) { return name_of(each.function_arn) == function.name; });
}

}  // namespace

void check_functions(const Account& account, Findings& out) {
  for (const FunctionHere& each : account.functions_here) {
    if (!each.there) {
      out.push_back({Risk::loses, "function-gone", each.name,
                     "the configuration has this function, and the account has none: what waits for it expires",
                     std::string(kRepair)});
      continue;
    }
    if (!reads_a_queue(account, each)) {
      out.push_back({Risk::loses, "function-without-queue", each.name,
                     "no event source mapping brings it messages: what waits in its queue expires",
                     std::string(kRepair)});
    }
    if (each.wants_minute && !each.invoked_every_minute) {
      out.push_back(
          {Risk::loses, "no-schedule", each.name,
           "no enabled schedule may invoke it: a mapping that an outage has disabled is never enabled again, and what "
           "was "
           "stored and not published waits for the next event",
           fmt::format("aws events enable-rule --name {0}; where the rule or the permission of events.amazonaws.com to "
                       "invoke it is gone, {1}",
                       each.name, kRepair)});
    }
  }
}

}  // namespace trunkline::account
