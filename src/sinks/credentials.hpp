#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http_types.hpp"

namespace trunkline::sinks {

// Whether what has this name is a credential by its name: "Authorization", "X-Api-Key", "auth_token".
bool names_a_credential(std::string_view name);

// What a server may not be quoted with: values of headers by which the hub shows who it is, and what stands in them
// behind the scheme's name. Shorter ones would only blot out words.
std::vector<std::string> credentials(const net::Headers& headers);

}  // namespace trunkline::sinks
