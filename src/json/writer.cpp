#include "json/writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.hpp"
#include "base/text.hpp"
#include "json/scan.hpp"

namespace trunkline::json {
namespace {

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kMeant = "\"\\\b\f\n\r\t";
  constexpr std::string_view kShort = "\"\\bfnrt";
  constexpr std::string_view kHex = "0123456789abcdef";
  if (const std::size_t found = kMeant.find(c); found != std::string_view::npos) {
    out.push_back('\\');
    out.push_back(kShort[found]);
    return;
  }
  out += "\\u00";
  out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
  out.push_back(kHex[static_cast<unsigned char>(c) & 0xF]);
}

bool needs_escape(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = kOnes * 0x80;

bool has_zero(std::uint64_t word) {
  return ((word - kOnes) & ~word & kHighs) != 0;
}
// Whether one of eight bytes needs an escape, or is not ASCII.
bool has_special(std::uint64_t word) {
  const bool control = ((word - kOnes * 0x20) & ~word & kHighs) != 0;
  return control || (word & kHighs) != 0 || has_zero(word ^ (kOnes * '"')) || has_zero(word ^ (kOnes * '\\'));
}
// How many bytes from `at` on are ASCII that stands for itself, by eights: up to seven more may be.
std::size_t plain_at(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (has_special(word)) break;
  }
  return at - begin;
}

void append_quoted(std::string& out, std::string_view text) {
  std::size_t done = 0;
  for (std::size_t at = plain_at(text, 0); at < text.size(); ++at) {
    if (!needs_escape(text[at])) continue;
    out.append(text.substr(done, at - done));
    append_escaped(out, text[at]);
    done = at + 1;
    at += plain_at(text, done);
  }
  out.append(text.substr(done));
}

template <class Number>
void append_number(std::string& out, Number value) {
  char text[32];
  const auto result = std::to_chars(text, text + sizeof text, value);
  out.append(text, result.ptr);
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  // Names and ids are nearly always plain.
  const std::string_view rest = text.substr(plain_at(text, 0));
  if (std::all_of(rest.begin(), rest.end(), [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; })) {
    out.append(text);
    out.push_back('"');
    return;
  }
  if (!base::is_valid_utf8(text)) {
    for (std::size_t wrong = utf8_error_at(text); wrong < text.size(); wrong = utf8_error_at(text)) {
      append_quoted(out, text.substr(0, wrong));
      out += "\xEF\xBF\xBD";
      text.remove_prefix(wrong + 1);
    }
  }
  append_quoted(out, text);
  out.push_back('"');
}

void Writer::separate() {
  TRUNKLINE_CHECK(in_object() == after_key_, "a member of an object needs a key, and nothing else has one");
  TRUNKLINE_CHECK(depth_ > 0 || first_, "a second JSON value at the top");
  if (!first_ && !after_key_) out_.push_back(',');
  first_ = false;
  after_key_ = false;
}

void Writer::begin(bool object, char bracket) {
  separate();
  TRUNKLINE_CHECK(depth_ < 64, "more than 64 open containers");
  const std::uint64_t bit = std::uint64_t{1} << depth_;
  objects_ = object ? objects_ | bit : objects_ & ~bit;
  ++depth_;
  first_ = true;
  out_.push_back(bracket);
}

void Writer::end(bool object, char bracket) {
  TRUNKLINE_CHECK(depth_ > 0 && in_object() == object && !after_key_, "the end of a container that is not open");
  --depth_;
  first_ = false;
  out_.push_back(bracket);
}

Writer& Writer::begin_object() {
  begin(true, '{');
  return *this;
}

Writer& Writer::end_object() {
  end(true, '}');
  return *this;
}

Writer& Writer::begin_array() {
  begin(false, '[');
  return *this;
}

Writer& Writer::end_array() {
  end(false, ']');
  return *this;
}

Writer& Writer::key(std::string_view name) {
  TRUNKLINE_CHECK(in_object() && !after_key_, "a key outside of an object, or behind another key");
  if (!first_) out_.push_back(',');
  first_ = false;
  append_string(out_, name);
  out_.push_back(':');
  after_key_ = true;
  return *this;
}

Writer& Writer::string(std::string_view value) {
  separate();
  append_string(out_, value);
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

Writer& Writer::unsigned_integer(std::uint64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

Writer& Writer::number(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  append_number(out_, value);
  return *this;
}

Writer& Writer::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

Writer& Writer::null() {
  separate();
  out_ += "null";
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

}  // namespace trunkline::json
