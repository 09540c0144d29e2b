#include "sinks/retry_after.hpp"

#include <algorithm>
#include <charconv>

#include "base/http_date.hpp"

namespace trunkline::sinks {
namespace {

using base::Millis;

// So that adding it to a time cannot overflow; delivery bounds it far lower.
constexpr std::int64_t kSecondsMax = 365 * 24 * 3600;

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
  const auto date = base::parse_http_date(text, now);
  if (!date) return std::nullopt;
  return std::clamp<Millis>(*date - now, Millis(0), std::chrono::seconds(kSecondsMax));
}

}  // namespace trunkline::sinks
