#include "config/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace trunkline::config {
namespace {

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t skip_digits(std::string_view text, std::size_t pos) {
  while (pos < text.size() && is_digit(text[pos])) ++pos;
  return pos;
}

// RFC 8259 section 6.
bool is_json_number(std::string_view text) {
  std::size_t pos = text.starts_with('-') ? 1 : 0;
  const std::size_t whole = skip_digits(text, pos);
  if (whole == pos || (text[pos] == '0' && whole > pos + 1)) return false;
  pos = whole;
  if (pos < text.size() && text[pos] == '.') {
    const std::size_t fraction = skip_digits(text, pos + 1);
    if (fraction == pos + 1) return false;
    pos = fraction;
  }
  if (pos < text.size() && (text[pos] == 'e' || text[pos] == 'E')) {
    ++pos;
    if (pos < text.size() && (text[pos] == '+' || text[pos] == '-')) ++pos;
    const std::size_t exponent = skip_digits(text, pos);
    if (exponent == pos) return false;
    pos = exponent;
  }
  return pos == text.size();
}

bool only(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// YAML 1.2.2 section 10.3.2, what is_json_number does not take.
bool is_other_yaml_number(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  if (text.starts_with("0x")) return only(text.substr(2), kHex);
  if (text.starts_with("0o")) return only(text.substr(2), "01234567");
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  constexpr std::array<std::string_view, 6> kSpecial = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
  if (std::ranges::find(kSpecial, text) != kSpecial.end()) return true;
  std::size_t pos = skip_digits(text, 0);
  std::size_t digits = pos;
  if (pos < text.size() && text[pos] == '.') {
    const std::size_t end = skip_digits(text, pos + 1);
    digits += end - pos - 1;
    pos = end;
  }
  if (digits == 0) return false;
  if (pos < text.size() && (text[pos] == 'e' || text[pos] == 'E')) {
    ++pos;
    if (pos < text.size() && (text[pos] == '+' || text[pos] == '-')) ++pos;
    const std::size_t end = skip_digits(text, pos);
    if (end == pos) return false;
    pos = end;
  }
  return pos == text.size();
}

std::string_view boolean_word(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return "true";
  if (text == "false" || text == "False" || text == "FALSE") return "false";
  return {};
}

class Converter {
 public:
  explicit Converter(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  std::string out;
  bool ok = true;

  void value(const YamlNode& node) {
    switch (node.kind) {
      case YamlNode::Kind::null:
        out += "null";
        return;
      case YamlNode::Kind::scalar:
        return scalar(node);
      case YamlNode::Kind::sequence:
        return sequence(node);
      case YamlNode::Kind::map:
        return map(node);
    }
  }

 private:
  void scalar(const YamlNode& node) {
    if (node.quoted) return append_json_string(out, node.text);
    if (const std::string_view word = boolean_word(node.text); !word.empty()) {
      out += word;
    } else if (is_json_number(node.text)) {
      out += node.text;
    } else if (is_other_yaml_number(node.text)) {
      ok = false;
      diagnostics_.error(node.place, fmt::format("{} is a number to YAML that JSON cannot write: put it in quotes if a "
                                                 "text is meant",
                                                 node.text));
    } else {
      append_json_string(out, node.text);
    }
  }
  void sequence(const YamlNode& node) {
    out.push_back('[');
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (i != 0) out.push_back(',');
      value(node.items[i]);
    }
    out.push_back(']');
  }
  void map(const YamlNode& node) {
    out.push_back('{');
    for (std::size_t i = 0; i < node.members.size(); ++i) {
      if (i != 0) out.push_back(',');
      append_json_string(out, node.members[i].name);
      out.push_back(':');
      value(node.members[i].value);
    }
    out.push_back('}');
  }

  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<std::string> to_json(const YamlNode& node, Diagnostics& diagnostics) {
  // Recursion is bounded by YamlLimits::depth_max.
  Converter converter(diagnostics);
  converter.value(node);
  if (!converter.ok) return std::nullopt;
  return std::move(converter.out);
}

}  // namespace trunkline::config
