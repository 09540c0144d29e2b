#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::wfm {

// One field of a row (RFC 4180): in quotes where it holds a comma, a quote or a line break. Nothing is put before it.
void append_csv(std::string& out, std::string_view field);
// A whole row with its line end, which is "\n": what Python, Excel and every importer of today read, too.
void append_csv_row(std::string& out, std::initializer_list<std::string_view> fields);

// Takes the next row from `text`, its line end with it; "\r\n" is one, too. Nothing at the end of the text, or where a quote
// is never closed or is followed by anything but a comma or a line end: then `text` is not empty.
std::optional<std::vector<std::string>> take_csv_row(std::string_view& text);

}  // namespace trunkline::wfm
