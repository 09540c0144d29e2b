#include "queue/disk_guard.hpp"

#include <algorithm>
#include <limits>

#include "base/log.hpp"
#include "queue/keys.hpp"
#include "queue/retention.hpp"

namespace trunkline::queue {
namespace {

constexpr std::size_t kStepsMax = 1'000;  // of one check: 20 million records
constexpr std::size_t kExpireAtOnce = 10'000;
constexpr std::size_t kChecksPerInterval = 5;  // usage is looked at more often than history is swept

}  // namespace

bool over(const DiskGuardOptions& options, const store::Store::Usage& usage, bool refusing) {
  const std::uint64_t slack = refusing ? options.disk_budget / 20 : 0;
  return (options.disk_budget > 0 && usage.bytes > options.disk_budget - slack) ||
         usage.free_bytes < options.min_free + usage.merge_bytes;
}

std::uint64_t spare_log_bytes(std::uint64_t disk_budget) {
  constexpr std::uint64_t kShareOfBudget = 16;
  if (disk_budget == 0) return store::kSpareLogBytes;
  return std::min(store::kSpareLogBytes, disk_budget / kShareOfBudget);
}

DiskGuard::DiskGuard(store::Store& store, Committer& committer, const base::Clock& clock, DiskGuardOptions options,
                     Hooks hooks)
    : store_(store),
      committer_(committer),
      clock_(clock),
      options_(options),
      hooks_(std::move(hooks)),
      next_(options),
      usage_(store.usage()) {
  if (options_.runs_on != nullptr) {
    round_later();
  } else {
    thread_ = std::thread([this] { run(); });
  }
}

DiskGuard::~DiskGuard() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (options_.runs_on != nullptr) options_.runs_on->cancel(timer_);
}

store::Store::Usage DiskGuard::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

void DiskGuard::set_limits(base::Millis retain, std::uint64_t disk_budget) {
  const std::lock_guard lock(mutex_);
  next_.retain = retain;
  next_.disk_budget = disk_budget;
}

void DiskGuard::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, options_.interval / kChecksPerInterval, [this] { return stopping_; });
      if (stopping_) return;
    }
    round();
  }
}

void DiskGuard::round_later() {
  timer_ = options_.runs_on->after(options_.interval / kChecksPerInterval, [this] {
    round();
    round_later();
  });
}

void DiskGuard::round() {
  {
    const std::lock_guard lock(mutex_);
    options_ = next_;
  }
  if (rounds_++ % kChecksPerInterval == 0) {
    const auto before = clock_.wall() - options_.retain;
    sweep_all(before.time_since_epoch().count());
  }
  check();
}

void DiskGuard::check() {
  store::Store::Usage fresh = store_.usage();
  const bool full = over(options_, fresh, refusing_);
  store_.limit_spare_logs(full ? 0 : spare_log_bytes(options_.disk_budget));
  if (full) fresh = store_.usage();
  if (over(options_, fresh, refusing_)) {
    sweep_hard();
    fresh = store_.usage();
    if (over(options_, fresh, refusing_) && hooks_.expire_some(kExpireAtOnce)) {
      sweep_hard();
      fresh = store_.usage();
    }
  }
  const bool refuse = over(options_, fresh, refusing_);
  if (refuse != refusing_) {
    refusing_ = refuse;
    committer_.refuse_for_budget(refuse);
    if (refuse) {
      base::log::error("the disk budget is full: publishes are refused until there is room", "bytes", fresh.bytes,
                       "budget", options_.disk_budget, "free", fresh.free_bytes);
    } else {
      base::log::info("there is room on the disk again", "bytes", fresh.bytes, "budget", options_.disk_budget);
    }
  }
  rest(fresh);
  const std::lock_guard lock(mutex_);
  usage_ = fresh;
}

void DiskGuard::rest(const store::Store::Usage& usage) {
  if (usage.changes != changes_) {
    changes_ = usage.changes;
    still_rounds_ = 0;
    return;
  }
  if (++still_rounds_ != kChecksPerInterval) return;
  hooks_.at_rest();
  if (usage.unflushed_bytes < kRestBytes) return;
  if (const auto flushed = store_.flush(); !flushed.ok()) {
    base::log::warn("the store cannot be flushed now", "error", flushed.error().detail);
  }
}

void DiskGuard::sweep_all(std::int64_t before_ms) {
  bool removed = false;
  for (std::size_t step = 0; step < kStepsMax; ++step) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    auto result = sweep(store_, hooks_.queues(), committer_.end(), {before_ms, 20'000});
    if (!result.ok()) {
      base::log::warn("settled history cannot be swept now", "error", result.error().detail);
      break;
    }
    if (result->batch.empty() || !committer_.write_and_wait(std::move(result->batch)).ok()) break;
    removed = true;
    if (!result->more) break;
  }
  if (!removed) return;
  compacted_ = false;
  reclaim();
}

void DiskGuard::reclaim() {
  const auto ranges = swept_ranges(store_);
  if (!ranges.ok()) return;
  for (const SweptRange& range : *ranges) {
    for (const Table table : {Table::log, Table::scan}) {
      if (!store_.reclaim(handle(table), sequence_key(range.first), sequence_key(range.end)).ok()) return;
    }
  }
}

// What was removed may still take its room: in write-ahead logs, which wait for a flush, and in files that are young or
// hold something else as well. While publishes are refused nothing else would make RocksDB rewrite them.
void DiskGuard::sweep_hard() {
  sweep_all(std::numeric_limits<std::int64_t>::max());
  if (compacted_ || !over(options_, store_.usage(), refusing_)) return;
  compacted_ = true;
  const auto ranges = swept_ranges(store_);
  if (!ranges.ok() || ranges->empty()) return;
  if (const auto flushed = store_.flush(); !flushed.ok()) {
    base::log::warn("the store cannot be flushed now", "error", flushed.error().detail);
    return;
  }
  for (const Table table : {Table::log, Table::scan}) {
    const auto rewritten =
        store_.compact(handle(table), sequence_key(ranges->front().first), sequence_key(ranges->back().end));
    if (!rewritten.ok()) base::log::warn("the store cannot be compacted now", "error", rewritten.error().detail);
  }
}

}  // namespace trunkline::queue
