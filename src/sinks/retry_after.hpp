#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace trunkline::sinks {

// Retry-After as seconds or as an HTTP-date in any of its three forms (RFC 9110 sections 10.2.3 and 5.6.7); a date in
// the past is zero. Nothing if it is neither.
std::optional<base::Millis> parse_retry_after(std::string_view text, base::WallTime now);

}  // namespace trunkline::sinks
