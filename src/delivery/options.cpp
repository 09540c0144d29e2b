#include "delivery/options.hpp"

#include <cmath>

namespace trunkline::delivery {
namespace {

using base::Errc;
using base::Millis;

base::Result<void> require(bool holds, const char* text) {
  if (holds) return {};
  return {Errc::invalid, text};
}

}  // namespace

base::Result<void> validate(const Options& o) {
  constexpr Millis kDay = std::chrono::hours(24);
  TRUNKLINE_TRY_VOID(require(o.concurrency >= 1 && o.concurrency <= 10'000, "concurrency must be 1 to 10000"));
  TRUNKLINE_TRY_VOID(require(std::isfinite(o.rate) && o.rate >= 0, "rate must be 0 or positive"));
  TRUNKLINE_TRY_VOID(require(o.rate == 0 || o.rate >= 0.001, "rate must be at least 0.001 events a second"));
  TRUNKLINE_TRY_VOID(
      require(std::isfinite(o.burst) && (o.burst == 0 || o.burst >= 1), "burst must be 0 or at least 1"));
  TRUNKLINE_TRY_VOID(require(o.batch_messages >= 1 && o.batch_messages <= 10'000, "batch messages must be 1 to 10000"));
  TRUNKLINE_TRY_VOID(require(o.batch_bytes >= 1 && o.batch_bytes <= (64u << 20), "batch bytes must be 1 to 64 MiB"));
  TRUNKLINE_TRY_VOID(
      require(o.batch_age >= Millis(0) && o.batch_age <= std::chrono::minutes(5), "batch age must be 0 to 5m"));
  TRUNKLINE_TRY_VOID(require(o.budget.requests == 0 || o.budget.reserve < o.budget.requests,
                             "budget reserve must be less than budget requests"));
  TRUNKLINE_TRY_VOID(
      require(o.budget.per >= std::chrono::minutes(1) && o.budget.per <= 31 * kDay, "budget per must be 1m to 31d"));
  TRUNKLINE_TRY_VOID(
      require(o.budget.offset >= Millis(0) && o.budget.offset <= o.budget.per, "budget offset must be 0 to its span"));
  TRUNKLINE_TRY_VOID(require(o.max_attempts >= 1 && o.max_attempts <= 1'000, "max attempts must be 1 to 1000"));
  TRUNKLINE_TRY_VOID(require(o.backoff_base >= Millis(1) && o.backoff_base <= o.backoff_cap && o.backoff_cap <= kDay,
                             "back-off must have 1ms <= base <= cap <= 24h"));
  TRUNKLINE_TRY_VOID(
      require(o.retry_after_max >= Millis(0) && o.retry_after_max <= kDay, "retry_after_max must be 0 to 24h"));
  TRUNKLINE_TRY_VOID(require(o.retry_for >= Millis(0) && o.retry_for <= 14 * kDay, "retry_for must be 0 to 14d"));
  TRUNKLINE_TRY_VOID(require(o.breaker_window >= Millis(10) && o.breaker_window <= std::chrono::minutes(10),
                             "breaker window must be 10ms to 10m"));
  TRUNKLINE_TRY_VOID(
      require(o.breaker_lanes_min >= 1 && o.breaker_lanes_min <= o.breaker_lanes_max && o.breaker_lanes_max <= 1'000,
              "breaker lanes must have 1 <= min <= max <= 1000"));
  TRUNKLINE_TRY_VOID(
      require(o.breaker_share > 0 && o.breaker_share <= 1, "breaker share must be over 0 and at most 1"));
  TRUNKLINE_TRY_VOID(require(o.open_base >= Millis(10) && o.open_base <= o.open_cap && o.open_cap <= kDay,
                             "breaker open time must have 10ms <= base <= cap <= 24h"));
  TRUNKLINE_TRY_VOID(require(o.receive_again_after >= Millis(10), "receive_again_after must be at least 10ms"));
  return require(o.notes_max >= 1, "notes_max must be at least 1");
}

}  // namespace trunkline::delivery
