#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "engine/engine.hpp"
#include "json/writer.hpp"
#include "watch/rest.hpp"

namespace trunkline::api {

// How long until the oldest waiting event is older than max_wait and expires; nothing where nothing waits. Negative
// never: what is due is zero.
std::optional<base::Millis> until_expiry(const engine::QueueStatistics& queue, const engine::QueueSpec& spec,
                                         base::WallTime now);

// What waits and goes out as the drain estimate takes it: an event in flight has not been delivered yet. What stands
// behind a blocked lane is in it, too.
engine::Drain drain_of(const engine::QueueStatistics& queue);

// expires_in_seconds, blocked_lanes, drain, recent: members of a consumer.
void write_age_members(json::Writer& writer, const engine::QueueStatistics& queue, const engine::QueueSpec& spec,
                       base::WallTime now);
// "rest": null, or who says that delivery rests, why, and until when.
void write_rest(json::Writer& writer, const watch::Rest& rest, base::WallTime now);
// "blockers": [...]
void write_blockers(json::Writer& writer, const std::vector<engine::Blocker>& blockers);

}  // namespace trunkline::api
