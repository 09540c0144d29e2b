#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace trunkline::json {

// Leaves of the parser, on plain bytes. Positions are byte offsets.

inline bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// One past the number that starts at `at` (RFC 8259 section 6), or nothing.
std::optional<std::size_t> scan_number(std::string_view text, std::size_t at);

// Appends the text between the quotes with its escapes decoded. Nothing on success, else the position in `quoted` of
// the backslash that begins a wrong escape. A surrogate must come as a pair.
std::optional<std::size_t> unescape(std::string_view quoted, std::string& out);

// Positions for messages only: the first byte that is not UTF-8; the first control character inside a string, or else
// the quote of the string that has no end.
std::size_t utf8_error_at(std::string_view text);
std::size_t string_error_at(std::string_view text);

}  // namespace trunkline::json
