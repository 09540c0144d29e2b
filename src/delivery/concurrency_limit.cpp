#include "delivery/concurrency_limit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace trunkline::delivery {
namespace {

constexpr std::uint32_t kBatchesMin = 4;  // fewer have no mean worth the name
constexpr double kGrown = 2.0;            // times the usual latency
constexpr double kUsual = 1.25;           // times the usual latency: up to here it is followed
constexpr double kHarmlessMillis = 100;
constexpr double kInertia = 16;  // batches that the usual latency weighs against those of one judgement

std::size_t root(std::size_t limit) {
  return static_cast<std::size_t>(std::sqrt(static_cast<double>(limit)));
}

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const Options& options)
    : cap_(options.concurrency),
      batch_messages_max_(options.batch_messages),
      adaptive_(options.adaptive),
      limit_(options.adaptive ? 1 : options.concurrency),
      threshold_(options.concurrency),
      batch_messages_(options.batch_messages) {}

void ConcurrencyLimit::started(std::size_t in_flight) {
  most_in_flight_ = std::max(most_in_flight_, in_flight);
}

void ConcurrencyLimit::ended(const Ended& batch) {
  if (batch.era != era_) return;
  if (adaptive_ && batch.throttled) {
    ++fell_throttled_;
    if (batch_messages_ < batch_messages_max_) batch_messages_ = std::max<std::size_t>(batch_messages_ / 2, 1);
    return fall_to(std::min(limit_, batch.in_flight) / 2);
  }
  if (adaptive_) measure(batch);
  if (adaptive_ && measured_ >= std::max<std::size_t>(limit_, kBatchesMin) && judge()) {
    ++fell_latency_;
    return fall_to(std::min(limit_, std::max(most_in_flight_, batch.in_flight)) * 3 / 4);
  }
  if (batch.good) grow();
}

void ConcurrencyLimit::measure(const Ended& batch) {
  Size& size = sizes_[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(batch.events)), kSizes) - 1];
  size.sum += static_cast<double>(batch.latency.count());
  ++size.count;
  if (size.usual > 0) {
    ++measured_;
  } else if (size.count >= kBatchesMin) {
    size = {std::max(size.sum / size.count, 1.0), 0, 0};
  }
}

bool ConcurrencyLimit::judge() {
  double sum = 0;
  double usual = 0;
  for (const Size& size : sizes_) {
    if (size.usual == 0) continue;
    sum += size.sum;
    usual += size.usual * size.count;
  }
  const bool slow = sum > kGrown * usual && sum > kHarmlessMillis * measured_;
  for (Size& size : sizes_) {
    if (size.usual == 0 || size.count == 0) continue;
    const double mean = std::max(size.sum / size.count, 1.0);
    if (slow && limit_ == 1) {
      size.usual = mean;
    } else if (mean < kUsual * size.usual) {
      size.usual += (mean - size.usual) * size.count / (size.count + kInertia);
    }
    size.sum = 0;
    size.count = 0;
  }
  measured_ = 0;
  return slow && limit_ > 1;
}

void ConcurrencyLimit::grow() {
  if (recovering_ && ++good_since_outage_ >= cap_) recovering_ = false;
  if (batch_messages_ < batch_messages_max_) {
    batch_messages_ = std::min(batch_messages_ * 2, batch_messages_max_);
    return;
  }
  const std::size_t round = slow_start() ? limit_ : std::max<std::size_t>(limit_, kBatchesMin);
  if (++good_ < round) return;
  const bool tried = most_in_flight_ >= limit_ || !adaptive_;
  good_ = 0;
  most_in_flight_ = 0;
  if (!tried) return;
  limit_ =
      slow_start() ? std::min(limit_ * 2, threshold_) : std::min(limit_ + std::max<std::size_t>(root(limit_), 1), cap_);
  if (!slow_start()) recovering_ = false;
}

void ConcurrencyLimit::fall_to(std::size_t limit) {
  limit_ = std::max<std::size_t>(limit, 1);
  threshold_ = limit_;
  good_ = 0;
  most_in_flight_ = 0;
  measured_ = 0;
  ++era_;
  for (Size& size : sizes_) {
    size.sum = 0;
    size.count = 0;
  }
}

void ConcurrencyLimit::outage() {
  const std::size_t threshold = adaptive_ ? std::max<std::size_t>(limit_ / 2, 1) : cap_;
  fall_to(1);
  threshold_ = threshold;
}

void ConcurrencyLimit::restart() {
  ++era_;
  batch_messages_ = std::min<std::size_t>(2, batch_messages_max_);
  good_ = 0;
  most_in_flight_ = 0;
  good_since_outage_ = 0;
  recovering_ = cap_ > 1;
}

}  // namespace trunkline::delivery
