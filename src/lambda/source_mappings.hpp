#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace trunkline::lambda {

struct SourceMapping {
  std::string uuid;
  std::string queue_arn;
  std::string state;  // "Enabled", "Disabling", …
};
struct SourceMappings {
  std::vector<SourceMapping> mappings{};
  std::string next{};  // marker of the next page; empty: none
};
// An answer of ListEventSourceMappings. Errc::unavailable: it is none.
base::Result<SourceMappings> read_mappings(std::string_view body);

}  // namespace trunkline::lambda
