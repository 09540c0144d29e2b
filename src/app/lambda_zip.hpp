#pragma once

#include <string>

namespace trunkline::app {

// Writes the zip of a function: bootstrap, this program, the loader and the libraries that it runs with, the system's
// certificate authorities, the configuration as `trunkline.yaml`. The same inputs make the same bytes. The exit code.
int run_lambda_zip(const std::string& config, const std::string& out);

}  // namespace trunkline::app
