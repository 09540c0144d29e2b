#include "lambda/event_source.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "json/document.hpp"

namespace trunkline::lambda {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr const char* kPath = "/2015-03-31/event-source-mappings";
constexpr int kPagesMax = 10;  // of up to 100 each; a queue has few

}  // namespace

Result<SourceMappings> read_mappings(std::string_view body) {
  json::Document document;
  const auto root = document.parse(body);
  const auto list = root.ok() ? root->find("EventSourceMappings") : std::nullopt;
  if (!list || !list->is(json::Type::array)) return Error{Errc::unavailable, "ListEventSourceMappings: no such answer"};
  SourceMappings found;
  for (auto each = list->first(); each; each = each->next()) {
    SourceMapping mapping{std::string(each->string_at("UUID")), std::string(each->string_at("EventSourceArn")),
                          std::string(each->string_at("State"))};
    if (!mapping.uuid.empty()) found.mappings.push_back(std::move(mapping));
  }
  found.next = root->string_at("NextMarker");
  return found;
}

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
