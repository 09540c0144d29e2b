#include "config/maintenance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "config/option.hpp"

namespace trunkline::config {
namespace {

constexpr std::size_t kWindowsMax = 50;
constexpr std::size_t kDay = 24 * 60;
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// "HH:MM" in minutes, to 24:00.
std::optional<std::uint16_t> minute_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t at : {0, 1, 3, 4}) {
    if (!is_digit(text[at])) return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (minute > 59 || hour > 24 || (hour == 24 && minute > 0)) return std::nullopt;
  return static_cast<std::uint16_t>(hour * 60 + minute);
}

class Windows {
 public:
  Windows(const ScopeReader& reader, std::string path)
      : reader_(reader), diagnostics_(reader.context.diagnostics), path_(std::move(path)) {}

  void read(const YamlNode& node, Consumer& consumer) {
    if (node.kind != YamlNode::Kind::map) {
      diagnostics_.error(node.place,
                         fmt::format("'{}' is a map or a list of maps, not {}", path_, describe(node.kind)));
      return;
    }
    MaintenanceWindow window;
    window.place = node.place;
    read_scope(node, node.place, maintenance_table(), {path_, {}, reader_.context}, window);
    if (window.from.empty() || window.to.empty()) return;  // said already
    read_days(window);
    read_times(window);
    read_zone(window);
    if (!bad_) consumer.maintenance.push_back(std::move(window));
  }

 private:
  void wrong(const MaintenanceWindow& window, std::string_view option, std::string_view value,
             std::string_view wanted) {
    bad_ = true;
    diagnostics_.error(window.place, fmt::format("'{}.{}': '{}' is no {}", path_, option, value, wanted));
  }
  void read_days(MaintenanceWindow& window) {
    window.day_bits = window.days.empty() ? 0x7F : 0;
    for (const std::string& day : window.days) {
      const auto found = std::ranges::find(kDays, day);
      if (found == kDays.end()) {
        wrong(window, "days", day, "day: mon, tue, wed, thu, fri, sat, sun");
      } else {
        window.day_bits = static_cast<std::uint8_t>(window.day_bits | (1u << (found - kDays.begin())));
      }
    }
  }
  void read_times(MaintenanceWindow& window) {
    const auto from = minute_of(window.from);
    const auto to = minute_of(window.to);
    if (!from || *from == kDay) return wrong(window, "from", window.from, "time of day: \"02:00\", in quotes");
    if (!to || *to == 0)
      return wrong(window, "to", window.to, "time of day: \"04:00\", in quotes; the end of the day is \"24:00\"");
    window.from_minute = *from;
    window.to_minute = *to;
    if (*from == *to) wrong(window, "to", window.to, "end of a window that begins at the same time");
  }
  void read_zone(MaintenanceWindow& window) {
    const std::string_view zone = window.timezone;
    if (zone == "UTC") return;
    window.local = zone == "local";
    if (window.local) return;
    const auto offset = zone.starts_with('+') || zone.starts_with('-') ? minute_of(zone.substr(1)) : std::nullopt;
    if (!offset || *offset > 14 * 60)
      return wrong(window, "timezone", zone, "zone: UTC, local, or an offset such as \"+02:00\"");
    window.offset_minutes = zone.starts_with('-') ? -std::int32_t{*offset} : std::int32_t{*offset};
  }

  const ScopeReader& reader_;
  Diagnostics& diagnostics_;
  const std::string path_;
  bool bad_ = false;  // one of them is; said already
};

// Minutes of the week by each window's own zone, set against each other: what local time does in summer is left out.
bool leave_no_minute(const std::vector<MaintenanceWindow>& windows) {
  std::bitset<7 * kDay> taken;
  for (const MaintenanceWindow& window : windows) {
    const std::size_t length = window.to_minute > window.from_minute ? window.to_minute - window.from_minute
                                                                     : window.to_minute + kDay - window.from_minute;
    for (std::size_t day = 0; day < 7; ++day) {
      if ((window.day_bits & (1u << day)) == 0) continue;
      const std::size_t shift = static_cast<std::size_t>(static_cast<std::int32_t>(7 * kDay) - window.offset_minutes);
      const std::size_t begin = day * kDay + window.from_minute + shift;
      for (std::size_t i = 0; i < length; ++i) taken.set((begin + i) % (7 * kDay));
    }
  }
  return taken.all();
}

}  // namespace

void read_maintenance(const YamlNode::Member& member, const ScopeReader& reader, Consumer& consumer) {
  if (member.value.kind == YamlNode::Kind::null) return;
  const std::string path = join_path(reader.path, "maintenance");
  Windows windows(reader, path);
  if (member.value.kind != YamlNode::Kind::sequence) {
    windows.read(member.value, consumer);
  } else if (member.value.items.size() > kWindowsMax) {
    reader.context.diagnostics.error(member.place, fmt::format("'{}' has more than {} entries", path, kWindowsMax));
  } else {
    for (const YamlNode& item : member.value.items) windows.read(item, consumer);
  }
  if (leave_no_minute(consumer.maintenance)) {
    reader.context.diagnostics.error(
        member.place, fmt::format("'{}' leaves no minute of the week: nothing would ever be delivered", path));
  }
}

}  // namespace trunkline::config
