#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

// When delivery to a consumer rests: because somebody said so, or because its maintenance window is open. All by wall
// time, since that is what people agree on: a clock that is set moves pauses and windows with it.
namespace trunkline::watch {

// Of a window: UTC with an offset, or the local time of the process with its rules for summer time (localtime_r: the
// TZ variable or /etc/localtime as they were when the process started). Other named zones are not known.
struct Zone {
  bool local = false;
  std::int32_t offset_minutes = 0;  // east of UTC; unless local
};

// Every week, on some days, from minute to minute of the zone's day.
struct MaintenanceWindow {
  std::uint8_t days = 0x7F;  // bit 0 is Monday: the days on which it begins
  std::uint16_t from = 0;    // minutes from midnight, 0 to 1439
  std::uint16_t to = 0;      // 1 to 1440; not above `from`: on the next day
  Zone zone;

  bool holds(base::WallTime now) const;
};

// The end of what the windows hold together: nothing while none is open. One that ends as another begins goes on.
// Windows that leave no minute free have no end; then it is 8 days ahead.
std::optional<base::WallTime> open_until(const std::vector<MaintenanceWindow>& windows, base::WallTime now);

// What was said last of a consumer, kept over restarts.
struct PauseState {
  bool paused = false;
  bool by_operator = false;  // else by the configuration
  std::string reason;        // at most kReasonMax bytes
  base::WallTime since{};
  std::optional<base::WallTime> until;         // goes on by itself from then on
  std::optional<base::WallTime> no_window_to;  // resumed inside a window, which is passed over until its end
};
inline constexpr std::size_t kReasonMax = 500;

std::string encode(const PauseState& state);
// Also "1" and "0", of versions that knew no more. Errc::corrupt for anything else.
base::Result<PauseState> decode_pause(std::string_view bytes);

enum class RestBy : std::uint8_t { nobody, people, configuration, maintenance };
std::string_view name(RestBy by);  // "", "operator", "configuration", "maintenance"
struct Rest {
  RestBy by = RestBy::nobody;
  std::string reason{};
  std::optional<base::WallTime> since{};  // nothing where it is not known
  std::optional<base::WallTime> until{};  // nothing: until somebody resumes it

  bool rests() const { return by != RestBy::nobody; }
  bool operator==(const Rest&) const = default;
};
// A pause says who and why before a window does, and ends no sooner than the window.
Rest rest_of(const PauseState& state, const std::vector<MaintenanceWindow>& windows, base::WallTime now);

}  // namespace trunkline::watch
