#include "net/http_reply.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace trunkline::net {
namespace {

struct Reason {
  int status;
  std::string_view phrase;
};
// RFC 9110 section 15, RFC 6585.
constexpr std::array kReasons = {
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{415, "Unsupported Media Type"},
    Reason{422, "Unprocessable Content"},
    Reason{429, "Too Many Requests"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{507, "Insufficient Storage"},
};

bool owned_by_server(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Connection") ||
         equal_ignoring_case(name, "Date") || equal_ignoring_case(name, "Transfer-Encoding");
}

bool sendable(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string_view reason_phrase(int status) {
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.phrase;
  }
  return {};
}

std::string_view DateLine::at(base::WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (second == second_) return line_;
  second_ = second;
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto days = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(second - days);
  line_ = fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n",
                      kDays[std::chrono::weekday(days).c_encoding()], static_cast<unsigned>(date.day()),
                      kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                      clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  return line_;
}

void append_reply(std::string& out, const HttpResponse& response, ReplyForm form, std::string_view date_line) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  out += date_line;
  for (const auto& [name, value] : response.headers) {
    if (owned_by_server(name) || !sendable(name) || !sendable(value)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (form.close) {
    out += "Connection: close\r\n";
  } else if (form.http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
  if (form.stream && has_body(response.status)) {
    out += form.http_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n";
    return;
  }
  if (!has_body(response.status)) {
    out += "\r\n";
    return;
  }
  fmt::format_to(to, "Content-Length: {}\r\n\r\n", response.body.size());
  if (!form.head_request) out += response.body;
}

}  // namespace trunkline::net
