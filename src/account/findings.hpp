#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "account/account.hpp"

namespace trunkline::account {

enum class Risk : std::uint8_t {
  loses,     // events, now or when something fails
  reorders,  // events of a conversation
  unseen,    // a failure goes unnoticed
};
std::string_view to_string(Risk risk);

// A setting that would lose or reorder events.
struct Finding {
  Risk risk = Risk::loses;
  std::string code;     // stable: "queue-policy-sns"
  std::string subject;  // the ARN or name of what is to be changed
  std::string what;     // what happens, in words
  std::string repair;   // a command of the AWS CLI, or what to set
};

// All findings in an account: those that lose first, then by subject. No call is made.
std::vector<Finding> examine(const Account& account);

// Parts of it, each appending.
using Findings = std::vector<Finding>;
void check_sources(const Account& account, Findings& out);
void check_targets(const Account& account, Findings& out);
void check_subscriptions(const Account& account, Findings& out);
void check_queues(const Account& account, Findings& out);
void check_consumers(const Account& account, Findings& out);
void check_functions(const Account& account, Findings& out);
void check_alarms(const Account& account, Findings& out);

}  // namespace trunkline::account
