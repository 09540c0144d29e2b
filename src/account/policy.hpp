#pragma once

#include <string>
#include <string_view>

namespace trunkline::account {

struct Access {
  std::string_view service;   // the principal: "sns.amazonaws.com"
  std::string_view action;    // "sqs:SendMessage"
  std::string_view resource;  // whose policy it is
  std::string_view source;    // aws:SourceArn of the call
  std::string_view account;   // aws:SourceAccount of the call
};

// Whether a resource's own policy (JSON) lets a service of AWS in: some statement allows it and none denies it. Conditions
// on aws:SourceArn, aws:SourceAccount and aws:SourceOwner are evaluated by the string and ARN operators; a condition on anything else is
// taken for true where it allows and for false where it denies, so that only what is surely refused is said to be. A text
// that is no policy lets nobody in. Source: IAM user guide, "Policy evaluation logic".
bool allows(std::string_view policy, const Access& access);

// `*` and `?` as in IAM's patterns.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace trunkline::account
