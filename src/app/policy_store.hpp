#pragma once

#include <string>
#include <vector>

#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "engine/engine.hpp"
#include "source/router.hpp"

// The versions of the filter policies: each has its text in the engine's state, so that it can be told later why an event
// went where it went. Every call waits for the engine: not on `loop`, nor on another one of the engine's.
namespace trunkline::app {

// That of this set. A changed set takes the next version.
base::Result<base::PolicyVersion> policy_version(engine::Engine& engine, base::Loop& loop,
                                                 const std::vector<source::Subscription>& subscriptions);
// The text of a set; empty where it is not known any more.
base::Result<std::string> policy_text(engine::Engine& engine, base::PolicyVersion version);

}  // namespace trunkline::app
