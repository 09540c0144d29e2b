#include "cloudwatch/calls.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace trunkline::cloudwatch {
namespace {

std::size_t bytes_of(const Form& form) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : form) bytes += name.size() + base::percent_encode(value).size() + 2;
  return bytes;
}

Form datum(std::size_t number, const Reading& reading, double value, const std::string& at) {
  const std::string prefix = fmt::format("MetricData.member.{}.", number);
  Form form = {{prefix + "MetricName", reading.name},
               {prefix + "Timestamp", at},
               {prefix + "Unit", reading.unit == Unit::seconds ? "Seconds" : "Count"},
               {prefix + "Value", fmt::format("{}", value)}};
  if (reading.dimension.empty()) return form;
  form.emplace_back(prefix + "Dimensions.member.1.Name", reading.dimension);
  form.emplace_back(prefix + "Dimensions.member.1.Value", reading.belongs_to);
  return form;
}

}  // namespace

std::vector<Call> calls_of(const std::string& name_space, std::vector<Reading> readings,
                           const std::vector<double>& values, base::WallTime at) {
  const std::string time = base::format_time(at);
  std::vector<Call> calls;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    // Numbered by the most that fit, so that the size is never less than what is sent.
    const std::size_t size = bytes_of(datum(kMetricsMax, readings[i], values[i], time));
    if (calls.empty() || calls.back().readings.size() == kMetricsMax || bytes + size > kBytesMax) {
      calls.push_back({{{"Namespace", name_space}}, {}});
      bytes = 0;
    }
    Call& call = calls.back();
    for (auto& each : datum(call.readings.size() + 1, readings[i], values[i], time))
      call.form.push_back(std::move(each));
    call.readings.push_back(std::move(readings[i]));
    bytes += size;
  }
  return calls;
}

}  // namespace trunkline::cloudwatch
