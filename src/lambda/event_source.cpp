#include "lambda/event_source.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "lambda/source_mappings.hpp"

namespace trunkline::lambda {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr const char* kPath = "/2015-03-31/event-source-mappings";
constexpr int kPagesMax = 10;  // of up to 100 each; a queue has few

}  // namespace

Result<std::string> EventSource::find(const std::string& function_arn) {
  std::string marker;
  for (int page = 0; page < kPagesMax; ++page) {
    std::string path = fmt::format("{}?EventSourceArn={}&FunctionName={}", kPath, base::percent_encode(queue_arn_),
                                   base::percent_encode(function_arn));
    if (!marker.empty()) path += "&Marker=" + base::percent_encode(marker);
    TRUNKLINE_TRY(const std::string body, api_.get("lambda", std::move(path)));
    TRUNKLINE_TRY(SourceMappings found, read_mappings(body));
    for (const SourceMapping& each : found.mappings) {
      if (each.queue_arn == queue_arn_) return each.uuid;
    }
    if (found.next.empty()) break;
    marker = std::move(found.next);
  }
  return Error{Errc::not_found, fmt::format("{} has no event source mapping of {}", function_arn, queue_arn_)};
}

Result<void> EventSource::set_enabled(const std::string& function_arn, bool enabled) {
  if (uuid_.empty()) {
    TRUNKLINE_TRY(uuid_, find(function_arn));
  }
  const auto answer = api_.put("lambda", fmt::format("{}/{}", kPath, base::percent_encode(uuid_)),
                               fmt::format(R"({{"Enabled":{}}})", enabled));
  if (answer.ok()) return {};
  if (answer.error().code == Errc::not_found) uuid_.clear();  // it was made anew
  return answer.error();
}

}  // namespace trunkline::lambda
