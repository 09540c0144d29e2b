#include "sqs/fault.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"

namespace trunkline::sqs {
namespace {

// Types and codes: botocore's model of SQS, and the common errors of AWS.
constexpr std::array kRows = {
    CodeRow{Code::batch_ids_not_distinct, "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400, true},
    CodeRow{Code::batch_too_long, "com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong",
            400, true},
    CodeRow{Code::invalid_attribute_value, "com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue", 400,
            true},
    CodeRow{Code::invalid_contents, "com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents", 400, true},
    CodeRow{Code::over_limit, "com.amazonaws.sqs#OverLimit", "OverLimit", 403, true},
    CodeRow{Code::purge_in_progress, "com.amazonaws.sqs#PurgeQueueInProgress",
            "AWS.SimpleQueueService.PurgeQueueInProgress", 403, true},
    CodeRow{Code::queue_exists, "com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists", 400, true},
    CodeRow{Code::empty_batch, "com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400,
            true},
    CodeRow{Code::bad_signature, "com.amazon.coral.service#InvalidSignatureException", "SignatureDoesNotMatch", 403,
            true},
    CodeRow{Code::internal, "com.amazon.coral.service#InternalFailure", "InternalError", 500, false},
    CodeRow{Code::invalid_action, "com.amazon.coral.service#UnknownOperationException", "InvalidAction", 400, true},
    CodeRow{Code::invalid_address, "com.amazonaws.sqs#InvalidAddress", "InvalidAddress", 404, true},
    CodeRow{Code::invalid_attribute_name, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", 400, true},
    CodeRow{Code::invalid_batch_id, "com.amazonaws.sqs#InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId", 400, true},
    CodeRow{Code::incomplete_signature, "com.amazon.coral.service#IncompleteSignatureException", "IncompleteSignature",
            400, true},
    CodeRow{Code::invalid_value, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue",
            400, true},
    CodeRow{Code::missing_parameter, "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter",
            400, true},
    CodeRow{Code::missing_token, "com.amazon.coral.service#MissingAuthenticationTokenException",
            "MissingAuthenticationToken", 403, true},
    CodeRow{Code::no_such_queue, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400,
            true},
    CodeRow{Code::receipt_handle_invalid, "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400,
            true},
    CodeRow{Code::resource_not_found, "com.amazonaws.sqs#ResourceNotFoundException", "ResourceNotFoundException", 404,
            true},
    CodeRow{Code::serialization, "com.amazon.coral.service#SerializationException", "MalformedInput", 400, true},
    CodeRow{Code::service_unavailable, "com.amazon.coral.service#ServiceUnavailableException", "ServiceUnavailable",
            503, false},
    CodeRow{Code::throttled, "com.amazonaws.sqs#RequestThrottled", "RequestThrottled", 400, true},
    CodeRow{Code::too_many_entries, "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400, true},
    CodeRow{Code::unknown_key, "com.amazon.coral.service#UnrecognizedClientException", "InvalidClientTokenId", 403,
            true},
    CodeRow{Code::unsupported, "com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation",
            400, true},
};

}  // namespace

const CodeRow& row_of(Code code) {
  const auto found = std::ranges::find(kRows, code, &CodeRow::code);
  TRUNKLINE_CHECK(found != kRows.end(), "an error without a row");
  return *found;
}

Fault fault_of(const base::Error& error) {
  using base::Errc;
  if (error.code == Errc::overloaded) return {Code::throttled, error.detail};
  if (error.code == Errc::unavailable || error.code == Errc::disk_full || error.code == Errc::cancelled ||
      error.code == Errc::timeout)
    return {Code::service_unavailable, error.detail};
  if (error.code == Errc::too_large) return {Code::over_limit, error.detail};
  if (error.code == Errc::not_found) return {Code::no_such_queue, "The specified queue does not exist."};
  return {Code::internal, error.detail};
}

}  // namespace trunkline::sqs
