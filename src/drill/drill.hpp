#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drill/report.hpp"

namespace trunkline::drill {

struct DrillOptions {
  PlanOptions plan{};
  double rate = 3'000;      // events per second
  std::string directory{};  // of everything; empty: a temporary one, removed when all is well
  std::string defect{};     // one of all_defects(), with or without "defect."; empty: none
  bool json = false;
};

// Runs this very program as a hub under load, has it die as planned, starts it again on the same data, and in the end
// compares the ledgers of what was promised with what was delivered: events over HTTP in lanes, to a file, and pulled.
// Prints a line per kill, then the report. 0: nothing was lost or reordered and every kill happened; 1: not so, and the
// directory stays; 2: wrong options.
int run_drill(const DrillOptions& options);

}  // namespace trunkline::drill
