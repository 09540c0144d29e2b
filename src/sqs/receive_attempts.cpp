#include "sqs/receive_attempts.hpp"

namespace trunkline::sqs {

void ReceiveAttempts::put(base::QueueId queue, const std::string& id, Given given) {
  Kept kept{{queue, id}, std::move(given)};
  for (const engine::Lease& lease : kept.given.leases) {
    for (const engine::LeasedMessage& message : lease.messages) kept.bytes += message.record->event.raw.size();
  }
  const std::scoped_lock lock(mutex_);
  if (const auto found = by_key_.find(kept.key); found != by_key_.end()) drop(found->second);
  if (kept.bytes > kBytesMax) return;
  while (kept_.size() >= kMax || bytes_ + kept.bytes > kBytesMax) drop(kept_.begin());
  for (const engine::Lease& lease : kept.given.leases) by_lease_.insert_or_assign(lease.id, kept.key);
  bytes_ += kept.bytes;
  const Key key = kept.key;
  by_key_.emplace(key, kept_.insert(kept_.end(), std::move(kept)));
}

std::optional<ReceiveAttempts::Given> ReceiveAttempts::find(base::QueueId queue, const std::string& id,
                                                            base::WallTime now) const {
  const std::scoped_lock lock(mutex_);
  const auto found = by_key_.find({queue, id});
  if (found == by_key_.end() || now - found->second->given.at >= kFor) return std::nullopt;
  return found->second->given;
}

void ReceiveAttempts::changed(std::uint64_t lease) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_lease_.find(lease);
  if (found == by_lease_.end()) return;
  if (const auto kept = by_key_.find(found->second); kept != by_key_.end()) drop(kept->second);
}

void ReceiveAttempts::forget(base::QueueId queue, const std::string& id) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = by_key_.find({queue, id}); found != by_key_.end()) drop(found->second);
}

void ReceiveAttempts::drop(std::list<Kept>::iterator kept) {
  for (const engine::Lease& lease : kept->given.leases) by_lease_.erase(lease.id);
  bytes_ -= kept->bytes;
  by_key_.erase(kept->key);
  kept_.erase(kept);
}

}  // namespace trunkline::sqs
