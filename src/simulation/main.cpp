#include "simulation/command.hpp"

int main(int argc, char** argv) {
  return trunkline::simulation::simulate(argc, argv);
}
