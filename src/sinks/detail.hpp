#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace trunkline::sinks {

// delivery::EventVerdict::detail.
inline constexpr std::size_t kDetailBytesMax = 1'024;

// What a downstream said, for people and logs: each secret in it becomes `***`, then it is cut, at the end of a
// character, to `bytes_max`. In this order, since a cut first would leave the beginning of a secret. Servers like to
// repeat the credential that they refuse.
std::string detail_text(std::string_view said, std::span<const std::string> secrets,
                        std::size_t bytes_max = kDetailBytesMax);

}  // namespace trunkline::sinks
