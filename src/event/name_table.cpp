#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/text.hpp"
#include "event/enrich.hpp"
#include "json/document.hpp"

namespace trunkline::event {
namespace {

using base::Errc;

// The fields of the record that begins at `at`, which moves behind it. Nothing when a quote has no end.
bool read_record(std::string_view text, std::size_t& at, std::vector<std::string>& fields) {
  fields.assign(1, {});
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c != '"') {
        fields.back().push_back(c);
      } else if (text.substr(at + 1, 1) == "\"") {
        fields.back().push_back(c);
        ++at;
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      ++at;
      return true;
    } else if (c != '\r') {
      fields.back().push_back(c);
    }
  }
  return !quoted;
}

}  // namespace

std::string_view NameTable::find(std::string_view id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? std::string_view() : std::string_view(found->second);
}

base::Result<void> NameTable::add(std::string_view id, std::string_view name) {
  if (id.empty() || name.empty()) return {};
  if (names_.size() >= kNamesMax) return {Errc::too_large, "more than a million names"};
  names_.insert_or_assign(std::string(id), std::string(name));
  return {};
}

base::Result<void> NameTable::parse_json(std::string_view text) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(text));
  const bool list = root.is(json::Type::array);
  for (auto item = root.first(); item; item = item->next()) {
    if (!item->is(list ? json::Type::object : json::Type::string)) {
      return {Errc::invalid,
              "byte " + std::to_string(item->offset()) + (list ? ": not an object" : ": the name is no string")};
    }
    TRUNKLINE_TRY_VOID(list ? add(item->string_at("id"), item->string_at("name")) : add(item->name(), item->string()));
  }
  return {};
}

base::Result<void> NameTable::parse_csv(std::string_view text) {
  std::size_t id_column = 0;
  std::size_t name_column = 1;
  std::size_t at = 0;
  std::vector<std::string> fields;
  for (std::size_t row = 1; at < text.size(); ++row) {
    if (!read_record(text, at, fields))
      return {Errc::invalid, "record " + std::to_string(row) + ": a quote without an end"};
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (row == 1) {
      const auto id = std::find(fields.begin(), fields.end(), "id");
      const auto name = std::find(fields.begin(), fields.end(), "name");
      if (id != fields.end() && name != fields.end()) {
        id_column = static_cast<std::size_t>(id - fields.begin());
        name_column = static_cast<std::size_t>(name - fields.begin());
        continue;
      }
    }
    if (fields.size() <= std::max(id_column, name_column)) {
      return {Errc::invalid, "record " + std::to_string(row) + ": an id and a name expected"};
    }
    TRUNKLINE_TRY_VOID(add(fields[id_column], fields[name_column]));
  }
  return {};
}

base::Result<NameTable> NameTable::parse(std::string_view text) {
  if (text.size() > kFileBytesMax) return {Errc::too_large, "a name table over 256 MB"};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // spreadsheets write it
  if (!base::is_valid_utf8(text)) return {Errc::invalid, "the name table is not UTF-8"};
  NameTable table;
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return table;
  const bool json = text[begin] == '{' || text[begin] == '[';
  TRUNKLINE_TRY_VOID(json ? table.parse_json(text) : table.parse_csv(text));
  return table;
}

base::Result<NameTable> NameTable::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {Errc::not_found, "cannot read the name table " + path};
  std::string text;
  // One byte over the limit is enough to know.
  std::array<char, 65536> chunk;
  while (text.size() <= kFileBytesMax && (file.read(chunk.data(), chunk.size()) || file.gcount() > 0)) {
    text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
  }
  auto table = parse(text);
  if (!table) return table.error().with("name table " + path);
  return table;
}

}  // namespace trunkline::event
