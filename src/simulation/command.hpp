#pragma once

namespace trunkline::simulation {

// The program trunkline_simulate. Exit codes: 0 nothing found, 1 a finding, 2 wrong use.
int simulate(int argc, char** argv);

}  // namespace trunkline::simulation
