#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace trunkline::cli {
namespace {

// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::print(std::ostream& out) const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    std::size_t width = width_of(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  print_row(out, titles, widths);
  for (const auto& row : rows_) print_row(out, row, widths);
}

void Table::print_row(std::ostream& out, const std::vector<std::string>& cells,
                      const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string space(widths[i] - width_of(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += columns_[i].align == Align::right ? space + cells[i] : cells[i] + space;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << "\n";
}

void Facts::print(std::ostream& out) const {
  std::size_t width = 0;
  for (const auto& [name, value] : rows_) width = std::max(width, name.size());
  for (const auto& [name, value] : rows_)
    out << name << ":" << std::string(width - name.size() + 2, ' ') << value << "\n";
}

std::string printable(std::string_view text, std::size_t width) {
  std::string out(text);
  const bool utf8 = base::is_valid_utf8(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte > 0x7F && !utf8)) c = '?';
  }
  // The other control characters (C1) are two bytes in UTF-8: C2 80 to C2 9F.
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    if (static_cast<unsigned char>(out[i]) == 0xC2 && static_cast<unsigned char>(out[i + 1]) < 0xA0)
      out.replace(i, 2, "?");
  }
  if (width == 0 || out.size() <= width) return out;
  std::size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
  return out.substr(0, end) + "...";
}

std::string text_at(json::Value object, std::string_view name) {
  const std::string_view text = object.string_at(name);
  return text.empty() ? "-" : printable(text);
}

std::string count_at(json::Value object, std::string_view name) {
  const auto value = object.find(name);
  return value && value->is(json::Type::number) ? std::string(value->raw()) : "-";
}

std::uint64_t number_at(json::Value object, std::string_view name) {
  const auto value = object.find(name);
  return value ? static_cast<std::uint64_t>(value->integer().value_or(0)) : 0;
}

bool flag_at(json::Value object, std::string_view name) {
  const auto flag = object.find(name);
  return flag && flag->boolean();
}

void print_indented(std::ostream& out, std::string_view text, std::size_t indent) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    out << std::string(indent, ' ') << printable(line) << "\n";
  }
}

double real_at(json::Value object, std::string_view name) {
  const auto value = object.find(name);
  return value ? value->number().value_or(0) : 0;
}

namespace {

std::string state_of_delivery(json::Value consumer) {
  const auto paused = consumer.find("paused");
  if (paused && paused->boolean()) {
    const auto rest = consumer.find("rest");
    const bool window = rest && rest->is(json::Type::object) && rest->string_at("by") == "maintenance";
    const bool ends = rest && rest->is(json::Type::object) && !rest->string_at("until").empty();
    std::string word = window ? "maintenance" : "paused";
    return ends ? word + " " + human_seconds(real_at(*rest, "resumes_in_seconds")) : word;
  }
  const auto budget = consumer.find("budget");
  if (budget && budget->is(json::Type::object) && !budget->string_at("used_up_until").empty())
    return "budget " + human_seconds(real_at(*budget, "goes_on_in_seconds"));
  const std::string_view breaker = consumer.string_at("breaker");
  if (breaker == "open") return "down";
  if (breaker == "half_open") return "probing";
  return number_at(consumer, "parked") > 0 ? "parked" : "ok";
}

}  // namespace

// A shadow is never shown as what delivers.
std::string state_of(json::Value consumer) {
  const std::string state = state_of_delivery(consumer);
  const auto shadow = consumer.find("shadow");
  if (!shadow || !shadow->boolean()) return state;
  return state == "ok" ? "shadow" : "shadow, " + state;
}

std::string drain_of(json::Value consumer) {
  const auto drain = consumer.find("drain");
  if (!drain) return "-";
  const std::string_view outlook = drain->string_at("outlook");
  if (outlook == "draining") return human_seconds(real_at(*drain, "seconds"));
  return outlook == "empty" || outlook.empty() ? "-" : printable(outlook);
}

std::string expiry_of(json::Value consumer) {
  const auto left = consumer.find("expires_in_seconds");
  if (!left || left->is(json::Type::null)) return "-";
  return human_seconds(real_at(consumer, "expires_in_seconds"));
}

std::string human_seconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::max(seconds, 0.0));
  const std::uint64_t minutes = whole / 60;
  const std::uint64_t hours = minutes / 60;
  if (minutes == 0) return fmt::format("{}s", whole);
  if (hours == 0) return fmt::format("{}m {}s", minutes, whole % 60);
  if (hours < 24) return fmt::format("{}h {}m", hours, minutes % 60);
  return fmt::format("{}d {}h", hours / 24, hours % 24);
}

std::string human_bytes(double bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

}  // namespace trunkline::cli
