#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace trunkline::app {

enum class Shell : std::uint8_t { bash, zsh, fish };

// A completion script made from the commands themselves: subcommands and options at every place, files where a file is
// meant, and names of consumers of the running hub where one is meant (asked by the hidden `complete-consumers`, which
// prints nothing when no hub answers).
std::string completion_script(const CLI::App& app, Shell shell);

// Adds `completion SHELL` and the hidden `complete-consumers`. Call it last: it completes what is there.
void add_completion(CLI::App& app, int& code);

}  // namespace trunkline::app
