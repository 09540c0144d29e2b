#include "base/failpoint.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <thread>

#include "base/text.hpp"

namespace trunkline::base::failpoint {
namespace {

// Points at which the drill kills, those inside of a redrive, a replay or a migration, then the planted defects that prove that the
// drill sees them, then those that prove that the simulation does.
constexpr std::array<std::string_view, 21> kNames = {
    "commit.before_sync",
    "commit.after_sync",
    "wal.switch",
    "flush",
    "compaction",
    "settle",
    "cursor.move",
    "operation.step",
    "operation.given",
    "operation.committed",
    "migrate.taken",
    "migrate.placed",
    "migrate.covered",
    "defect.skip_sync",
    "defect.answer_before_sync",
    "defect.cursor_skips",
    "flaw.lost_wake_up",
    "flaw.identity_after_event",
    "flaw.breaker_spends",
    "flaw.redrive_overtakes",
    "flaw.late_unmarked",
};

enum class Action { kill, power_cut, hold, on };

struct Point {
  Action action = Action::on;
  std::atomic<std::int64_t> countdown{1};
  std::chrono::milliseconds hold{0};
};

// Written by configure() before any thread starts, read-only afterwards but for the countdowns.
std::map<std::string, std::unique_ptr<Point>, std::less<>> points;
UniqueFunction<void()> power_cut_handler;

Result<std::int64_t> parse_number(std::string_view text, std::int64_t least) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least) {
    return {Errc::invalid, fmt::format("'{}' in a failpoint is not a number from {} on", text, least)};
  }
  return number;
}

Result<std::unique_ptr<Point>> parse_action(std::string_view text) {
  auto point = std::make_unique<Point>();
  const std::size_t at = text.find('@');
  const std::string_view action = text.substr(0, at);
  if (action == "kill") {
    point->action = Action::kill;
  } else if (action == "power_cut") {
    point->action = Action::power_cut;
  } else if (action == "hold") {
    point->action = Action::hold;
  } else if (action != "on") {
    return {Errc::invalid, fmt::format("failpoint action '{}' is none of kill, power_cut, hold, on", action)};
  }
  if (at == std::string_view::npos) return point;
  const std::string_view numbers = text.substr(at + 1);
  const std::size_t plus = numbers.find('+');
  TRUNKLINE_TRY(point->countdown, parse_number(numbers.substr(0, plus), 1));
  if (plus != std::string_view::npos) {
    TRUNKLINE_TRY(const std::int64_t hold, parse_number(numbers.substr(plus + 1), 0));
    point->hold = std::chrono::milliseconds(hold);
  }
  return point;
}

}  // namespace

std::atomic<bool> enabled{false};

std::vector<std::string> names() {
  return {kNames.begin(), kNames.end()};
}

Result<void> configure(std::string_view text) {
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), entry.size() + 1));
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) return {Errc::invalid, fmt::format("failpoint '{}' has no action", entry)};
    const std::string name(entry.substr(0, equals));
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      return {Errc::invalid, fmt::format("no failpoint is named '{}'", name)};
    }
    TRUNKLINE_TRY(points[name], parse_action(entry.substr(equals + 1)));
  }
  enabled.store(!points.empty());
  return {};
}

void on_power_cut(UniqueFunction<void()> handler) {
  power_cut_handler = std::move(handler);
}

void pass_slow(std::string_view name) {
  const auto found = points.find(name);
  if (found == points.end() || found->second->action == Action::on) return;
  const std::int64_t left = found->second->countdown.fetch_sub(1);
  if (found->second->action == Action::hold) {
    if (left <= 1) std::this_thread::sleep_for(found->second->hold);
    return;
  }
  if (left != 1) return;
  if (found->second->hold.count() > 0) std::this_thread::sleep_for(found->second->hold);
  if (found->second->action == Action::power_cut && power_cut_handler) power_cut_handler();
  ::raise(SIGKILL);
}

bool on_slow(std::string_view name) {
  const auto found = points.find(name);
  return found != points.end() && found->second->action == Action::on;
}

}  // namespace trunkline::base::failpoint
