#include "watch/rest.hpp"

#include <time.h>

#include <algorithm>

#include "base/text.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::watch {
namespace {

using base::WallTime;
using std::chrono::minutes;

constexpr int kDayMinutes = 24 * 60;
constexpr int kWeekMinutes = 7 * kDayMinutes;
constexpr std::chrono::days kNoEnd{8};
constexpr int kChainsMax = 64;  // windows that follow each other; more than a week's

// Minutes since Monday 00:00 of the zone.
int minute_of_week(const Zone& zone, WallTime now) {
  std::int64_t offset_seconds = std::int64_t{zone.offset_minutes} * 60;
  if (zone.local) {
    const auto seconds = static_cast<time_t>(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
    tm local{};
    if (localtime_r(&seconds, &local) != nullptr) offset_seconds = local.tm_gmtoff;
  }
  const auto whole = std::chrono::floor<minutes>(now.time_since_epoch() + std::chrono::seconds(offset_seconds));
  // The epoch was a Thursday.
  const std::int64_t since_monday = (whole.count() + 3 * kDayMinutes) % kWeekMinutes;
  return static_cast<int>((since_monday + kWeekMinutes) % kWeekMinutes);
}

int length_of(const MaintenanceWindow& window) {
  return window.to > window.from ? window.to - window.from : window.to + kDayMinutes - window.from;
}

// Minutes left of the occurrence that holds this minute of the week; 0: none does.
int minutes_left(const MaintenanceWindow& window, int at) {
  int left = 0;
  for (int day = 0; day < 7; ++day) {
    if ((window.days & (1u << day)) == 0) continue;
    const int since = (at - (day * kDayMinutes + window.from) + kWeekMinutes) % kWeekMinutes;
    left = std::max(left, length_of(window) - since);
  }
  return left;
}

// Where the zone's own time jumps, the minutes left are a guess that is corrected by looking.
WallTime end_of(const MaintenanceWindow& window, WallTime now) {
  constexpr int kJumpMax = 180;  // minutes that a zone may jump
  WallTime end = std::chrono::floor<minutes>(now) + minutes(minutes_left(window, minute_of_week(window.zone, now)));
  for (int i = 0; i < kJumpMax && window.holds(end); ++i) end += minutes(1);
  for (int i = 0; i < kJumpMax && end - minutes(1) > now && !window.holds(end - minutes(1)); ++i) end -= minutes(1);
  return end;
}

std::optional<WallTime> time_at(json::Value object, std::string_view member) {
  return base::parse_time(object.string_at(member));
}

void write_time(json::Writer& writer, std::string_view member, const std::optional<WallTime>& time) {
  if (time) writer.member(member, base::format_time(*time));
}

}  // namespace

bool MaintenanceWindow::holds(WallTime now) const {
  return minutes_left(*this, minute_of_week(zone, now)) > 0;
}

std::optional<WallTime> open_until(const std::vector<MaintenanceWindow>& windows, WallTime now) {
  std::optional<WallTime> end;
  for (int i = 0; i < kChainsMax; ++i) {
    const WallTime at = end.value_or(now);
    const auto open = std::ranges::find_if(windows, [&](const MaintenanceWindow& window) { return window.holds(at); });
    if (open == windows.end()) return end;
    end = end_of(*open, at);
    if (*end - now > kNoEnd) return now + kNoEnd;
  }
  return end;
}

std::string encode(const PauseState& state) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("paused", state.paused).member("by_operator", state.by_operator);
  writer.member("reason", state.reason);
  write_time(writer, "since", state.since);
  write_time(writer, "until", state.until);
  write_time(writer, "no_window_to", state.no_window_to);
  writer.end_object();
  return out;
}

base::Result<PauseState> decode_pause(std::string_view bytes) {
  PauseState state;
  state.by_operator = true;
  if (bytes == "1" || bytes == "0") {
    state.paused = bytes == "1";
    return state;
  }
  json::Document document;
  const auto root = document.parse(bytes);
  if (!root.ok() || !root->is(json::Type::object)) return {base::Errc::corrupt, "the record of a pause is unreadable"};
  const auto paused = root->find("paused");
  const auto by_operator = root->find("by_operator");
  if (!paused || !paused->is(json::Type::boolean))
    return {base::Errc::corrupt, "the record of a pause lacks its state"};
  state.paused = paused->boolean();
  state.by_operator = by_operator && by_operator->is(json::Type::boolean) && by_operator->boolean();
  state.reason = root->string_at("reason");
  state.since = time_at(*root, "since").value_or(WallTime());
  state.until = time_at(*root, "until");
  state.no_window_to = time_at(*root, "no_window_to");
  return state;
}

std::string_view name(RestBy by) {
  switch (by) {
    case RestBy::nobody:
      return "";
    case RestBy::people:
      return "operator";
    case RestBy::configuration:
      return "configuration";
    case RestBy::maintenance:
      return "maintenance";
  }
  return "";
}

Rest rest_of(const PauseState& state, const std::vector<MaintenanceWindow>& windows, WallTime now) {
  const bool passed_over = state.no_window_to && now < *state.no_window_to;
  if (state.paused && (!state.until || now < *state.until)) {
    Rest rest{state.by_operator ? RestBy::people : RestBy::configuration, state.reason, {}, state.until};
    if (state.since != WallTime()) rest.since = state.since;
    if (rest.until && !passed_over) rest.until = open_until(windows, *rest.until).value_or(*rest.until);
    return rest;
  }
  const auto end = passed_over ? std::nullopt : open_until(windows, now);
  if (!end) return {};
  return {RestBy::maintenance, "", {}, end};
}

}  // namespace trunkline::watch
