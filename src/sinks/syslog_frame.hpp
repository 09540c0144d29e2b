#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

// RFC 5424 messages in octet-counted frames (RFC 6587 section 3.4.1, RFC 5425 section 4.3).
namespace trunkline::sinks {

// RFC 5424 section 6.2.1: facility 0 to 23, severity 0 to 7.
struct SyslogPriority {
  int facility = 16;  // local0
  int severity = 6;   // informational
  int value() const { return facility * 8 + severity; }
};
// "local0.info", "authpriv.notice", by the words of syslog.conf and the names of RFC 5424: kern user mail daemon auth
// syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 to local7; emerg alert crit err warning notice info
// debug. Nothing for other words.
std::optional<SyslogPriority> parse_priority(std::string_view text);

struct SyslogMessage {
  SyslogPriority priority{};
  base::WallTime time{};
  std::string_view host{};  // header fields are cut to what the RFC allows; what is not printable ASCII becomes '_'
  std::string_view app_name{};
  std::string_view process_id{};
  std::string_view message_id{};
  std::string_view data_id{};                                         // SD-ID; empty: no structured data
  std::vector<std::pair<std::string_view, std::string_view>> data{};  // without the empty ones
  bool utf8_mark = true;  // the byte order mark that says that the text is UTF-8 (section 6.4)
  std::string_view text{};
};
// Without the frame.
std::string format_syslog(const SyslogMessage& message);
// "LEN SP MSG" behind `out`.
void append_frame(std::string& out, std::string_view message);

// At most `bytes_max` bytes, without a piece of a character at the end.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace trunkline::sinks
