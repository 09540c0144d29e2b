#include "filter/rules.hpp"

#include <algorithm>
#include <array>

namespace trunkline::filter::rules {

std::optional<std::string> refused_mask(int family, int mask_bits) {
  const int bits_max = family == 4 ? 32 : 128;
  if (mask_bits < bits_max) return std::nullopt;
  return std::string(family == 4 ? "IPv4" : "IPv6") + " mask bits must be < " + std::to_string(bits_max);
}

bool is_reserved_inside_or(std::string_view key) {
  static constexpr auto kReserved = std::to_array<std::string_view>({"exactly",
                                                                     "equals-ignore-case",
                                                                     "prefix",
                                                                     "suffix",
                                                                     "anything-but",
                                                                     "exists",
                                                                     "wildcard",
                                                                     "numeric",
                                                                     "cidr",
                                                                     "=",
                                                                     "<",
                                                                     "<=",
                                                                     ">",
                                                                     ">=",
                                                                     "regex",
                                                                     "not-wildcard",
                                                                     "not-equals-ignore-case",
                                                                     "date-after",
                                                                     "date-on-or-after",
                                                                     "date-before",
                                                                     "date-on-or-before",
                                                                     "in-date-range",
                                                                     "ip-address-in-range",
                                                                     "ip-address-not-in-range"});
  return std::find(kReserved.begin(), kReserved.end(), key) != kReserved.end();
}

}  // namespace trunkline::filter::rules
