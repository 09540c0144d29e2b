#pragma once

#include <CLI/CLI.hpp>

#include "account/account.hpp"

namespace trunkline::app {

// `trunkline aws`: a deployment, and `doctor`, which names the settings of an account that would lose or reorder events.
void add_aws(CLI::App& app, int& code);

// Prints the doctor's findings on standard output; true when there is none.
bool report_account(const account::Account& account, bool json);

}  // namespace trunkline::app
