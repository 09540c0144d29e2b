#include "aws_engine/answers.hpp"

#include "json/document.hpp"

namespace trunkline::aws_engine {

// The ids in <Successful>.
EntryIds published_ids(std::string_view xml) {
  EntryIds ids;
  const std::size_t begin = xml.find("<Successful>");
  const std::size_t end = xml.find("</Successful>");
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return ids;
  xml = xml.substr(begin, end - begin);
  for (std::size_t at = xml.find("<Id>"); at != std::string_view::npos; at = xml.find("<Id>", at)) {
    at += 4;
    const std::size_t close = xml.find("</Id>", at);
    if (close == std::string_view::npos) break;
    ids.emplace(xml.substr(at, close - at));
  }
  return ids;
}

EntryIds sent_ids(std::string_view json) {
  EntryIds ids;
  json::Document document;
  const auto parsed = document.parse(json);
  const auto successful = parsed.ok() ? parsed->find("Successful") : std::nullopt;
  if (!successful) return ids;
  for (auto each = successful->first(); each; each = each->next()) ids.emplace(each->string_at("Id"));
  return ids;
}

}  // namespace trunkline::aws_engine
