#include "wfm/csv.hpp"

#include <algorithm>

namespace trunkline::wfm {
namespace {

// Takes one field; false where it is none.
bool take_field(std::string_view& text, std::string& field) {
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find_first_of(",\r\n"), text.size());
    field = text.substr(0, end);
    text.remove_prefix(end);
    return field.find('"') == std::string::npos;
  }
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] != '"') {
      field += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '"') {
      field += text[at++];
    } else {
      text.remove_prefix(at + 1);
      return true;
    }
  }
  return false;
}

bool take_line_end(std::string_view& text) {
  if (text.empty()) return true;
  const std::size_t size = text.starts_with("\r\n") ? 2 : text.front() == '\n' ? 1 : 0;
  text.remove_prefix(size);
  return size > 0;
}

}  // namespace

void append_csv(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_csv_row(std::string& out, std::initializer_list<std::string_view> fields) {
  bool first = true;
  for (const std::string_view field : fields) {
    if (!first) out += ',';
    first = false;
    append_csv(out, field);
  }
  out += '\n';
}

std::optional<std::vector<std::string>> take_csv_row(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::string_view whole = text;
  std::vector<std::string> fields;
  for (;;) {
    if (!take_field(text, fields.emplace_back())) break;
    if (text.starts_with(',')) {
      text.remove_prefix(1);
      continue;
    }
    if (take_line_end(text)) return fields;
    break;
  }
  text = whole;
  return std::nullopt;
}

}  // namespace trunkline::wfm
