#include "app/command_line.hpp"

int main(int argc, char** argv) {
  return trunkline::app::run(argc, argv);
}
