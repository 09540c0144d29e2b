#include "sinks/case_store.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace trunkline::sinks {
namespace {

std::int64_t generation_at(base::WallTime now) {
  return now.time_since_epoch() / EngineCaseStore::kGeneration;
}
std::string owner_of(const std::string& consumer, std::int64_t generation) {
  return fmt::format("cases/{}/{}", consumer, generation);
}

}  // namespace

EngineCaseStore::EngineCaseStore(engine::Engine& engine, base::QueueId queue, std::string consumer,
                                 const base::Clock& clock)
    : engine_(engine), queue_(queue), consumer_(std::move(consumer)), clock_(clock) {
  turn();
}

std::vector<std::string> EngineCaseStore::owners(const std::string& consumer, base::WallTime now) {
  const std::int64_t generation = generation_at(now);
  return {owner_of(consumer, generation), owner_of(consumer, generation - 1), owner_of(consumer, generation - 2)};
}

// A clock that goes back keeps the later generation.
void EngineCaseStore::turn() {
  const std::int64_t now = generation_at(clock_.wall());
  if (now <= generation_) return;
  generation_ = now;
  const auto removed = engine_.remove_state(owner_of(consumer_, generation_ - 2));
  if (!removed.ok()) base::log::warn("old cases are kept longer", "consumer", consumer_, "why", removed.error().detail);
}

base::Result<std::optional<std::string>> EngineCaseStore::load(const std::string& key) {
  if (const auto found = recent_.find(key); found != recent_.end()) return std::optional<std::string>(found->second);
  for (const std::int64_t generation : {generation_, generation_ - 1}) {
    TRUNKLINE_TRY(auto stored, engine_.get_state(owner_of(consumer_, generation), key));
    if (stored) return std::optional<std::string>(std::move(stored->bytes));
  }
  return std::optional<std::string>();
}

void EngineCaseStore::save(std::vector<std::pair<std::string, std::string>> entries) {
  turn();
  std::vector<engine::Engine::StateWrite> writes;
  for (auto& [key, bytes] : entries) {
    if (recent_.insert_or_assign(key, bytes).second) order_.push_back(key);
    writes.push_back({std::move(key), std::move(bytes)});
  }
  while (order_.size() > kRecentMax) {
    recent_.erase(order_.front());
    order_.pop_front();
  }
  if (!writes.empty()) engine_.write_state(queue_, owner_of(consumer_, generation_), std::move(writes));
}

}  // namespace trunkline::sinks
