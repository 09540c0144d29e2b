#include "lambda/source_mappings.hpp"

#include "json/document.hpp"

namespace trunkline::lambda {

using base::Errc;
using base::Error;
using base::Result;

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

}  // namespace trunkline::lambda
