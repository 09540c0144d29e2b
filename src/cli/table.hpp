#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.hpp"

namespace trunkline::cli {

// Columns as wide as their widest cell, two spaces between them, none at a line's end.
class Table {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  void print(std::ostream& out) const;

 private:
  void print_row(std::ostream& out, const std::vector<std::string>& cells,
                 const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "name:   value" lines, values aligned.
class Facts {
 public:
  void add(std::string name, std::string value) { rows_.emplace_back(std::move(name), std::move(value)); }
  void print(std::ostream& out) const;

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

// Text from elsewhere on one line of a terminal: control characters (which may move the cursor or worse) and what is
// not UTF-8 are shown as '?', what is longer than `width` bytes is cut with "...". A width of 0 cuts nothing.
std::string printable(std::string_view text, std::size_t width = 0);

// Lines, each printable() and moved right by so many spaces.
void print_indented(std::ostream& out, std::string_view text, std::size_t indent);

// Members of an answer, for people; "-" where there is none.
std::string text_at(json::Value object, std::string_view name);
std::string count_at(json::Value object, std::string_view name);
std::uint64_t number_at(json::Value object, std::string_view name);
bool flag_at(json::Value object, std::string_view name);  // false where there is none
double real_at(json::Value object, std::string_view name);
// A consumer's, in a word: "ok", "paused" ("maintenance" in a window; with how long it still lasts), "down" (the breaker is open), "probing", "parked" (some lane is),
// "budget 3h" (used up for so long); "shadow" before it where nothing is sent.
std::string state_of(json::Value consumer);

// When it will have drained: "12m 3s", "-" (nothing waits), "growing", "stalled".
std::string drain_of(json::Value consumer);
// Until the oldest waiting event expires; "-" where nothing waits.
std::string expiry_of(json::Value consumer);

// "0s", "12s", "3m 20s", "2h 5m", "4d 1h"
std::string human_seconds(double seconds);
// "812 B", "1.4 MiB"
std::string human_bytes(double bytes);

}  // namespace trunkline::cli
