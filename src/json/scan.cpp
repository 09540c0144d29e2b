#include "json/scan.hpp"

#include <cstdint>

#include "base/text.hpp"

namespace trunkline::json {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// The four hex digits at `at`, or -1.
std::int32_t hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  std::int32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = base::hex_value(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
    return;
  }
  if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
  } else {
    if (code < 0x10000) {
      out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    } else {
      out.push_back(static_cast<char>(0xF0 | (code >> 18)));
      out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    }
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
  }
  out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
}

// Decodes the \u escape whose backslash is at `at`; returns its length, 0 when it is wrong.
std::size_t unescape_unicode(std::string_view text, std::size_t at, std::string& out) {
  const std::int32_t unit = hex4(text, at + 2);
  if (unit < 0) return 0;
  if (unit < 0xD800 || unit > 0xDFFF) {
    append_utf8(out, static_cast<std::uint32_t>(unit));
    return 6;
  }
  if (unit > 0xDBFF || text.substr(at + 6, 2) != "\\u") return 0;
  const std::int32_t low = hex4(text, at + 8);
  if (low < 0xDC00 || low > 0xDFFF) return 0;
  append_utf8(out,
              0x10000 + (static_cast<std::uint32_t>(unit - 0xD800) << 10) + static_cast<std::uint32_t>(low - 0xDC00));
  return 12;
}

}  // namespace

std::optional<std::size_t> scan_number(std::string_view text, std::size_t at) {
  if (text[at] == '-') ++at;
  const std::size_t whole = at;
  at = skip_digits(text, at);
  if (at == whole || (text[whole] == '0' && at > whole + 1)) return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = ++at;
    at = skip_digits(text, at);
    if (at == fraction) return std::nullopt;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = at;
    at = skip_digits(text, at);
    if (at == exponent) return std::nullopt;
  }
  return at;
}

std::optional<std::size_t> unescape(std::string_view quoted, std::string& out) {
  std::size_t at = 0;
  while (at < quoted.size()) {
    const std::size_t slash = quoted.find('\\', at);
    out.append(quoted.substr(at, slash - at));
    if (slash == std::string_view::npos) return std::nullopt;
    constexpr std::string_view kShort = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const char letter = slash + 1 < quoted.size() ? quoted[slash + 1] : '\0';
    std::size_t used = 2;
    if (const std::size_t found = kShort.find(letter); found != std::string_view::npos) {
      out.push_back(kMeant[found]);
    } else {
      used = letter == 'u' ? unescape_unicode(quoted, slash, out) : 0;
    }
    if (used == 0) return slash;
    at = slash + used;
  }
  return std::nullopt;
}

std::size_t utf8_error_at(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<std::uint8_t>(text[at]);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
    if (size == 0 || at + size > text.size()) return at;
    for (std::size_t i = 1; i < size; ++i) {
      const auto byte = static_cast<std::uint8_t>(text[at + i]);
      // Table 3-7 of the Unicode standard: the second byte is narrower behind E0, ED, F0 and F4.
      const std::uint8_t low = i > 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      const std::uint8_t high = i > 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
      if (byte < low || byte > high) return at;
    }
    at += size;
  }
  return at;
}

std::size_t string_error_at(std::string_view text) {
  bool inside = false;
  std::size_t quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      inside = !inside;
      quote = at;
    } else if (inside && c == '\\') {
      ++at;
    } else if (inside && static_cast<std::uint8_t>(c) < 0x20) {
      return at;
    }
  }
  return quote;
}

}  // namespace trunkline::json
