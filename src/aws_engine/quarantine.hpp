#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

struct QuarantineOptions {
  // More are refused with Errc::overloaded, so that senders are answered 503 and come again. Workers count what is there
  // every ten seconds, so that it may be more by what they take in between.
  std::uint64_t inputs_max = 10'000;
  base::Millis keep = std::chrono::hours(24 * 90);  // then the table's TTL deletes it: nobody has looked in a quarter
};

// Input that is no event, in the table.
class Quarantine {
 public:
  Quarantine(Cloud& cloud, QuarantineOptions options) : cloud_(cloud), options_(options) {}

  // On the engine's loop; `done` runs there, with the id. Nobody may have that id.
  using Added = base::UniqueFunction<void(base::Result<std::uint64_t>)>;
  void add(const engine::Quarantined& input, std::uint64_t id, Added done);

  // Counts anew what is there, which others add to as well. On the engine's loop.
  void refresh();
  std::uint64_t there() const { return there_.load(std::memory_order_relaxed); }  // any thread: by the last count

  // These block; any other thread.
  base::Result<std::vector<engine::Quarantined>> list(engine::Page page);
  base::Result<void> remove(const std::vector<std::uint64_t>& ids);

 private:
  void count(std::uint64_t so_far, std::optional<Item> start);
  void counted(base::Result<std::uint64_t> number);
  void store(const std::string& bytes, std::uint64_t id, Added done);
  base::Result<std::optional<std::string>> bytes_of(std::uint64_t id, const Item& item);

  Cloud& cloud_;
  const QuarantineOptions options_;
  std::atomic<std::uint64_t> there_{0};  // when it was counted, and what was added here since
  std::optional<base::MonoTime> counted_at_;
  bool counting_ = false;
  using Waiting = base::UniqueFunction<void(const base::Result<void>&)>;
  std::vector<Waiting> waiting_;  // for the count; the publisher bounds what is under way
};

}  // namespace trunkline::aws_engine
