#include "store/fault_rules.hpp"

#include "base/check.hpp"

namespace trunkline::store {

void FaultRules::add(FaultRule rule) {
  const std::lock_guard lock(mutex_);
  TRUNKLINE_CHECK(rules_.size() < kRulesMax, "too many fault rules");
  TRUNKLINE_CHECK(rule.kind != FaultKind::bit_flip || rule.op == FaultOp::read, "bits are flipped on reads only");
  rules_.push_back({std::move(rule), 0, 0});
}

void FaultRules::clear() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
}

bool FaultRules::fires(Active& active, FaultOp op, std::string_view file_name) {
  const FaultRule& rule = active.rule;
  if (rule.op != op || file_name.find(rule.name_part) == std::string_view::npos) return false;
  if (active.seen++ < rule.skip || active.fired >= rule.times) return false;
  if (rule.share < 1.0 && std::uniform_real_distribution<double>(0, 1)(random_) >= rule.share) return false;
  ++active.fired;
  return true;
}

std::optional<FaultKind> FaultRules::check(FaultOp op, std::string_view file_name) {
  const std::size_t index = static_cast<std::size_t>(op);
  const std::lock_guard lock(mutex_);
  ++counts_.passed[index];
  for (Active& active : rules_) {
    if (!fires(active, op, file_name)) continue;
    if (active.rule.kind == FaultKind::bit_flip) {
      ++counts_.bits_flipped;
    } else {
      ++counts_.failed[index];
    }
    return active.rule.kind;
  }
  return std::nullopt;
}

void FaultRules::count_no_space() {
  const std::lock_guard lock(mutex_);
  ++counts_.no_space;
}

FaultCounts FaultRules::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::uint64_t FaultRules::random_below(std::uint64_t bound) {
  const std::lock_guard lock(mutex_);
  return random_() % bound;
}

}  // namespace trunkline::store
