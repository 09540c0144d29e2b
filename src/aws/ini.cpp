#include "aws/ini.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace trunkline::aws {
namespace {

using base::Errc;

constexpr std::size_t kTextMax = 1 << 20;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string small(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A comment in a line begins behind a blank: keys and URLs may hold "#" and ";".
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool mark = text[i] == '#' || text[i] == ';';
    if (mark && (i == 0 || is_blank(text[i - 1]))) return text.substr(0, i);
  }
  return text;
}

class Reader {
 public:
  base::Result<Ini> read(std::string_view text) {
    while (!text.empty()) {
      ++line_;
      const std::size_t end = std::min(text.find('\n'), text.size());
      TRUNKLINE_TRY_VOID(line(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::move(ini_);
  }

 private:
  base::Error fault(std::string_view what) const { return {Errc::invalid, fmt::format("line {}: {}", line_, what)}; }

  base::Result<void> line(std::string_view text) {
    const bool indented = !text.empty() && is_blank(text.front());
    const std::string_view content = trimmed(without_comment(text));
    if (content.empty()) return {};
    if (indented && has_key_) return continuation(content);
    if (content.front() == '[') return section(content);
    if (!has_section_) return fault("a setting before the first [section]");
    const std::size_t equal = content.find('=');
    if (equal == std::string_view::npos) return fault("neither a [section] nor NAME = VALUE");
    const std::string_view key = trimmed(content.substr(0, equal));
    if (key.empty()) return fault("a value without a name");
    now().values.emplace_back(small(key), trimmed(content.substr(equal + 1)));
    has_key_ = true;
    nested_in_.clear();
    return {};
  }

  base::Result<void> section(std::string_view content) {
    if (content.back() != ']') return fault("a section without its ]");
    const std::string_view inner = trimmed(content.substr(1, content.size() - 2));
    const std::size_t blank = inner.find_first_of(" \t");
    std::string_view kind = blank == std::string_view::npos ? std::string_view() : inner.substr(0, blank);
    std::string_view name = blank == std::string_view::npos ? inner : trimmed(inner.substr(blank));
    if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front())
      name = name.substr(1, name.size() - 2);
    if (name.empty()) return fault("a section without a name");
    const auto same = [&](const IniSection& each) { return each.kind == kind && each.name == name; };
    auto found = std::ranges::find_if(ini_.sections, same);
    if (found == ini_.sections.end())
      found = ini_.sections.insert(ini_.sections.end(), IniSection{std::string(kind), std::string(name), {}});
    now_ = static_cast<std::size_t>(found - ini_.sections.begin());
    has_section_ = true;
    has_key_ = false;
    return {};
  }

  base::Result<void> continuation(std::string_view content) {
    std::string& value = now().values.back().second;
    if (nested_in_.empty() && !value.empty()) {
      value.append("\n").append(content);
      return {};
    }
    const std::size_t equal = content.find('=');
    if (equal == std::string_view::npos) return fault("neither a value that goes on nor NAME = VALUE");
    if (nested_in_.empty()) nested_in_ = now().values.back().first;
    now().values.emplace_back(nested_in_ + "." + small(trimmed(content.substr(0, equal))),
                              trimmed(content.substr(equal + 1)));
    return {};
  }

  IniSection& now() { return ini_.sections[now_]; }

  Ini ini_;
  std::size_t line_ = 0;
  std::size_t now_ = 0;
  bool has_section_ = false;
  bool has_key_ = false;
  std::string nested_in_;  // the name that indented lines belong to
};

}  // namespace

std::optional<std::string_view> IniSection::find(std::string_view key) const {
  for (auto each = values.rbegin(); each != values.rend(); ++each) {
    if (each->first == key) return each->second;
  }
  return std::nullopt;
}

const IniSection* Ini::find(std::string_view kind, std::string_view name) const {
  for (const IniSection& section : sections) {
    if (section.kind == kind && section.name == name) return &section;
  }
  return nullptr;
}

base::Result<Ini> parse_ini(std::string_view text) {
  if (text.size() > kTextMax) return {Errc::too_large, "larger than 1 MiB"};
  return Reader().read(text);
}

}  // namespace trunkline::aws
