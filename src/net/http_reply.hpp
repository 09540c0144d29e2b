#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/http_types.hpp"

namespace trunkline::net {

// The Date field's line, made once a second. One loop's.
class DateLine {
 public:
  // "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" (RFC 9110 section 5.6.7)
  std::string_view at(base::WallTime now);

 private:
  std::chrono::sys_seconds second_{std::chrono::seconds(-1)};
  std::string line_;
};

struct ReplyForm {
  bool head_request = false;  // the head of the answer alone, with the length the body would have
  bool close = false;
  bool http_1_0 = false;
  bool stream = false;  // the head alone; the body follows in chunks, or until the close in HTTP/1.0
};

// Appends the answer's bytes. Fields that the server owns (Content-Length, Connection, Date, Transfer-Encoding) and
// fields that could not be sent as they are (a CR, LF or NUL in them) are left out.
void append_reply(std::string& out, const HttpResponse& response, ReplyForm form, std::string_view date_line);

// Whether an answer of that status may have a body (RFC 9110 section 6.4.1).
bool has_body(int status);

std::string_view reason_phrase(int status);  // empty for a status without one

}  // namespace trunkline::net
