#include "app/command_line.hpp"

// Read by jemalloc, if that is linked: pages that nobody uses go back to the system within about a second, and without waiting
// for the next call; by default an idle hub keeps the most it ever had. Costs no measurable rate.
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";

int main(int argc, char** argv) {
  return trunkline::app::run(argc, argv);
}
