#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws_engine/cloud.hpp"
#include "engine/engine.hpp"

namespace trunkline::aws_engine {

// Small state of consumers. put and update: on the engine's loop; the others block, on any other
// thread.
class StateStore {
 public:
  explicit StateStore(Cloud& cloud) : cloud_(cloud) {}

  base::Result<std::optional<engine::Engine::StateValue>> get(const std::string& owner, const std::string& key);
  void put(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
           Reply<void> reply);
  void update(const std::string& owner, const std::vector<engine::Engine::StateWrite>& writes, Reply<void> reply);
  base::Result<std::map<std::string, std::string>> list(const std::string& owner);
  base::Result<void> remove(const std::string& owner);

 private:
  Cloud& cloud_;
};

}  // namespace trunkline::aws_engine
