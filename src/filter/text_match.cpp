#include "filter/text_match.hpp"

namespace trunkline::filter {
namespace {

// The lower-case form of a two-byte code point (U+0080 … U+07FF).
std::uint32_t fold_code_point(std::uint32_t c) {
  if (c >= 0xC0 && c <= 0xDE) return c == 0xD7 ? c : c + 32;  // Latin-1, not the multiplication sign
  const bool even_is_upper = (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177);
  const bool odd_is_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
  if (c == 0x130 || c == 0x131 || c == 0x138) return c;  // dotted and dotless i, kra: no simple pair
  if (c == 0x178) return 0xFF;
  if (even_is_upper && c % 2 == 0) return c + 1;
  if (odd_is_upper && c % 2 == 1) return c + 1;
  if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) return c + 32;  // Greek
  if (c >= 0x410 && c <= 0x42F) return c + 32;                // Cyrillic
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

// The folded bytes of the code point at `at`, which is moved behind it.
struct FoldedBytes {
  char bytes[2];
  int count;
};
FoldedBytes fold_next(std::string_view text, std::size_t& at) {
  const char c = text[at++];
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x80) return {{byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : c, 0}, 1};
  const bool two_bytes = byte >= 0xC2 && byte <= 0xDF && at < text.size();
  if (!two_bytes) return {{c, 0}, 1};
  const auto next = static_cast<unsigned char>(text[at++]);
  const std::uint32_t folded = fold_code_point((byte & 0x1Fu) << 6 | (next & 0x3Fu));
  return {{static_cast<char>(0xC0 | folded >> 6), static_cast<char>(0x80 | (folded & 0x3F))}, 2};
}

}  // namespace

void append_folded(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const FoldedBytes next = fold_next(text, at);
    out.append(next.bytes, static_cast<std::size_t>(next.count));
  }
}

bool folds_to(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const FoldedBytes next = fold_next(text, at);
    if (lower.substr(from, static_cast<std::size_t>(next.count)) !=
        std::string_view(next.bytes, static_cast<std::size_t>(next.count))) {
      return false;
    }
  }
  return true;
}

std::string folded(std::string_view text) {
  std::string out;
  append_folded(out, text);
  return out;
}

std::variant<Wildcard, std::string> Wildcard::parse(std::string_view pattern) {
  Wildcard out;
  out.pieces_.emplace_back();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    const std::string position = std::to_string(i + 1);  // the opening quote is byte 0
    if (c == '*') {
      if (next == '*') return "Consecutive wildcard characters at pos " + position;
      out.pieces_.emplace_back();
    } else if (c == '\\') {
      if (next != '*' && next != '\\') return "Invalid escape character at pos " + position;
      out.pieces_.back().push_back(next);
      ++i;
    } else {
      out.pieces_.back().push_back(c);
    }
  }
  return out;
}

bool Wildcard::matches(std::string_view value) const {
  const std::string_view first = pieces_.front();
  const std::string_view last = pieces_.back();
  if (pieces_.size() == 1) return value == first;
  if (value.size() < first.size() + last.size() || !value.starts_with(first) || !value.ends_with(last)) return false;
  value.remove_prefix(first.size());
  value.remove_suffix(last.size());
  // The leftmost place of each piece is never worse than a later one, so nothing is tried twice.
  for (std::size_t i = 1; i + 1 < pieces_.size(); ++i) {
    const std::size_t at = value.find(pieces_[i]);
    if (at == std::string_view::npos) return false;
    value.remove_prefix(at + pieces_[i].size());
  }
  return true;
}

}  // namespace trunkline::filter
