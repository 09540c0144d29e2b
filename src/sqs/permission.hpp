#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sqs/definition.hpp"
#include "sqs/fault.hpp"
#include "sqs/policy_document.hpp"

namespace trunkline::sqs {

// What AddPermission takes, of queues and topics alike.
bool is_account(std::string_view text);
bool is_label(std::string_view text);

// What AWS says of it before it looks at the queue.
std::optional<Fault> check_permission(const Permission& permission);
// Adds its statement to the Policy, which is made where there is none. All else in the Policy stays as it is.
std::optional<Fault> add_permission_to(Definition& definition, const std::string& arn, const Permission& permission);
// Takes the statement of that label away, and a Policy that has no other.
std::optional<Fault> remove_permission_from(Definition& definition, const std::string& label);

}  // namespace trunkline::sqs
