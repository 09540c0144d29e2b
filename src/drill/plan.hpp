#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace trunkline::drill {

enum class Mode : std::uint8_t { kill, power_cut };
std::string_view name(Mode mode);

// The point that stands for no point: a kill -9 from outside at a random time.
inline constexpr std::string_view kRandomPoint = "random";
// Every point at which the hub can be killed (base/failpoint.hpp, without the defects), and kRandomPoint.
std::vector<std::string> all_points();
// The defects that can be planted, as named in base/failpoint.hpp.
std::vector<std::string> all_defects();

// How the hub dies once.
struct Kill {
  std::string point;
  Mode mode = Mode::kill;
  std::int64_t count = 0;  // named points: dies when it passes the point for this time
  base::Millis hold{0};    // named points: the thread stays there for so long before; others go on meanwhile
  base::Millis delay{0};   // kRandomPoint: from ready to the kill
  std::uint64_t disk_seed =
      0;  // power_cut: of the disk; its remainder by 4 is how the log is torn (app/crash_disk.hpp)
};

struct PlanOptions {
  std::vector<std::string> points{};  // of all_points(); empty: all
  std::vector<Mode> modes{};          // empty: both
  std::uint32_t kills = 10;           // of each point in each mode
  std::uint64_t seed = 1;
};

// Every point in every mode, `kills` times; the same options give the same plan. Counts and delays are such that at
// the drill's own load a kill comes within seconds; every fifth one at a commit comes among the first commits of a
// start. Every second kill at a point before an answer holds the thread
// there, so that an answer which does not wait for the sync gets out and is missed afterwards. Errc::invalid names a
// point that does not exist, and the nearest one.
base::Result<std::vector<Kill>> make_plan(const PlanOptions& options);

// Environment variables of the hub that is to die so, as "NAME=value" (app/crash_disk.hpp). `defect` may be empty.
std::vector<std::string> environment_of(const Kill& kill, std::string_view defect);

}  // namespace trunkline::drill
