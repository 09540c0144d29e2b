#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/http_types.hpp"

namespace trunkline::net {

// The credentials behind the scheme of the Authorization header, e.g. "Bearer" (RFC 9110 section 11.4); schemes are
// compared in any case. Nothing: no such header, or another scheme. A request with several Authorization headers has
// none: a proxy and the hub could take different ones.
std::optional<std::string_view> authorization(const HttpRequest& request, std::string_view scheme);

// User and password of Basic credentials (RFC 7617). Nothing when they are not base64 of a text with a colon.
std::optional<std::pair<std::string, std::string>> basic_credentials(std::string_view credentials);

}  // namespace trunkline::net
