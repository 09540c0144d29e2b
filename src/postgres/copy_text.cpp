#include "postgres/copy_text.hpp"

namespace trunkline::postgres {

CopyText& CopyText::begin_row() {
  out_ += std::to_string(rows_++);
  return *this;
}

CopyText& CopyText::text(std::string_view value) {
  out_ += '\t';
  for (std::size_t at = 0; at < value.size();) {
    constexpr std::string_view kSpecial("\\\t\n\r\0", 5);
    const std::size_t next = std::min(value.find_first_of(kSpecial, at), value.size());
    out_ += value.substr(at, next - at);
    at = next;
    if (at == value.size()) break;
    switch (value[at++]) {
      case '\\':
        out_ += "\\\\";
        break;
      case '\t':
        out_ += "\\t";
        break;
      case '\n':
        out_ += "\\n";
        break;
      case '\r':
        out_ += "\\r";
        break;
      default:
        out_ += "\xEF\xBF\xBD";
        break;
    }
  }
  return *this;
}

CopyText& CopyText::text_or_null(std::string_view value) {
  return value.empty() ? null() : text(value);
}

CopyText& CopyText::null() {
  out_ += "\t\\N";
  return *this;
}

CopyText& CopyText::number(std::uint64_t value) {
  out_ += '\t';
  out_ += std::to_string(value);
  return *this;
}

CopyText& CopyText::end_row() {
  out_ += '\n';
  return *this;
}

}  // namespace trunkline::postgres
