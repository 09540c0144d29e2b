#pragma once

namespace CLI {
class App;
}

namespace trunkline::app {

// `trunkline demo`. The exit code goes to `code`.
void add_demo_command(CLI::App& app, int& code);

}  // namespace trunkline::app
