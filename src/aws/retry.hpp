#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"

// The SDKs' standard retry mode (SDK reference guide, "Retry behavior").
namespace trunkline::aws {

// AWS asks to send less; at any HTTP status.
bool is_throttling(std::string_view code);
// Of the service: a try later may well be done. Statuses 500, 502, 503 and 504 count likewise.
bool is_transient(std::string_view code, int status);
// The signature may have been refused for the clock of this machine.
bool may_be_clock_skew(std::string_view code);
// The credentials have ended or are not known: others are to be asked for.
bool is_credential_fault(std::string_view code);

// What all tries of one client may spend on repeating: so that a service that is down is not asked three times by
// everybody. Starts full; a retry takes from it, a success gives back.
class RetryQuota {
 public:
  static constexpr std::uint32_t kCapacity = 500;
  static constexpr std::uint32_t kRetryCost = 5;
  static constexpr std::uint32_t kTimeoutCost = 10;  // after no answer at all
  static constexpr std::uint32_t kNoRetryGain = 1;

  // False where there is not enough left: the failure stands.
  bool take(std::uint32_t cost);
  // After a success: what its last retry cost, or kNoRetryGain for a first try.
  void give(std::uint32_t gain);
  std::uint32_t left() const { return left_; }

 private:
  std::uint32_t left_ = kCapacity;
};

// Before the try number `tries` + 1: random in [0, min(20 s, 2^(tries - 1) s)), `fraction` in [0, 1).
base::Millis retry_delay(std::uint32_t tries, double fraction);

}  // namespace trunkline::aws
