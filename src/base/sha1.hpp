#pragma once

#include <string>
#include <string_view>

namespace trunkline::base {

// The digest's 20 bytes. Names files in the AWS SDKs' SSO cache; protects nothing.
std::string sha1(std::string_view message);

}  // namespace trunkline::base
