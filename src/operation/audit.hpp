#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "operation/record.hpp"

namespace trunkline::operation {

struct AuditOptions {
  std::size_t entries_max = 5'000;  // with texts of 1 KiB at most: some megabytes at the worst
  base::Millis age_max = std::chrono::hours(24 * 90);
};

// What was done, in order, the oldest forgotten first. Keeps all in memory; what must be written for that comes out as
// state writes, so that an entry is on disk with what it tells of. Pure, not thread-safe.
class Audit {
 public:
  explicit Audit(AuditOptions options) : options_(options) {}

  static constexpr const char* key_prefix = "audit/";
  // What was on disk, keys with their prefix. What does not decode is left out and counted.
  std::size_t load(const std::map<std::string, std::string>& stored);

  // Gives the entry its id and time.
  std::uint64_t add(AuditEntry entry, base::WallTime now, std::vector<engine::Engine::StateWrite>& writes);
  // What came of it, once that is known; nothing when the entry has been forgotten.
  void set_outcome(std::uint64_t id, std::string outcome, std::vector<engine::Engine::StateWrite>& writes);

  // Newest first, those before `before` (0: all), of one consumer where it is named.
  std::vector<AuditEntry> list(std::uint64_t before, std::size_t limit, const std::string& consumer) const;
  std::size_t size() const { return entries_.size(); }

 private:
  const AuditOptions options_;
  std::deque<AuditEntry> entries_;  // by id
  std::uint64_t next_ = 1;
};

}  // namespace trunkline::operation
