#include "mapping/path.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace trunkline::mapping {
namespace {

using base::Errc;

// Reads one segment up to a dot that is no part of its name; `escaped`: a backslash was in it, so it is a name.
std::string read_segment(std::string_view text, std::size_t& at, bool& escaped) {
  std::string segment;
  escaped = false;
  for (; at < text.size() && text[at] != '.'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      escaped = true;
      ++at;
    }
    segment += text[at];
  }
  return segment;
}

// "participants[]" and "participants[*]" are "participants".
void cut_brackets(std::string& segment) {
  for (const std::string_view brackets : {std::string_view("[]"), std::string_view("[*]")}) {
    if (segment.size() > brackets.size() && segment.ends_with(brackets))
      segment.resize(segment.size() - brackets.size());
  }
}

}  // namespace

bool Path::literal() const {
  return std::ranges::all_of(segments, [](const Segment& segment) { return segment.kind == Kind::name; });
}

base::Result<Path> parse_path(std::string_view text) {
  if (text.empty()) return {Errc::invalid, "a path is empty"};
  if (text.size() > kPathBytesMax)
    return {Errc::invalid, fmt::format("the path '{}…' has more than {} bytes", text.substr(0, 40), kPathBytesMax)};
  Path path;
  std::size_t at = 0;
  if (text == "$" || text.starts_with("$.")) {
    path.from_top = true;
    at = 2;
  }
  if (at >= text.size()) return {Errc::invalid, "'$' alone names no member: '$.detail' does"};
  for (;;) {
    bool escaped = false;
    std::string name = read_segment(text, at, escaped);
    if (!escaped) cut_brackets(name);
    if (name.empty()) return {Errc::invalid, fmt::format("the path '{}' has an empty part", text)};
    if (!escaped && name == "*") {
      path.segments.push_back({Path::Kind::any});
    } else if (!escaped && name == "**") {
      path.segments.push_back({Path::Kind::deep});
    } else if (!escaped && name.find_first_of("*[]") != std::string::npos) {
      return {Errc::invalid, fmt::format("'{}' in the path '{}': only '*', '**' and a name with '[]' behind it are "
                                         "understood; put a backslash before what belongs to the name",
                                         name, text)};
    } else {
      path.segments.push_back({Path::Kind::name, std::move(name)});
    }
    if (path.segments.size() > kPathSegmentsMax)
      return {Errc::invalid, fmt::format("the path '{}' has more than {} parts", text, kPathSegmentsMax)};
    if (at >= text.size()) break;
    ++at;
    if (at == text.size()) return {Errc::invalid, fmt::format("the path '{}' ends in a dot", text)};
  }
  if (path.segments.back().kind == Path::Kind::deep)
    return {Errc::invalid, fmt::format("the path '{}' ends in '**': write what is meant below it, or '*'", text)};
  return path;
}

std::string to_text(const Path& path) {
  std::string text = path.from_top ? "$" : "";
  for (const Path::Segment& segment : path.segments) {
    if (!text.empty()) text += '.';
    if (segment.kind == Path::Kind::any) text += '*';
    if (segment.kind == Path::Kind::deep) text += "**";
    if (segment.kind != Path::Kind::name) continue;
    for (const char c : segment.name) {
      if (std::string_view(".\\*[]$").find(c) != std::string_view::npos) text += '\\';
      text += c;
    }
  }
  return text;
}

bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace trunkline::mapping
