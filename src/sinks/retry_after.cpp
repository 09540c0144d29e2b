#include "sinks/retry_after.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

namespace trunkline::sinks {
namespace {

using base::Millis;

// So that adding it to a time cannot overflow; delivery bounds it far lower.
constexpr std::int64_t kSecondsMax = 365 * 24 * 3600;

std::optional<base::WallTime> parse_http_date(std::string_view text, base::WallTime now) {
  const std::string copy(text);
  for (const char* format : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = ::strptime(copy.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    const std::time_t seconds = ::timegm(&parts);
    base::WallTime time{std::chrono::seconds(seconds)};
    // A two-digit year more than 50 years ahead is the past one (RFC 9110 section 5.6.7).
    if (format[1] == 'A' && time - now > std::chrono::years(50)) time -= std::chrono::days(36'525);
    return time;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Millis> parse_retry_after(std::string_view text, base::WallTime now) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t seconds = kSecondsMax;  // kept where the number does not fit
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::chrono::seconds(std::min(seconds, kSecondsMax));
  }
  const auto date = parse_http_date(text, now);
  if (!date) return std::nullopt;
  return std::clamp<Millis>(*date - now, Millis(0), std::chrono::seconds(kSecondsMax));
}

}  // namespace trunkline::sinks
