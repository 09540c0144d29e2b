#pragma once

#include <string>
#include <string_view>

#include "engine/engine.hpp"

namespace trunkline::sinks {

// A CEF line (mapping/cef.hpp) of what every event of Genesys Cloud has: rt, externalId, cat, act, suid, msg,
// deviceExternalId, and by labels the conversation (cs1), the queue (cs2), the organisation (cs3), the lane (cs4) and the
// place in the hub's log (cn1). The event's body is not in it.
std::string cef_of(const engine::LeasedMessage& message, std::string_view version, int severity, std::string_view lane);

}  // namespace trunkline::sinks
