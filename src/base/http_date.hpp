#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace trunkline::base {

// RFC 9110 section 5.6.7, all three forms. `now` says which century a year of two digits is in.
std::optional<WallTime> parse_http_date(std::string_view text, WallTime now);

}  // namespace trunkline::base
