#include "filter/ip_range.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "filter/rules.hpp"

namespace trunkline::filter {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool looks_like_v4(std::string_view text) {
  int dots = 0;
  char last = '.';
  for (const char c : text) {
    if (c == '.') {
      if (last == '.') return false;
      ++dots;
    } else if (c < '0' || c > '9') {
      return false;
    }
    last = c;
  }
  return dots == 3 && last != '.';
}

bool looks_like_v6(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF:") == std::string_view::npos;
}

std::optional<IpAddress> parse_v4(std::string_view text) {
  IpAddress address;
  std::size_t at = 0;
  int value = 0;
  for (const char c : text) {
    if (c == '.') {
      address.bytes[at++] = static_cast<std::uint8_t>(value);
      value = 0;
      continue;
    }
    value = value * 10 + (c - '0');
    if (value > 255) return std::nullopt;
  }
  address.bytes[at] = static_cast<std::uint8_t>(value);
  return address;
}

// Up to eight groups of a side of "::". Nothing when a group is empty or longer than four digits.
std::optional<std::size_t> parse_groups(std::string_view text, std::array<std::uint16_t, 8>& groups) {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    if (end == 0 || end > 4 || count == groups.size()) return std::nullopt;
    std::from_chars(text.data(), text.data() + end, groups[count++], 16);
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
    if (text.empty()) return std::nullopt;
  }
  return count;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  std::array<std::uint16_t, 8> left{};
  std::array<std::uint16_t, 8> right{};
  const std::size_t gap = text.find("::");
  const std::optional<std::size_t> lefts = parse_groups(text.substr(0, gap), left);
  if (!lefts) return std::nullopt;
  if (gap == std::string_view::npos) {
    if (*lefts != 8) return std::nullopt;
  } else {
    const std::optional<std::size_t> rights = parse_groups(text.substr(gap + 2), right);
    if (!rights || *lefts + *rights > 7) return std::nullopt;
    std::copy_n(right.begin(), *rights, left.end() - static_cast<std::ptrdiff_t>(*rights));
  }
  IpAddress address{6, {}};
  for (std::size_t i = 0; i < 8; ++i) {
    address.bytes[2 * i] = static_cast<std::uint8_t>(left[i] >> 8);
    address.bytes[2 * i + 1] = static_cast<std::uint8_t>(left[i]);
  }
  const bool mapped =
      std::all_of(left.begin(), left.begin() + 5, [](std::uint16_t group) { return group == 0; }) && left[5] == 0xFFFF;
  if (!mapped) return address;
  IpAddress v4;
  std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
  return v4;
}

void set_host_bits(IpRange& range, int mask_bits) {
  const int total = range.bottom.family == 4 ? 32 : 128;
  for (int bit = mask_bits; bit < total; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    range.bottom.bytes[byte] &= static_cast<std::uint8_t>(~mask);
    range.top.bytes[byte] |= mask;
  }
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (looks_like_v4(text)) return parse_v4(text);
  if (looks_like_v6(text)) return parse_v6(text);
  return std::nullopt;
}

std::variant<IpRange, std::string> parse_cidr(std::string_view text) {
  std::vector<std::string_view> parts = split(text, '/');
  // Java's split gives no trailing empty parts, so that "10.0.0.0/" has one part only.
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  if (parts.size() != 2) return "Malformed CIDR, one '/' required";
  std::string_view digits = parts[1];
  if (digits.front() == '+') digits.remove_prefix(1);
  int mask_bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), mask_bits);
  const bool two_signs = digits.size() < parts[1].size() && digits.starts_with('-');
  if (error != std::errc() || end != digits.data() + digits.size() || two_signs) {
    return "Malformed CIDR, mask bits must be an integer";
  }
  if (mask_bits < 0) return "Malformed CIDR, mask bits must not be negative";
  const std::string_view host = parts[0];
  const std::optional<IpAddress> address = parse_ip(host);
  if (!address) {
    const bool shaped = looks_like_v4(host) || looks_like_v6(host);
    return std::string(shaped ? "Invalid IP address: " : "Nonstandard IP address: ") += host;
  }
  if (std::optional<std::string> refused = rules::refused_mask(address->family, mask_bits)) return *std::move(refused);
  IpRange range{*address, *address};
  set_host_bits(range, mask_bits);
  return range;
}

}  // namespace trunkline::filter
