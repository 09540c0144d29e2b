#include "delivery/budget.hpp"

#include <algorithm>
#include <utility>

#include "base/bytes.hpp"
#include "base/check.hpp"

namespace trunkline::delivery {
namespace {

constexpr base::Millis kClockSet = std::chrono::minutes(1);
constexpr std::uint64_t kVersion = 1;

std::int64_t floored(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

}  // namespace

Budget::Budget(const BudgetOptions& options)
    : options_(options),
      length_(options.rolling ? std::max<std::int64_t>(options.per.count() / kSlots, 1) : options.per.count()),
      before_(options.rolling ? (options.per.count() + length_ - 1) / length_ : 0) {}

std::int64_t Budget::slot_of(base::WallTime time) const {
  return floored(time.time_since_epoch().count() - options_.offset.count(), length_);
}

base::WallTime Budget::begin_of(std::int64_t slot) const {
  return base::WallTime(base::Millis(slot * length_) + options_.offset);
}

// A slot is stored by its last millisecond, so that a span or an offset that was changed meanwhile counts it for no less long.
std::string Budget::encode() const {
  std::string bytes;
  base::put_u64(bytes, kVersion);
  base::put_u64(bytes, slots_.size());
  for (const auto& [slot, count] : slots_) {
    base::put_u64(bytes, static_cast<std::uint64_t>(begin_of(slot + 1).time_since_epoch().count() - 1));
    base::put_u64(bytes, count);
  }
  return bytes;
}

bool Budget::restore(std::string_view stored) {
  base::ByteReader in(stored);
  const std::uint64_t version = in.u64();
  const std::uint64_t count = in.u64();
  unreadable_ = !in.ok() || version != kVersion || count > static_cast<std::uint64_t>(kSlots) * 2;
  for (std::uint64_t i = 0; !unreadable_ && i < count; ++i) {
    const base::WallTime last(base::Millis(static_cast<std::int64_t>(in.u64())));
    slots_[slot_of(last)] += in.u64();
    unreadable_ = !in.ok();
  }
  if (unreadable_) slots_.clear();
  return !unreadable_;
}

void Budget::return_unspent() {
  if (unspent_ == 0) return;
  auto& claimed = slots_[block_slot_];
  claimed -= std::min(claimed, unspent_);
  unspent_ = 0;
}

void Budget::shift(base::Millis by) {
  // Rounded towards later, so that nothing gets older by it.
  const std::int64_t slots = floored(by.count() + length_ - 1, length_);
  std::map<std::int64_t, std::uint64_t> moved;
  for (const auto& [slot, count] : slots_) moved[slot + slots] += count;
  slots_ = std::move(moved);
  block_slot_ += slots;
  shifted_ = true;
}

void Budget::tick(Now now) {
  if (!bounded()) return;
  if (last_) {
    const auto jump = std::chrono::duration_cast<base::Millis>((now.wall - last_->wall) - (now.mono - last_->mono));
    if (std::chrono::abs(jump) > kClockSet) {
      return_unspent();
      shift(jump);
    }
  }
  last_ = now;
  slot_ = slot_of(now.wall);
  if (unspent_ > 0 && block_slot_ != slot_) return_unspent();
  if (claimed_ > 0 && !storing_ && block_slot_ != slot_) {
    unspent_ = std::exchange(claimed_, 0);
    return_unspent();
  }
  if (std::exchange(unreadable_, false)) slots_[slot_] = limit();
  for (auto future = slots_.upper_bound(slot_); future != slots_.end(); future = slots_.erase(future))
    slots_[slot_] += future->second;
  block_slot_ = std::min(block_slot_, slot_);
  slots_.erase(slots_.begin(), slots_.lower_bound(slot_ - before_));
}

std::uint64_t Budget::counted() const {
  std::uint64_t sum = 0;
  for (const auto& [slot, count] : slots_) sum += count;
  return sum;
}

std::uint64_t Budget::used() const {
  const std::uint64_t all = counted();
  return all - std::min(all, unspent_ + claimed_);
}

std::uint64_t Budget::block() const {
  return std::clamp<std::uint64_t>(limit() / 200, 1, kBlockMax);
}

void Budget::take() {
  if (!bounded()) return;
  TRUNKLINE_CHECK(unspent_ > 0, "a request beyond the budget");
  --unspent_;
}

std::optional<base::WallTime> Budget::used_up_until() const {
  if (!bounded() || unspent_ > 0 || claimed_ > 0 || counted() < limit()) return std::nullopt;
  std::uint64_t left = counted();
  for (const auto& [slot, count] : slots_) {
    left -= count;
    if (left < limit()) return begin_of(slot + before_ + 1);
  }
  return begin_of(slot_ + before_ + 1);
}

std::optional<std::string> Budget::claim() {
  if (!bounded() || unspent_ > 0 || storing_) return std::nullopt;
  if (claimed_ == 0 && !shifted_) {
    const std::uint64_t all = counted();
    claimed_ = std::min(block(), limit() - std::min(limit(), all));
    if (claimed_ == 0) return std::nullopt;
    slots_[slot_] += claimed_;
    block_slot_ = slot_;
  }
  storing_ = true;
  shifted_ = false;
  return encode();
}

void Budget::stored(bool ok) {
  storing_ = false;
  if (ok) unspent_ = std::exchange(claimed_, 0);
  shifted_ = shifted_ || (!ok && claimed_ == 0);
}

std::optional<std::string> Budget::give_back() {
  if (!bounded() || unspent_ + claimed_ == 0) return std::nullopt;
  unspent_ += std::exchange(claimed_, 0);
  return_unspent();
  return encode();
}

}  // namespace trunkline::delivery
