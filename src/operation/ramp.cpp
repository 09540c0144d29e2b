#include "operation/ramp.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace trunkline::operation {
namespace {

constexpr std::uint64_t kLatest = 50;
constexpr std::uint64_t kFailuresLeast = 3;
constexpr auto kStep = std::chrono::seconds(1);

}  // namespace

Ramp::Ramp(RampOptions options, const engine::OperationTally& begin, base::MonoTime now)
    : options_(options), seen_(begin), rate_now_(std::min(1.0, options.rate)), filled_at_(now), doubled_at_(now) {}

void Ramp::observe(const engine::OperationTally& tally, base::MonoTime now) {
  const Outcomes fresh{tally.delivered - std::min(seen_.delivered, tally.delivered),
                       tally.failed - std::min(seen_.failed, tally.failed)};
  seen_ = tally;
  if (fresh.delivered + fresh.failed > 0) {
    latest_.push_back(fresh);
    sum_.delivered += fresh.delivered;
    sum_.failed += fresh.failed;
    while (latest_.size() > 1) {
      const Outcomes& oldest = latest_.front();
      if (sum_.delivered + sum_.failed - oldest.delivered - oldest.failed < kLatest) break;
      sum_.delivered -= oldest.delivered;
      sum_.failed -= oldest.failed;
      latest_.pop_front();
    }
  }
  if (fresh.failed > 0) {
    rate_now_ = std::max(std::min(1.0, options_.rate), rate_now_ / 2);
    doubled_at_ = now;
    good_ = false;
    return;
  }
  good_ = good_ || fresh.delivered > 0;
  if (!good_ || now - doubled_at_ < kStep) return;
  rate_now_ = std::min(options_.rate, rate_now_ * 2);
  doubled_at_ = now;
  good_ = false;
}

std::size_t Ramp::allowance(base::MonoTime now) {
  const double seconds = std::chrono::duration<double>(now - filled_at_).count();
  filled_at_ = now;
  tokens_ = std::min(tokens_ + seconds * rate_now_, std::max(1.0, rate_now_ / 4));
  const auto open_most = std::min(options_.open_max, static_cast<std::uint64_t>(std::max(1.0, 2 * rate_now_)));
  const std::uint64_t room = open_most - std::min(open_most, seen_.open());
  return static_cast<std::size_t>(std::min<std::uint64_t>(room, static_cast<std::uint64_t>(tokens_)));
}

void Ramp::gave(std::size_t count) {
  tokens_ -= static_cast<double>(count);
  seen_.given += count;
}

std::optional<std::string> Ramp::stop_reason() const {
  const std::uint64_t all = sum_.delivered + sum_.failed;
  const std::uint64_t least = options_.stop_share > 0 ? kFailuresLeast : 1;
  if (sum_.failed < least || static_cast<double>(sum_.failed) <= options_.stop_share * static_cast<double>(all))
    return std::nullopt;
  return fmt::format("{} of the last {} failed again{}", sum_.failed, all,
                     seen_.error_class.empty() ? "" : ", the last with " + seen_.error_class);
}

}  // namespace trunkline::operation
