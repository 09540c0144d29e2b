#include "operation/audit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace trunkline::operation {
namespace {

std::string key_of(std::uint64_t id) {
  return fmt::format("{}{:020}", Audit::key_prefix, id);
}

}  // namespace

std::size_t Audit::load(const std::map<std::string, std::string>& stored) {
  std::size_t unknown = 0;
  for (const auto& [key, bytes] : stored) {
    if (!key.starts_with(key_prefix)) continue;
    auto entry = decode_audit(bytes);
    if (entry.ok()) {
      next_ = entry->id + 1;
      entries_.push_back(std::move(*entry));
    } else {
      ++unknown;
    }
  }
  return unknown;
}

std::uint64_t Audit::add(AuditEntry entry, base::WallTime now, std::vector<engine::Engine::StateWrite>& writes) {
  entry.id = next_++;
  entry.at = now;
  writes.push_back({key_of(entry.id), encode(entry)});
  entries_.push_back(std::move(entry));
  while (entries_.size() > options_.entries_max || entries_.front().at < now - options_.age_max) {
    writes.push_back({key_of(entries_.front().id), std::nullopt});
    entries_.pop_front();
  }
  return next_ - 1;
}

void Audit::set_outcome(std::uint64_t id, std::string outcome, std::vector<engine::Engine::StateWrite>& writes) {
  const auto found = std::ranges::lower_bound(entries_, id, std::less(), &AuditEntry::id);
  if (found == entries_.end() || found->id != id) return;
  found->outcome = std::move(outcome);
  writes.push_back({key_of(id), encode(*found)});
}

std::vector<AuditEntry> Audit::list(std::uint64_t before, std::size_t limit, const std::string& consumer) const {
  std::vector<AuditEntry> found;
  for (auto entry = entries_.rbegin(); entry != entries_.rend() && found.size() < limit; ++entry) {
    if (before != 0 && entry->id >= before) continue;
    if (consumer.empty() || entry->consumer == consumer) found.push_back(*entry);
  }
  return found;
}

}  // namespace trunkline::operation
