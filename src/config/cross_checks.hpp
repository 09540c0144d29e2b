#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/scope_reader.hpp"

namespace trunkline::config {

// What only holds between options. `given` is what the consumer's own map has in the file.
void check_consumer(const Consumer& consumer, bool has_sink, const std::vector<Given>& given, Diagnostics& diagnostics);
// What holds over the whole file; `listen` is the place of that option's value, if it is there.
void check_together(const Config& config, Place listen, Diagnostics& diagnostics);

}  // namespace trunkline::config
