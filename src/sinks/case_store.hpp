#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"

namespace trunkline::sinks {

// What a sink keeps of each of its keys. On the sink's loop.
class CaseStore {
 public:
  virtual ~CaseStore() = default;
  virtual base::Result<std::optional<std::string>> load(const std::string& key) = 0;
  virtual void save(std::vector<std::pair<std::string, std::string>> entries) = 0;
};

// In the engine's state, in the commit of the settles that come after save(). Two generations of kGeneration each are
// kept: what nobody has saved for that long is forgotten, so that the state is bounded by what comes in 70 days. What
// was saved last is answered from memory until it is surely on disk: kRecentMax entries of at most 64 KiB, 60 MiB as a
// rule of a KiB each far less.
class EngineCaseStore final : public CaseStore {
 public:
  static constexpr base::Millis kGeneration = std::chrono::hours(35 * 24);
  static constexpr std::size_t kRecentMax = 4'096;

  // Engine and clock outlive it.
  EngineCaseStore(engine::Engine& engine, base::QueueId queue, std::string consumer, const base::Clock& clock);

  base::Result<std::optional<std::string>> load(const std::string& key) override;
  void save(std::vector<std::pair<std::string, std::string>> entries) override;

  // All owners that a consumer may have at this time, for who removes it.
  static std::vector<std::string> owners(const std::string& consumer, base::WallTime now);

 private:
  void turn();

  engine::Engine& engine_;
  const base::QueueId queue_;
  const std::string consumer_;
  const base::Clock& clock_;
  std::int64_t generation_ = 0;
  std::map<std::string, std::string, std::less<>> recent_;
  std::deque<std::string> order_;  // of recent_, oldest first; a key stands once
};

}  // namespace trunkline::sinks
