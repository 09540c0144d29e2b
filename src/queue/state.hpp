#pragma once

#include <string>

#include "engine/engine.hpp"
#include "store/store.hpp"

namespace trunkline::queue {

// How a consumer's small durable state lies on disk (engine::Engine::StateWrite): by owner and key, behind its version.
std::string state_key(const std::string& owner, const std::string& key);
void stage_state(store::Batch& batch, const std::string& owner, const engine::Engine::StateWrite& write);

}  // namespace trunkline::queue
