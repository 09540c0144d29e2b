#include "board/service_level.hpp"

#include <algorithm>
#include <iterator>

namespace trunkline::board {

std::optional<double> ServiceLevel::Counts::percent() const {
  const std::int64_t all = answered() + abandoned;
  if (all <= 0) return std::nullopt;
  return 100.0 * static_cast<double>(in_time) / static_cast<double>(all);
}

ServiceLevel::Counts& ServiceLevel::Counts::operator+=(const Counts& other) {
  in_time += other.in_time;
  late += other.late;
  abandoned += other.abandoned;
  return *this;
}

ServiceLevel::Counts& ServiceLevel::Counts::operator-=(const Counts& other) {
  in_time = std::max<std::int64_t>(in_time - other.in_time, 0);
  late = std::max<std::int64_t>(late - other.late, 0);
  abandoned = std::max<std::int64_t>(abandoned - other.abandoned, 0);
  return *this;
}

bool ServiceLevel::counts(const Conversation::Session& session) {
  return session.role == Role::queue && !session.queue.empty() && session.started != 0 &&
         session.ended >= session.started &&
         (session.wait_end == WaitEnd::answered || session.wait_end == WaitEnd::abandoned);
}

ServiceLevel::Counts ServiceLevel::of(const Conversation::Session& wait, base::Millis within) {
  Counts counts;
  if (!ServiceLevel::counts(wait)) return counts;
  if (wait.wait_end == WaitEnd::abandoned) {
    counts.abandoned = 1;
  } else if (wait.ended - wait.started <= within.count()) {
    counts.in_time = 1;
  } else {
    counts.late = 1;
  }
  return counts;
}

void ServiceLevel::add(Time ended, const Counts& counts) {
  steps_[ended / kStep] += counts;
  if (steps_.size() > kStepsMax) steps_.erase(steps_.begin());
}

void ServiceLevel::take_back(Time ended, const Counts& counts) {
  const auto step = steps_.find(ended / kStep);
  if (step == steps_.end()) return;
  step->second -= counts;
  if (step->second == Counts()) steps_.erase(step);
}

ServiceLevel::Counts ServiceLevel::between(Time from, Time to) const {
  Counts sum;
  for (auto at = steps_.lower_bound(from / kStep); at != steps_.end() && at->first <= to / kStep; ++at)
    sum += at->second;
  return sum;
}

bool ServiceLevel::keep_between(Time from, Time to) {
  return std::erase_if(steps_, [&](const auto& step) { return step.first < from / kStep || step.first > to / kStep; }) >
         0;
}

Time ServiceLevel::newest(Time to) const {
  const auto behind = steps_.upper_bound(to / kStep);
  return behind == steps_.begin() ? 0 : std::prev(behind)->first * kStep;
}

void ServiceLevel::encode(std::string& out) const {
  base::put_varint(out, steps_.size());
  for (const auto& [step, counts] : steps_) {
    base::put_varint(out, static_cast<std::uint64_t>(step));
    for (const std::int64_t count : {counts.in_time, counts.late, counts.abandoned})
      base::put_varint(out, static_cast<std::uint64_t>(count));
  }
}

bool ServiceLevel::decode(base::ByteReader& in) {
  steps_.clear();
  const std::uint64_t count = in.varint();
  if (count > kStepsMax) return false;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Counts& counts = steps_[static_cast<std::int64_t>(in.varint())];
    counts.in_time = static_cast<std::int64_t>(in.varint());
    counts.late = static_cast<std::int64_t>(in.varint());
    counts.abandoned = static_cast<std::int64_t>(in.varint());
  }
  return in.ok();
}

}  // namespace trunkline::board
