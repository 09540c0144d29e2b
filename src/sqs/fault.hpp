#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace trunkline::sqs {

// AWS's errors, as far as this API answers them.
enum class Code : std::uint8_t {
  batch_ids_not_distinct,
  batch_too_long,
  empty_batch,
  bad_signature,
  internal,
  invalid_action,
  invalid_address,
  invalid_attribute_name,
  invalid_attribute_value,
  invalid_batch_id,
  invalid_contents,
  incomplete_signature,
  invalid_value,
  missing_parameter,
  missing_token,
  no_such_queue,
  over_limit,
  purge_in_progress,
  queue_exists,
  receipt_handle_invalid,
  resource_not_found,
  serialization,
  service_unavailable,
  throttled,
  too_many_entries,
  unknown_key,
  unsupported,
};

struct Fault {
  Code code = Code::internal;
  std::string message;
};

// How both protocols spell it. One table, in fault.cpp.
struct CodeRow {
  Code code;
  std::string_view json_type;   // `__type`
  std::string_view query_code;  // `Code`, and what x-amzn-query-error says
  int status;
  bool sender;  // else the fault is here, and SDKs try again
};
const CodeRow& row_of(Code code);

// What the engine answers, in AWS's words.
Fault fault_of(const base::Error& error);

}  // namespace trunkline::sqs
