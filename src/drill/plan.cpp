#include "drill/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/text.hpp"
#include "sim/random.hpp"

namespace trunkline::drill {
namespace {

constexpr std::string_view kDefectPrefix = "defect.";
constexpr std::string_view kFlawPrefix = "flaw.";  // planted for the simulation
// Passed by redrives and replays only, of which the drill's traffic has none.
constexpr std::string_view kOperationPrefix = "operation.";
constexpr std::string_view kMigratePrefix = "migrate.";
// Long enough for an answer to leave the process and be read at the other end, short beside a request's time-out.
constexpr base::Millis kHold{100};
// A random kill comes between the first events after ready and some flushes and compactions later.
constexpr std::int64_t kDelayMinMs = 20;
constexpr std::int64_t kDelayMaxMs = 1'500;

struct CountRange {
  std::string_view point;
  std::int64_t low;
  std::int64_t high;
};
// Per second, at 3,000 events/s: some 500 commits, 50 cursors, 1,000 settles, 10 switches and flushes, 2 compactions.
// The commits of a start, about three, are left to every fifth kill.
constexpr CountRange kCounts[] = {
    {"commit.before_sync", 15, 500},
    {"commit.after_sync", 15, 500},
    {"wal.switch", 1, 8},
    {"flush", 1, 8},
    {"compaction", 1, 2},
    {"settle", 5, 800},
    {"cursor.move", 5, 60},
};

CountRange range_of(std::string_view point) {
  for (const CountRange& range : kCounts) {
    if (range.point == point) return range;
  }
  return {point, 1, 20};
}

// Queues are declared and policies stored in the first commits of a start, cursors and leases are read and moved.
bool in_start(const Kill& kill, std::uint32_t ordinal) {
  return kill.point.starts_with("commit.") && ordinal % 5 == 3;
}
constexpr std::int64_t kStartCountMax = 3;

Kill make_kill(const std::string& point, Mode mode, std::uint32_t ordinal, sim::Random& random) {
  Kill kill{.point = point, .mode = mode};
  if (point == kRandomPoint) {
    kill.delay = base::Millis(random.between(kDelayMinMs, kDelayMaxMs));
  } else {
    const CountRange range = range_of(point);
    kill.count = in_start(kill, ordinal) ? random.between(1, kStartCountMax) : random.between(range.low, range.high);
    if (ordinal % 2 == 0) kill.hold = kHold;
  }
  // All ways of tearing a log in turn, each with and without a hold.
  kill.disk_seed = static_cast<std::uint64_t>(random.between(1, 1'000'000)) * 4 + (ordinal + ordinal / 2) % 4;
  return kill;
}

}  // namespace

std::string_view name(Mode mode) {
  return mode == Mode::kill ? "kill" : "power_cut";
}

std::vector<std::string> all_points() {
  std::vector<std::string> points = base::failpoint::names();
  std::erase_if(points, [](const std::string& point) {
    return point.starts_with(kDefectPrefix) || point.starts_with(kFlawPrefix) || point.starts_with(kOperationPrefix) ||
           point.starts_with(kMigratePrefix);
  });
  points.emplace_back(kRandomPoint);
  return points;
}

std::vector<std::string> all_defects() {
  std::vector<std::string> defects = base::failpoint::names();
  std::erase_if(defects, [](const std::string& point) { return !point.starts_with(kDefectPrefix); });
  return defects;
}

base::Result<std::vector<Kill>> make_plan(const PlanOptions& options) {
  const std::vector<std::string> known = all_points();
  const std::vector<std::string> points = options.points.empty() ? known : options.points;
  const std::vector<Mode> modes = options.modes.empty() ? std::vector{Mode::kill, Mode::power_cut} : options.modes;
  for (const std::string& point : points) {
    if (std::find(known.begin(), known.end(), point) != known.end()) continue;
    const auto near = base::nearest(point, known);
    return {base::Errc::invalid, fmt::format("no kill point is named '{}'{}", point,
                                             near ? fmt::format("; did you mean '{}'?", *near) : std::string())};
  }
  sim::Random random(options.seed);
  std::vector<Kill> plan;
  for (const Mode mode : modes) {
    for (const std::string& point : points) {
      for (std::uint32_t i = 0; i < options.kills; ++i) plan.push_back(make_kill(point, mode, i, random));
    }
  }
  return plan;
}

std::vector<std::string> environment_of(const Kill& kill, std::string_view defect) {
  std::string points;
  if (kill.point != kRandomPoint) {
    points = fmt::format("{}={}@{}+{}", kill.point, name(kill.mode), kill.count, kill.hold.count());
  }
  if (!defect.empty()) points += fmt::format("{}{}=on", points.empty() ? "" : ",", defect);
  std::vector<std::string> variables;
  if (!points.empty()) variables.push_back("TRUNKLINE_FAILPOINTS=" + points);
  if (kill.mode == Mode::power_cut) variables.push_back(fmt::format("TRUNKLINE_CRASH_DISK={}", kill.disk_seed));
  return variables;
}

}  // namespace trunkline::drill
