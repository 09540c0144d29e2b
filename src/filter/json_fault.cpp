#include "filter/json_fault.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace trunkline::filter {
namespace {

constexpr std::string_view kSource =
    "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: ";

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

// Walks the text by the grammar and stops at the first fault.
class Walker {
 public:
  Walker(std::string_view text, std::string_view otherwise) : text_(text), otherwise_(otherwise) {}

  std::string run();

 private:
  struct Open {
    bool object;
    std::size_t at;
  };

  std::string at(std::size_t offset) const;
  std::string fault(const std::string& what, std::size_t offset) const { return what + "\n at " + at(offset); }
  std::string unexpected(std::string_view expected) const;
  std::string early_end() const;
  std::string other() const { return fault(std::string(otherwise_), at_); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool ended() const { return at_ >= text_.size(); }
  void skip_space() {
    while (!ended() && is_space(text_[at_])) ++at_;
  }

  // Each returns the fault, or nothing when it has moved behind what it names.
  std::optional<std::string> string();
  std::optional<std::string> name();
  std::optional<std::string> scalar();
  std::optional<std::string> value();
  std::optional<std::string> close_or_comma();

  std::string_view text_;
  std::string_view otherwise_;
  std::size_t at_ = 0;
  std::vector<Open> open_;
  bool expect_value_ = true;
  bool fresh_ = false;  // the innermost container has no element yet
};

std::string Walker::at(std::size_t offset) const {
  const std::string_view before = text_.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  // UTF-16 units: every byte that begins a code point is one, four-byte sequences are two.
  std::size_t column = 1;
  for (const char c : before.substr(start)) {
    const auto byte = static_cast<unsigned char>(c);
    column += (byte & 0xC0) == 0x80 ? 0 : byte >= 0xF0 ? 2 : 1;
  }
  return std::string(kSource) + std::to_string(line) + ", column: " + std::to_string(column) + "]";
}

std::string Walker::unexpected(std::string_view expected) const {
  const auto code = static_cast<unsigned char>(peek());
  std::string what = "Unexpected character (";
  if (code < 0x20) {
    what += "(CTRL-CHAR, code " + std::to_string(code) + ")";
  } else {
    what += std::string("'") + peek() + "' (code " + std::to_string(code) + ")";
  }
  return fault(what + "): " + std::string(expected), at_);
}

std::string Walker::early_end() const {
  if (open_.empty()) return fault("No content to map due to end-of-input", text_.size());
  const Open& last = open_.back();
  return fault(std::string("Unexpected end-of-input: expected close marker for ") + (last.object ? "Object" : "Array") +
                   " (start marker at " + at(last.at) + ")",
               text_.size());
}

std::optional<std::string> Walker::string() {
  for (++at_; !ended(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return std::nullopt;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      return fault("Illegal unquoted character ((CTRL-CHAR, code " + std::to_string(static_cast<int>(c)) +
                       ")): has to be escaped using backslash to be included in string value",
                   at_);
    }
    if (c == '\\') ++at_;
  }
  return fault("Unexpected end-of-input in VALUE_STRING", text_.size());
}

std::optional<std::string> Walker::name() {
  if (peek() != '"') return unexpected("was expecting double-quote to start field name");
  if (auto wrong = string()) return wrong;
  skip_space();
  if (ended()) return early_end();
  if (peek() != ':') return unexpected("was expecting a colon to separate field name and value");
  ++at_;
  skip_space();
  if (ended()) return early_end();
  return std::nullopt;
}

std::optional<std::string> Walker::scalar() {
  const std::size_t start = at_;
  const char c = peek();
  if (c == '-' || (c >= '0' && c <= '9')) {
    while (!ended() && (is_word(peek()) || peek() == '.' || peek() == '-' || peek() == '+')) ++at_;
    return std::nullopt;
  }
  if (!is_word(c))
    return unexpected("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')");
  while (!ended() && is_word(peek())) ++at_;
  const std::string_view word = text_.substr(start, at_ - start);
  if (word == "true" || word == "false" || word == "null") return std::nullopt;
  return fault("Unrecognized token '" + std::string(word) +
                   "': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
               at_);
}

std::optional<std::string> Walker::value() {
  const char c = peek();
  expect_value_ = false;
  if (c == '"') return string();
  if (c != '{' && c != '[') return scalar();
  open_.push_back({c == '{', at_++});
  fresh_ = true;
  expect_value_ = true;
  return std::nullopt;
}

std::optional<std::string> Walker::close_or_comma() {
  const Open last = open_.back();
  const char c = peek();
  if (c == (last.object ? '}' : ']')) {
    open_.pop_back();
    ++at_;
    expect_value_ = fresh_ = false;
    return std::nullopt;
  }
  if (c == '}' || c == ']') {
    return fault(std::string("Unexpected close marker '") + c + "': expected '" + (last.object ? '}' : ']') +
                     "' (for " + (last.object ? "Object" : "Array") + " starting at " + at(last.at) + ")",
                 at_);
  }
  if (c != ',')
    return unexpected(std::string("was expecting comma to separate ") + (last.object ? "Object" : "Array") +
                      " entries");
  ++at_;
  expect_value_ = true;
  return std::nullopt;
}

std::string Walker::run() {
  for (;;) {
    skip_space();
    if (ended()) return open_.empty() && !expect_value_ ? other() : early_end();
    std::optional<std::string> wrong;
    const bool closes = fresh_ && (peek() == '}' || peek() == ']');
    if (!open_.empty() && (!expect_value_ || closes)) {
      wrong = close_or_comma();
    } else if (!expect_value_) {
      wrong = scalar();
      return wrong ? *wrong : other();
    } else {
      fresh_ = false;
      if (!open_.empty() && open_.back().object) wrong = name();
      if (!wrong) wrong = value();
    }
    if (wrong) return *wrong;
  }
}

}  // namespace

std::string json_fault(std::string_view text, std::string_view otherwise) {
  return Walker(text, otherwise).run();
}

}  // namespace trunkline::filter
