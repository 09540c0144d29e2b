#pragma once

#include <string>

namespace trunkline::base {

// A random UUID in small letters: version 4 of RFC 9562, with 122 bits from the operating system's generator.
std::string random_uuid();

}  // namespace trunkline::base
