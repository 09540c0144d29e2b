#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace trunkline::filter {

// An IPv4 or IPv6 address; all IPv4 addresses sort before all IPv6 ones.
struct IpAddress {
  std::uint8_t family = 4;               // 4 or 6
  std::array<std::uint8_t, 16> bytes{};  // IPv4 in the first four
  auto operator<=>(const IpAddress&) const = default;
};

// Dotted decimal with four parts up to 255 (leading zeros are decimal, not octal), or RFC 4291 hexadecimal groups. An
// IPv4-mapped IPv6 address is the IPv4 address, as java.net has it. Nothing on other text, "10.0.0.256" among it.
std::optional<IpAddress> parse_ip(std::string_view text);

struct IpRange {
  IpAddress bottom;
  IpAddress top;  // inclusive
  bool contains(const IpAddress& address) const { return bottom <= address && address <= top; }
};

// "10.0.0.0/24" or the compiler's error text (aws.md 1.7).
std::variant<IpRange, std::string> parse_cidr(std::string_view text);

}  // namespace trunkline::filter
