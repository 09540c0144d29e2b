#include "sqs/permission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sqs/policy_document.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::size_t kActionsMax = 7;     // AWS's own
constexpr std::size_t kAccountsMax = 100;  // more than the bytes of a Policy hold

// By AWS's documentation of AddPermission. Batches go with their single operation.
constexpr std::array<std::string_view, 9> kActions = {
    "*",           "ChangeMessageVisibility",    "DeleteMessage", "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",    "ReceiveMessage",
    "SendMessage"};
constexpr std::array<std::string_view, 12> kOfOwner = {
    "AddPermission",        "CancelMessageMoveTask", "CreateQueue", "DeleteQueue",
    "ListMessageMoveTasks", "ListQueueTags",         "ListQueues",  "RemovePermission",
    "SetQueueAttributes",   "StartMessageMoveTask",  "TagQueue",    "UntagQueue"};

Fault invalid(std::string_view value, std::string_view parameter, std::string_view reason) {
  return {Code::invalid_value,
          fmt::format("Value {} for parameter {} is invalid. Reason: {}", value, parameter, reason)};
}

PolicyDocument policy_of(const Definition& definition, const std::string& arn) {
  return {definition.text("Policy"), arn + "/SQSDefaultPolicy"};
}

}  // namespace

bool is_account(std::string_view text) {
  return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_label(std::string_view text) {
  constexpr std::size_t kLabelMax = 80;
  return !text.empty() && text.size() <= kLabelMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<Fault> check_permission(const Permission& permission) {
  if (permission.label.empty()) return Fault{Code::missing_parameter, "The request must contain the parameter Label."};
  if (!is_label(permission.label))
    return invalid(permission.label, "Label",
                   "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  if (permission.actions.empty())
    return Fault{Code::missing_parameter, "The request must contain the parameter Actions."};
  if (permission.actions.size() > kActionsMax)
    return Fault{Code::over_limit,
                 fmt::format("{} Actions were found, maximum allowed is {}.", permission.actions.size(), kActionsMax)};
  for (const std::string& action : permission.actions) {
    if (std::ranges::find(kOfOwner, action) != kOfOwner.end())
      return invalid("SQS:" + action, "ActionName", "Only the queue owner is allowed to invoke this action.");
    if (std::ranges::find(kActions, action) == kActions.end())
      return invalid("SQS:" + action, "ActionName",
                     "Please refer to the appropriate WSDL for a list of valid actions.");
  }
  const auto& accounts = permission.accounts;
  if (accounts.empty() || accounts.size() > kAccountsMax || !std::ranges::all_of(accounts, is_account))
    return invalid(fmt::format("[{}]", fmt::join(accounts, ", ")), "PrincipalId", "Unable to verify.");
  return std::nullopt;
}

std::optional<Fault> add_permission_to(Definition& definition, const std::string& arn, const Permission& permission) {
  PolicyDocument policy = policy_of(definition, arn);
  if (policy.has(permission.label)) return invalid(permission.label, "Label", "Already exists.");
  policy.add("SQS", arn, permission);
  return set_attributes(definition, {{"Policy", policy.text()}}, false);
}

std::optional<Fault> remove_permission_from(Definition& definition, const std::string& label) {
  PolicyDocument policy = policy_of(definition, {});
  if (!policy.remove(label)) return invalid(label, "Label", "can't find label on existing policy.");
  return set_attributes(definition, {{"Policy", policy.empty() ? std::string() : policy.text()}}, false);
}

}  // namespace trunkline::sqs
