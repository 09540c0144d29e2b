#pragma once

#include "config/config.hpp"
#include "config/diagnostic.hpp"

namespace trunkline::config {

// What options of one sink say against each other.
void check_sink(const Consumer& consumer, Diagnostics& diagnostics);

}  // namespace trunkline::config
