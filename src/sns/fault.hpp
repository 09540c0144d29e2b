#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace trunkline::sns {

// SNS's errors, as far as this API answers them.
enum class Code : std::uint8_t {
  authorization,
  bad_signature,
  batch_ids_not_distinct,
  batch_too_long,
  empty_batch,
  filter_policy_limit,
  incomplete_signature,
  internal,
  invalid_action,
  invalid_batch_id,
  invalid_parameter,
  missing_token,
  not_found,
  parameter_value_invalid,
  resource_not_found,
  service_unavailable,
  subscription_limit,
  tag_limit,
  throttled,
  too_many_entries,
  topic_limit,
  unknown_key,
};

struct Fault {
  Code code = Code::internal;
  std::string message;
};
// "Invalid parameter: …", by far the most of them.
Fault invalid(std::string_view what);

struct CodeRow {
  Code code;
  std::string_view name;
  int status;
  bool sender;  // else the fault is here, and SDKs try again
};
const CodeRow& row_of(Code code);

// What the engine answers, in AWS's words.
Fault fault_of(const base::Error& error);

// The body of the answer.
std::string error_body(const Fault& fault, std::string_view request_id);

}  // namespace trunkline::sns
