#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/scope_reader.hpp"

namespace trunkline::config {

// What only holds between options. `given` is what the consumer's own map has in the file.
void check_consumer(const Consumer& consumer, bool has_sink, const std::vector<Given>& given, Diagnostics& diagnostics);
// The place of a root option's value by its path; only those that are in the file.
using Places = std::map<std::string_view, Place>;
Place place_of(const Places& places, std::string_view path);
// What holds over the whole file.
void check_together(const Config& config, const Places& places, Diagnostics& diagnostics);

}  // namespace trunkline::config
