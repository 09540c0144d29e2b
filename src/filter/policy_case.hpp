#pragma once

#include <string>
#include <string_view>

#include "filter/policy.hpp"

namespace trunkline::filter {

// One line of `trunkline policy FILE.jsonl`: a policy, and a message to try it on.
//
// In: {"policy": {…} or "policy_text": "…" (any text), "scope": "MessageAttributes" (default) | "MessageBody",
//      "attributes": {name: {"DataType": …, "StringValue": …}} and/or "body": "the message string"}
//     "name", "expect" and "source" are for people and ignored; any other member is an error, so that a slip of the pen
//     is no silent change of the question.
// Out: {"match":true|false}, without attributes and body {"valid":true}, or {"error":{"code":…,"message":…}}.
//
// A refused policy is answered as SetSubscriptionAttributes does ("Invalid parameter: FilterPolicy: <text>"; Subscribe
// would say "Invalid parameter: Attributes Reason: FilterPolicy: <text>"); a nested policy in attribute scope without
// "FilterPolicy: ", a wrong scope as "Invalid parameter: FilterPolicyScope: …". A line that is no
// case has the code "MalformedCase". Never throws; the line may be any bytes.
std::string answer_policy_case(std::string_view json_line, const Limits& limits = {});

}  // namespace trunkline::filter
