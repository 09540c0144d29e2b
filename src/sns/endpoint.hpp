#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sns/fault.hpp"

namespace trunkline::sns {

// Whether the text can be the endpoint of a subscription of that protocol, "http" or "https".
std::optional<Fault> check_url(std::string_view url, std::string_view protocol);

// The host of the URL where it is an address and no name, without brackets.
std::optional<std::string> literal_address(std::string_view url);

}  // namespace trunkline::sns
