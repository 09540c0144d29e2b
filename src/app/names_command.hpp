#pragma once

#include <CLI/CLI.hpp>

namespace trunkline::app {

// `trunkline names`: fetches the names of users and queues from Genesys into a file for `names.file`.
void add_names(CLI::App& app, int& code);

}  // namespace trunkline::app
