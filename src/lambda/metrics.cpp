#include "lambda/metrics.hpp"

#include "json/writer.hpp"

namespace trunkline::lambda {

std::string metrics_line(base::WallTime at, std::string_view dimension, std::string_view value,
                         const std::vector<Figure>& figures) {
  std::string line;
  json::Writer out(line);
  out.begin_object().key("_aws").begin_object();
  out.member("Timestamp", std::int64_t{at.time_since_epoch().count()});
  out.key("CloudWatchMetrics").begin_array().begin_object().member("Namespace", "Trunkline");
  out.key("Dimensions").begin_array().begin_array().string(dimension).end_array().end_array();
  out.key("Metrics").begin_array();
  for (const Figure& each : figures)
    out.begin_object().member("Name", each.name).member("Unit", each.unit).end_object();
  out.end_array().end_object().end_array().end_object().member(dimension, value);
  for (const Figure& each : figures) out.member(each.name, each.value);
  out.end_object();
  return line;
}

}  // namespace trunkline::lambda
