#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "account/account.hpp"
#include "account/api.hpp"

namespace trunkline::account {

struct ReadScope {
  std::string region;
  std::string prefix;                     // of topics and queues; empty: all
  std::vector<std::string> buses;         // besides those of Genesys
  std::vector<FunctionHere> functions{};  // of a configuration, by name and whether they want a schedule
};
// What is being read, and how many calls were made.
using ReadProgress = std::function<void(std::string_view what, std::size_t calls)>;

// Of one list; more is not read, and said in Account::unread. 100,000 topics are as many as AWS lets an account have.
inline constexpr std::size_t kPagesMax = 1'000;

// Reads an account. What these credentials may not see is said in Account::unread, with the permission it takes; what was
// removed meanwhile is left out. An error where no call can be made. Only reads: no setting is changed.
base::Result<Account> read(Api& api, const ReadScope& scope, const ReadProgress& progress);

}  // namespace trunkline::account
