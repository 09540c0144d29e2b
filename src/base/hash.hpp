#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace trunkline::base {

// XXH3: fast, well mixed, not secure against a sender who looks for collisions. Where a collision would lose an event,
// both the key and the body hash must collide at once (2^-256 by chance).
std::uint64_t hash64(std::string_view bytes);
// 16 bytes, big-endian.
using Hash128 = std::array<char, 16>;
Hash128 hash128(std::string_view bytes);
inline std::string_view view(const Hash128& hash) {
  return {hash.data(), hash.size()};
}

}  // namespace trunkline::base
