#include "sns/fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "sns/output.hpp"
#include "sqs/output.hpp"

namespace trunkline::sns {
namespace {

// Codes and statuses: botocore's model of SNS, and the common errors of AWS.
constexpr std::array kRows = {
    CodeRow{Code::authorization, "AuthorizationError", 403, true},
    CodeRow{Code::bad_signature, "SignatureDoesNotMatch", 403, true},
    CodeRow{Code::batch_ids_not_distinct, "BatchEntryIdsNotDistinct", 400, true},
    CodeRow{Code::batch_too_long, "BatchRequestTooLong", 400, true},
    CodeRow{Code::empty_batch, "EmptyBatchRequest", 400, true},
    CodeRow{Code::filter_policy_limit, "FilterPolicyLimitExceeded", 403, true},
    CodeRow{Code::incomplete_signature, "IncompleteSignature", 400, true},
    CodeRow{Code::internal, "InternalError", 500, false},
    CodeRow{Code::invalid_action, "InvalidAction", 400, true},
    CodeRow{Code::invalid_batch_id, "InvalidBatchEntryId", 400, true},
    CodeRow{Code::invalid_parameter, "InvalidParameter", 400, true},
    CodeRow{Code::missing_token, "MissingAuthenticationToken", 403, true},
    CodeRow{Code::not_found, "NotFound", 404, true},
    CodeRow{Code::parameter_value_invalid, "ParameterValueInvalid", 400, true},
    CodeRow{Code::resource_not_found, "ResourceNotFound", 404, true},
    CodeRow{Code::service_unavailable, "ServiceUnavailable", 503, false},
    CodeRow{Code::subscription_limit, "SubscriptionLimitExceeded", 403, true},
    CodeRow{Code::tag_limit, "TagLimitExceeded", 400, true},
    CodeRow{Code::throttled, "Throttled", 429, true},
    CodeRow{Code::too_many_entries, "TooManyEntriesInBatchRequest", 400, true},
    CodeRow{Code::topic_limit, "TopicLimitExceeded", 403, true},
    CodeRow{Code::unknown_key, "InvalidClientTokenId", 403, true},
};

}  // namespace

const CodeRow& row_of(Code code) {
  const auto found = std::ranges::find(kRows, code, &CodeRow::code);
  TRUNKLINE_CHECK(found != kRows.end(), "an error without a row");
  return *found;
}

Fault invalid(std::string_view what) {
  return {Code::invalid_parameter, fmt::format("Invalid parameter: {}", what)};
}

Fault fault_of(const base::Error& error) {
  using base::Errc;
  if (error.code == Errc::overloaded) return {Code::throttled, error.detail};
  if (error.code == Errc::unavailable || error.code == Errc::disk_full || error.code == Errc::cancelled ||
      error.code == Errc::timeout)
    return {Code::service_unavailable, error.detail};
  return {Code::internal, error.detail};
}

std::string error_body(const Fault& fault, std::string_view request_id) {
  const CodeRow& row = row_of(fault.code);
  std::string out = fmt::format("<ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>",
                                kNamespace, row.sender ? "Sender" : "Receiver", row.name);
  sqs::append_xml_text(out, fault.message);
  fmt::format_to(std::back_inserter(out), "</Message></Error><RequestId>{}</RequestId></ErrorResponse>", request_id);
  return out;
}

}  // namespace trunkline::sns
