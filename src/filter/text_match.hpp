#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace trunkline::filter {

// Appends `text` with every letter in lower case, one code point for one: ASCII, Latin-1, Latin Extended-A, Greek and
// Cyrillic. Other letters compare as they are (SNS documents no further than "case-insensitive").
void append_folded(std::string& out, std::string_view text);
std::string folded(std::string_view text);
// Whether folding `text` gives `lower`, without an allocation. Folding keeps the number of bytes.
bool folds_to(std::string_view text, std::string_view lower);

// A pattern in which `*` stands for zero or more bytes; `\*` and `\\` are the characters themselves. Matches a whole
// value in time linear in value × number of pieces, whatever the pattern.
class Wildcard {
 public:
  // Or the compiler's error text, with the engine's position: bytes, counted in the quoted pattern.
  static std::variant<Wildcard, std::string> parse(std::string_view pattern);

  bool matches(std::string_view value) const;
  // The text between the stars, escapes decoded; the first piece is anchored at the start, the last at the end.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  std::vector<std::string> pieces_;
};

}  // namespace trunkline::filter
