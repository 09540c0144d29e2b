#include "aws/retry.hpp"

#include <algorithm>
#include <array>

namespace trunkline::aws {
namespace {

template <std::size_t N>
bool listed(std::string_view code, const std::array<std::string_view, N>& codes) {
  return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

bool is_throttling(std::string_view code) {
  static constexpr std::array<std::string_view, 14> kCodes = {"Throttling",
                                                              "ThrottlingException",
                                                              "ThrottledException",
                                                              "RequestThrottledException",
                                                              "RequestThrottled",
                                                              "TooManyRequestsException",
                                                              "ProvisionedThroughputExceededException",
                                                              "TransactionInProgressException",
                                                              "RequestLimitExceeded",
                                                              "BandwidthLimitExceeded",
                                                              "LimitExceededException",
                                                              "SlowDown",
                                                              "PriorRequestNotComplete",
                                                              "EC2ThrottledException"};
  return listed(code, kCodes);
}

bool is_transient(std::string_view code, int status) {
  static constexpr std::array<std::string_view, 6> kCodes = {"RequestTimeout",     "RequestTimeoutException",
                                                             "InternalError",      "InternalFailure",
                                                             "ServiceUnavailable", "IDPCommunicationError"};
  return status == 500 || status == 502 || status == 503 || status == 504 || listed(code, kCodes);
}

bool may_be_clock_skew(std::string_view code) {
  static constexpr std::array<std::string_view, 6> kCodes = {
      "RequestTimeTooSkewed",  "RequestExpired", "InvalidSignatureException",
      "SignatureDoesNotMatch", "AuthFailure",    "RequestInTheFuture"};
  return listed(code, kCodes);
}

bool is_credential_fault(std::string_view code) {
  static constexpr std::array<std::string_view, 6> kCodes = {"ExpiredToken",         "ExpiredTokenException",
                                                             "InvalidClientTokenId", "UnrecognizedClientException",
                                                             "InvalidAccessKeyId",   "TokenRefreshRequired"};
  return listed(code, kCodes);
}

bool RetryQuota::take(std::uint32_t cost) {
  if (left_ < cost) return false;
  left_ -= cost;
  return true;
}

void RetryQuota::give(std::uint32_t gain) {
  left_ = std::min(left_ + gain, kCapacity);
}

base::Millis retry_delay(std::uint32_t tries, double fraction) {
  constexpr std::int64_t kCapMillis = 20'000;
  const std::uint32_t doublings = std::min(tries > 0 ? tries - 1 : 0, 10u);
  const std::int64_t bound = std::min(kCapMillis, std::int64_t{1000} << doublings);
  return base::Millis(static_cast<std::int64_t>(fraction * static_cast<double>(bound)));
}

}  // namespace trunkline::aws
