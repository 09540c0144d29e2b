#include "simulation/report.hpp"

#include <fmt/format.h>

#include <iterator>

namespace trunkline::simulation {

void Report::add(const Report& other) {
  for (std::size_t i = 0; i < kKinds; ++i) {
    fired[i] += other.fired[i];
    followed[i] += other.followed[i];
  }
  runs += other.runs;
  hours += other.hours;
  events += other.events;
  deliveries += other.deliveries;
  repeats += other.repeats;
  dead_letters += other.dead_letters;
  reopens += other.reopens;
  tasks += other.tasks;
}

std::string describe(const Report& report) {
  std::string text = fmt::format(
      "{} runs, {:.0f} simulated hours, {} events, {} deliveries, {} repeats, {} dead letters seen, {} reopens of the "
      "store, {} tasks\n",
      report.runs, report.hours, report.events, report.deliveries, report.repeats, report.dead_letters, report.reopens,
      report.tasks);
  fmt::format_to(std::back_inserter(text), "{:<26}{:>10}{:>24}\n", "what", "fired", "with deliveries after");
  for (std::size_t i = 1; i < kKinds; ++i) {
    fmt::format_to(std::back_inserter(text), "{:<26}{:>10}{:>24}\n", name(static_cast<Kind>(i)), report.fired[i],
                   report.followed[i]);
  }
  return text;
}

}  // namespace trunkline::simulation
