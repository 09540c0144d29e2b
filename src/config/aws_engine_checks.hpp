#pragma once

#include <string_view>
#include <vector>

#include "config/cross_checks.hpp"

namespace trunkline::config {

// What of a configuration cannot be with `engine: aws`: what needs a store on this machine, and what folds events into
// state that one process alone may write, since any worker delivers any lane. Each error says what to do instead.
void check_aws_engine(const Config& config, const Places& places, Diagnostics& diagnostics);
// `given`: what the map of the source or consumer has in the file; `sink_place`: of the name of the sink's kind.
void check_aws_source(const Source& source, const std::vector<Given>& given, Diagnostics& diagnostics);
void check_aws_consumer(const Consumer& consumer, const std::vector<Given>& given, Place sink_place,
                        Diagnostics& diagnostics);

}  // namespace trunkline::config
