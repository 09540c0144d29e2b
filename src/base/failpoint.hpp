#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.hpp"
#include "base/result.hpp"

namespace trunkline::base {

// Named places where a test may stop the program dead. Off, a point costs one relaxed load. They stay in release
// builds, so that the crash drill kills the very binary that users run.
//
// Set from the text of the environment variable TRUNKLINE_FAILPOINTS, read once at start: "name=action@count+millis,…";
// the action is done on the count-th time the point is passed (default 1). Actions: kill (SIGKILL to self), power_cut
// (the handler given to on_power_cut, then SIGKILL), hold (waits "+millis" at each pass from the count-th on, and goes on: a
// slow disk), on (no action: makes failpoint_on() true, for planted defects).
// "@count+millis" holds the thread at the point for so long before it dies there: what other threads do too early
// meanwhile, an answer before its sync for one, then gets out.
// Process-wide by nature (it stands for the machine), hence the only mutable state outside objects.
namespace failpoint {

// Every name that code passes or asks for; a name outside of this list is an error in the environment variable.
std::vector<std::string> names();

Result<void> configure(std::string_view text);
// What a power cut does before the kill. Must be safe on any thread.
void on_power_cut(UniqueFunction<void()> handler);

extern std::atomic<bool> enabled;
void pass_slow(std::string_view name);
bool on_slow(std::string_view name);

inline void pass(std::string_view name) {
  if (enabled.load(std::memory_order_relaxed)) [[unlikely]]
    pass_slow(name);
}
inline bool on(std::string_view name) {
  return enabled.load(std::memory_order_relaxed) && on_slow(name);
}

}  // namespace failpoint
}  // namespace trunkline::base
