#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace trunkline::app {

struct LambdaZip {
  std::string bytes;
  std::size_t files = 0;
  std::size_t unpacked = 0;  // bytes
};
// The zip of a function: bootstrap, this program, the loader and the libraries that it runs with, the system's certificate
// authorities, the configuration as `trunkline.yaml`. The same inputs make the same bytes. Errc::too_large: for Lambda.
base::Result<LambdaZip> make_lambda_zip(const std::string& config);

// Writes it to a file that is not there yet. The exit code.
int run_lambda_zip(const std::string& config, const std::string& out);

}  // namespace trunkline::app
