#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "cloudwatch/reading.hpp"

namespace trunkline::cloudwatch {

using Form = std::vector<std::pair<std::string, std::string>>;

// One PutMetricData, in the Query protocol: parameters and the readings that are in it.
struct Call {
  Form form;
  std::vector<Reading> readings;  // as they were given
};

// What CloudWatch takes in one call (API reference, PutMetricData): 1,000 metrics, 1 MB. A tenth of the bytes is left for what
// stands around them.
inline constexpr std::size_t kMetricsMax = 1'000;
inline constexpr std::size_t kBytesMax = 900'000;

// `values` are what is put of each reading.
std::vector<Call> calls_of(const std::string& name_space, std::vector<Reading> readings,
                           const std::vector<double>& values, base::WallTime at);

}  // namespace trunkline::cloudwatch
