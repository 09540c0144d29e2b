#pragma once

#include <string>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"

namespace trunkline::app {

// 32 random bytes that all who run on this engine share, kept in its state: the first one makes them. `what` is for the error.
// Waits for the engine: not on `loop`, nor on another one of the engine's.
base::Result<std::string> stored_secret(engine::Engine& engine, base::Loop& loop, const std::string& owner,
                                        const std::string& key, const std::string& what);

}  // namespace trunkline::app
