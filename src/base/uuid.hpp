#pragma once

#include <string>
#include <string_view>

namespace trunkline::base {

// A random UUID in small letters: version 4 of RFC 9562, with 122 bits from the operating system's generator.
std::string random_uuid();
// 16 bytes in that form: what is random of a version 4 is theirs. The same for the same bytes.
std::string uuid_of(std::string_view bytes);

}  // namespace trunkline::base
