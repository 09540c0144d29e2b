#include "delivery/breaker.hpp"

#include <algorithm>

namespace trunkline::delivery {

std::string_view name(BreakerState state) {
  switch (state) {
    case BreakerState::closed:
      return "closed";
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      return "half_open";
  }
  return "closed";
}

Breaker::Breaker(const Options& options) : options_(options), open_time_(options.open_base), limit_(options) {
  lanes_.reserve(options.breaker_lanes_max);
  outcomes_.reserve(options.breaker_lanes_max);
}

std::size_t Breaker::concurrency() const {
  switch (state_) {
    case BreakerState::closed:
      return limit_.batches();
    case BreakerState::open:
      return 0;
    case BreakerState::half_open:
      return 1;
  }
  return 0;
}

void Breaker::record(std::uint64_t lane, bool failed, base::MonoTime now) {
  if (!closed()) return;
  const auto found = std::find(lanes_.begin(), lanes_.end(), lane);
  if (found != lanes_.end()) {
    outcomes_[static_cast<std::size_t>(found - lanes_.begin())] = {now, failed};
  } else if (lanes_.size() < options_.breaker_lanes_max) {
    lanes_.push_back(lane);
    outcomes_.push_back({now, failed});
  } else {
    lanes_[replace_next_] = lane;
    outcomes_[replace_next_] = {now, failed};
    replace_next_ = (replace_next_ + 1) % lanes_.size();
  }
}

bool Breaker::lanes_fail(base::MonoTime now) const {
  std::size_t lanes = 0;
  std::size_t failed = 0;
  for (const Outcome& outcome : outcomes_) {
    if (now - outcome.at > options_.breaker_window) continue;
    ++lanes;
    if (outcome.failed) ++failed;
  }
  return lanes >= options_.breaker_lanes_min &&
         static_cast<double>(failed) >= options_.breaker_share * static_cast<double>(lanes);
}

void Breaker::open_for(Now now, base::Millis at_least) {
  until_ = now.mono + std::max(open_time_, std::min(at_least, options_.retry_after_max));
  state_ = BreakerState::open;
}

void Breaker::forget_outcomes() {
  lanes_.clear();
  outcomes_.clear();
  replace_next_ = 0;
}

void Breaker::open(Now now, base::Millis at_least) {
  forget_outcomes();
  ++opened_;
  // It has just closed and was not yet back: the outage goes on.
  if (!limit_.recovered()) open_time_ = std::min(open_time_ * 2, options_.open_cap);
  since_ = now.wall;
  limit_.outage();
  open_for(now, at_least);
}

void Breaker::tick(Now now) {
  if (state_ == BreakerState::open && now.mono >= until_) state_ = BreakerState::half_open;
}

void Breaker::join(Now now, base::Millis lasts, base::Millis open_time) {
  if (closed()) {
    forget_outcomes();
    since_ = now.wall;
    limit_.outage();
  }
  open_time_ = std::clamp(open_time, options_.open_base, options_.open_cap);
  until_ = now.mono + lasts;
  state_ = BreakerState::open;
}

// A probe that was sent before another worker took over says as much.
void Breaker::probe_delivered(Now now) {
  if (!closed()) close(now);
}

void Breaker::close(Now now) {
  state_ = BreakerState::closed;
  since_ = now.wall;
  limit_.restart();
  if (limit_.recovered()) open_time_ = options_.open_base;
}

void Breaker::probe_failed(Now now, bool unavailable, base::Millis at_least) {
  if (state_ != BreakerState::half_open) return;
  if (unavailable) open_time_ = std::min(open_time_ * 2, options_.open_cap);
  open_for(now, at_least);
}

void Breaker::batch_ended(const ConcurrencyLimit::Ended& batch) {
  if (!closed()) return;
  limit_.ended(batch);
  if (limit_.recovered()) open_time_ = options_.open_base;
}

}  // namespace trunkline::delivery
