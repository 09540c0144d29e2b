#pragma once

#include <string>
#include <string_view>

namespace trunkline::sinks {

// Everything but the unreserved characters of RFC 3986 section 2.3 becomes %XX: good for a path segment, a query and a
// form alike.
std::string form_encode(std::string_view text);

}  // namespace trunkline::sinks
