#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace trunkline::base {

// RFC 3339 with or without a fraction, any offset. Fractions finer than a millisecond are cut.
std::optional<WallTime> parse_time(std::string_view text);
// "2026-03-02T14:00:00.064Z"
std::string format_time(WallTime time);

// "250ms", "30s", "5m", "12h", "3d"; a bare "0" is zero.
Result<Millis> parse_duration(std::string_view text);
std::string format_duration(Millis duration);
// "512", "64KiB", "20MB", "5GiB".
Result<std::uint64_t> parse_size(std::string_view text);

// The candidate with the least edit distance to `word`, if it is near enough to be a slip of the pen. Costs at most about
// two squares of each candidate's length, however long the word is: words come from outside.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

// The value of a hexadecimal digit in either case; -1 for anything else.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_valid_utf8(std::string_view text);

// All but the unreserved characters of RFC 3986 (letters, digits, "-._~") and those of `kept` as %XX: in a path segment, a
// query, and a form as well.
std::string percent_encode(std::string_view text, std::string_view kept = {});

}  // namespace trunkline::base
