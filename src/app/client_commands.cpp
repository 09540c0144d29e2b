#include "app/client_commands.hpp"

namespace trunkline::app {

void add_client_commands(CLI::App&, int&) {}

}  // namespace trunkline::app
