#include "base/http_date.hpp"

#include <ctime>
#include <string>

namespace trunkline::base {

std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) {
  const std::string copy(text);
  for (const char* format : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = ::strptime(copy.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    const std::time_t seconds = ::timegm(&parts);
    WallTime time{std::chrono::seconds(seconds)};
    // A two-digit year more than 50 years ahead is the past one (RFC 9110 section 5.6.7).
    if (format[1] == 'A' && time - now > std::chrono::years(50)) time -= std::chrono::days(36'525);
    return time;
  }
  return std::nullopt;
}

}  // namespace trunkline::base
