#include "sim/sink_behaviour.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace trunkline::sim {

SinkBehaviour::SinkBehaviour(SinkRules rules, std::uint64_t seed) : rules_(std::move(rules)), random_(seed) {
  set_latency(rules_.latency, rules_.latency_p99);
  tokens_ = rules_.rate;
}

void SinkBehaviour::set_latency(base::Millis mean, base::Millis p99) {
  rules_.latency = mean;
  rules_.latency_p99 = p99;
  log_deviation_ = 0;
  if (mean.count() <= 0 || p99 <= mean) return;
  // mean = exp(m + s²/2), p99 = exp(m + 2.326 s): a quadratic in s. A tail over 15 times the mean has no solution; s is
  // at its largest then.
  constexpr double kZ99 = 2.3263;
  const double ratio = std::log(static_cast<double>(p99.count()) / static_cast<double>(mean.count()));
  log_deviation_ = kZ99 - std::sqrt(std::max(0.0, kZ99 * kZ99 - 2 * ratio));
  log_mean_ = std::log(static_cast<double>(mean.count())) - log_deviation_ * log_deviation_ / 2;
}

base::Millis SinkBehaviour::draw_latency() {
  if (log_deviation_ <= 0) return rules_.latency;
  constexpr double kLongest = 600'000;
  return base::Millis(std::llround(std::min(kLongest, std::exp(log_mean_ + log_deviation_ * random_.normal()))));
}

base::Result<void> SinkBehaviour::set_mode(std::string_view text) {
  if (text == "ok" || text == "hang" || text == "refuse") {
    mode_ = text == "ok" ? Mode::ok : text == "hang" ? Mode::hang : Mode::refuse;
    return {};
  }
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error != std::errc{} || end != text.data() + text.size() || status < 200 || status > 599) {
    return {base::Errc::invalid, "mode is ok, hang, refuse or a status from 200 to 599"};
  }
  mode_ = Mode::status;
  forced_status_ = status;
  return {};
}

bool SinkBehaviour::over_rate(std::size_t events, base::MonoTime now, base::Millis& retry_after) {
  if (rules_.rate <= 0) return false;
  if (refilled_ != base::MonoTime{}) {
    const double seconds = std::chrono::duration<double>(now - refilled_).count();
    tokens_ = std::min(rules_.rate, tokens_ + seconds * rules_.rate);
  }
  refilled_ = now;
  // A batch larger than a second's worth passes when the bucket is full, or it never would.
  const double wanted = std::min(static_cast<double>(events), rules_.rate);
  if (tokens_ >= wanted) {
    tokens_ -= wanted;
    return false;
  }
  const double seconds = std::ceil((wanted - tokens_) / rules_.rate);  // Retry-After tells whole seconds
  retry_after = base::Millis(static_cast<std::int64_t>(std::max(1.0, seconds) * 1000));
  return true;
}

SinkBehaviour::Decision SinkBehaviour::decide(std::string_view body, std::size_t events, base::MonoTime now) {
  Decision decision;
  if (mode_ == Mode::hang) return {.hang = true};
  decision.delay = draw_latency();
  if (mode_ == Mode::status) {
    decision.status = forced_status_;
    return decision;
  }
  if (is_poison(body)) {
    decision.status = 400;
    return decision;
  }
  if (random_.chance(rules_.hang)) return {.hang = true};
  double pick = random_.unit();
  for (const auto& [status, share] : rules_.errors) {
    if (pick < share) {
      decision.status = status;
      return decision;
    }
    pick -= share;
  }
  if (over_rate(events, now, decision.retry_after)) decision.status = 429;
  return decision;
}

}  // namespace trunkline::sim
