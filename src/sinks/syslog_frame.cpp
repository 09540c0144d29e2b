#include "sinks/syslog_frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.hpp"

namespace trunkline::sinks {
namespace {

constexpr std::array<std::string_view, 24> kFacilities = {"kern",   "user",   "mail",   "daemon", "auth",     "syslog",
                                                          "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                                                          "ntp",    "audit",  "alert",  "clock",  "local0",   "local1",
                                                          "local2", "local3", "local4", "local5", "local6",   "local7"};
constexpr std::array<std::string_view, 8> kSeverities = {"emerg",   "alert",  "crit", "err",
                                                         "warning", "notice", "info", "debug"};
constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

template <std::size_t N>
std::optional<int> place_in(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<int>(found - names.begin());
}

bool is_printable(char c) {
  return c > ' ' && c < 0x7F;
}

// Section 6.2: PRINTUSASCII, or the NILVALUE.
void append_header(std::string& out, std::string_view text, std::size_t bytes_max) {
  out += ' ';
  if (text.empty()) out += '-';
  for (const char c : text.substr(0, bytes_max)) out += is_printable(c) ? c : '_';
}

// Section 6.3.2: without '=', ' ', ']', '"'.
void append_name(std::string& out, std::string_view name) {
  constexpr std::size_t kNameBytesMax = 32;
  for (const char c : name.substr(0, kNameBytesMax))
    out += is_printable(c) && c != '=' && c != ']' && c != '"' ? c : '_';
}

// Section 6.3.3.
void append_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '"' || c == '\\' || c == ']') out += '\\';
    out += c;
  }
}

}  // namespace

std::optional<SyslogPriority> parse_priority(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto facility = place_in(kFacilities, text.substr(0, dot));
  const auto severity = place_in(kSeverities, text.substr(dot + 1));
  if (!facility || !severity) return std::nullopt;
  return SyslogPriority{*facility, *severity};
}

std::string format_syslog(const SyslogMessage& message) {
  std::string out = fmt::format("<{}>1 {}", message.priority.value(), base::format_time(message.time));
  append_header(out, message.host, 255);
  append_header(out, message.app_name, 48);
  append_header(out, message.process_id, 128);
  append_header(out, message.message_id, 32);
  out += ' ';
  if (message.data_id.empty()) {
    out += '-';
  } else {
    out += '[';
    append_name(out, message.data_id);
    for (const auto& [name, value] : message.data) {
      if (value.empty()) continue;
      out += ' ';
      append_name(out, name);
      out += "=\"";
      append_value(out, value);
      out += '"';
    }
    out += ']';
  }
  if (message.text.empty()) return out;
  out += ' ';
  if (message.utf8_mark) out += kUtf8Mark;
  out += message.text;
  return out;
}

void append_frame(std::string& out, std::string_view message) {
  fmt::format_to(std::back_inserter(out), "{} ", message.size());
  out += message;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace trunkline::sinks
