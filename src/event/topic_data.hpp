#pragma once

#include <string_view>

namespace trunkline::event {

// topics.tsv and prefixes.tsv without their comment lines.
extern const std::string_view kTopicsTable;
extern const std::string_view kPrefixesTable;

}  // namespace trunkline::event
