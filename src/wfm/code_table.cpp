#include "wfm/code_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/text.hpp"
#include "wfm/csv.hpp"

namespace trunkline::wfm {
namespace {

using base::Errc;
using base::Result;

char folded(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
  return c == ' ' ? '_' : c;
}

std::string folded(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return folded(c); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool fits(std::string_view pattern, std::string_view value) {
  const bool open = pattern.ends_with('*');
  if (open) pattern.remove_suffix(1);
  if (open ? value.size() < pattern.size() : value.size() != pattern.size()) return false;
  return std::equal(pattern.begin(), pattern.end(), value.begin(), [](char p, char v) { return p == folded(v); });
}

// Whether `wide` fits all that `narrow` fits.
bool covers(std::string_view wide, std::string_view narrow) {
  if (!wide.ends_with('*')) return wide == narrow;
  return narrow.starts_with(wide.substr(0, wide.size() - 1));
}

struct Columns {
  std::optional<std::size_t> presence;
  std::optional<std::size_t> routing;
  std::optional<std::size_t> reason;
  std::optional<std::size_t> code;
  std::size_t count = 0;
};

Result<Columns> columns_of(const std::vector<std::string>& header) {
  Columns columns;
  columns.count = header.size();
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string name = folded(trimmed(header[i]));
    auto* column = name == "PRESENCE"  ? &columns.presence
                   : name == "ROUTING" ? &columns.routing
                   : name == "REASON"  ? &columns.reason
                   : name == "CODE"    ? &columns.code
                                       : nullptr;
    if (column == nullptr)
      return {Errc::invalid, fmt::format("'{}' is no column: presence, routing, reason, code", header[i])};
    if (*column) return {Errc::invalid, fmt::format("column '{}' stands twice", header[i])};
    *column = i;
  }
  if (!columns.code) return {Errc::invalid, "the first row names the columns, and 'code' is not among them"};
  return columns;
}

bool is_code(std::string_view code) {
  if (code.empty() || code.size() > CodeTable::kCodeBytesMax || !base::is_valid_utf8(code)) return false;
  return std::ranges::none_of(code, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<std::string> pattern_of(const std::vector<std::string>& row, std::optional<std::size_t> column) {
  if (!column) return std::string("*");
  std::string pattern = folded(trimmed(row[*column]));
  const std::size_t star = pattern.find('*');
  if (star != std::string::npos && star + 1 != pattern.size())
    return {Errc::invalid, fmt::format("'{}': a * stands at the end alone", row[*column])};
  return pattern;
}

}  // namespace

Result<CodeTable> CodeTable::parse(std::string_view text, std::string otherwise) {
  if (!is_code(otherwise))
    return {Errc::invalid, fmt::format("the code of other states is 1 to {} bytes of text", kCodeBytesMax)};
  CodeTable table;
  table.otherwise_ = std::move(otherwise);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // as spreadsheets write it
  std::optional<Columns> columns;
  std::size_t line = 1;
  const auto wrong = [&line](const base::Error& error) { return error.with(fmt::format("line {}", line)); };
  while (!text.empty()) {
    const std::string_view before = text;
    if (text.front() == '#' || text.front() == '\n' || text.starts_with("\r\n")) {
      text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
      ++line;
      continue;
    }
    const auto row = take_csv_row(text);
    if (!row) return wrong({Errc::invalid, "no CSV: a quote is not closed, or stands within a field"});
    if (!columns) {
      auto named = columns_of(*row);
      if (!named.ok()) return wrong(named.error());
      columns = *named;
    } else {
      if (row->size() != columns->count)
        return wrong({Errc::invalid, fmt::format("{} fields, and the first row has {}", row->size(), columns->count)});
      if (table.rows_.size() == kRowsMax) return wrong({Errc::invalid, fmt::format("more than {} rows", kRowsMax)});
      Row& made = table.rows_.emplace_back();
      made.line = line;
      for (const auto& [column, field] :
           {std::pair(columns->presence, &made.presence), std::pair(columns->routing, &made.routing),
            std::pair(columns->reason, &made.reason)}) {
        auto pattern = pattern_of(*row, column);
        if (!pattern.ok()) return wrong(pattern.error());
        *field = std::move(*pattern);
      }
      made.code = trimmed((*row)[*columns->code]);
      if (!is_code(made.code))
        return wrong({Errc::invalid, fmt::format("a code is 1 to {} bytes of text", kCodeBytesMax)});
    }
    line += static_cast<std::size_t>(std::ranges::count(before.substr(0, before.size() - text.size()), '\n'));
  }
  if (!columns) return {Errc::invalid, "line 1: nothing is in it; the first row is presence,routing,reason,code"};
  for (std::size_t i = 0; i < table.rows_.size() && table.unreachable_ == 0; ++i) {
    const Row& late = table.rows_[i];
    const bool hidden =
        std::any_of(table.rows_.begin(), table.rows_.begin() + static_cast<std::ptrdiff_t>(i), [&](const Row& early) {
          return covers(early.presence, late.presence) && covers(early.routing, late.routing) &&
                 covers(early.reason, late.reason);
        });
    if (hidden) table.unreachable_ = late.line;
  }
  return table;
}

const std::string& CodeTable::code(std::string_view presence, std::string_view routing, std::string_view reason) const {
  for (const Row& row : rows_) {
    if (fits(row.presence, presence) && fits(row.routing, routing) && fits(row.reason, reason)) return row.code;
  }
  return otherwise_;
}

}  // namespace trunkline::wfm
