#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace trunkline::app {

// The whole file, or standard input for "-". At most 64 MiB.
base::Result<std::string> read_file(const std::string& path);

// Nothing that exists is written over unless `replace`; only its owner can read it. On disk when it returns.
base::Result<void> write_file(const std::string& path, const std::string& text, bool replace);

// Loads the configuration and prints what is wrong with it on standard error, filters included. Nothing when it cannot
// be used.
std::optional<config::Config> load_config(const std::string& path);

// Prints them on standard error; true when none is an error.
bool print_diagnostics(const std::vector<config::Diagnostic>& diagnostics, const std::string& path);

}  // namespace trunkline::app
