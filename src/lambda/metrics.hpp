#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace trunkline::lambda {

struct Figure {
  std::string_view name;  // "Delivered"
  std::string_view unit;  // of CloudWatch: "Count", "Milliseconds"
  std::int64_t value = 0;
};

// One line of CloudWatch's embedded metric format, which Lambda's log makes metrics of: namespace "Trunkline", one dimension
// (Amazon CloudWatch user guide, "Specification: Embedded metric format"). At most 100 figures; without a newline.
std::string metrics_line(base::WallTime at, std::string_view dimension, std::string_view value,
                         const std::vector<Figure>& figures);

}  // namespace trunkline::lambda
