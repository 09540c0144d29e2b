#pragma once

#include <string_view>
#include <vector>

namespace trunkline::mapping {

// What embed_mappings.py compiles in.

// Lines of topic pattern, path, kind and note, separated by tabs: personal.tsv.
extern const std::string_view kPersonalTable;

struct ReadyMapping {
  std::string_view name;   // of its file
  std::string_view about;  // for people
  std::string_view rules;  // a JSON array of rules
};
extern const std::vector<ReadyMapping> kReadyMappings;

}  // namespace trunkline::mapping
