#include "account/answer.hpp"

#include <fmt/format.h>

namespace trunkline::account {
namespace {

using base::Errc;
using base::Result;

Result<void> load(pugi::xml_document& document, const std::string& body) {
  const pugi::xml_parse_result parsed = document.load_buffer(body.data(), body.size());
  if (!parsed) return {Errc::invalid, fmt::format("no XML came, at byte {}: {}", parsed.offset, parsed.description())};
  return {};
}

pugi::xml_node find(const pugi::xml_document& document, const char* name) {
  return document.find_node([name](const pugi::xml_node& node) { return std::string_view(node.name()) == name; });
}

std::string text(const json::Value& value) {
  return value.is(json::Type::string) ? std::string(value.string()) : std::string(value.raw());
}

}  // namespace

Result<std::string> each_of(const std::string& body, std::string_view list, std::string_view token,
                            const std::function<void(json::Value)>& each) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(body));
  if (const auto found = root.find(list)) {
    for (auto element = found->first(); element; element = element->next()) each(*element);
  }
  return std::string(root.string_at(token));
}

Result<Attributes> attributes_of(const std::string& body, std::string_view member) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(body));
  Attributes out;
  if (const auto found = root.find(member)) {
    for (auto each = found->first(); each; each = each->next()) out[std::string(each->name())] = text(*each);
  }
  return out;
}

Result<std::int64_t> integer_of(const std::string& body, std::string_view member, std::int64_t otherwise) {
  json::Document document;
  TRUNKLINE_TRY(const json::Value root, document.parse(body));
  const auto found = root.find(member);
  return found ? found->integer().value_or(otherwise) : otherwise;
}

Result<std::string> each_member(const std::string& body, const char* list,
                                const std::function<void(pugi::xml_node)>& each) {
  pugi::xml_document document;
  TRUNKLINE_TRY_VOID(load(document, body));
  for (const pugi::xml_node member : find(document, list).children("member")) each(member);
  return std::string(find(document, "NextToken").text().get());
}

Result<Attributes> entries_of(const std::string& body) {
  pugi::xml_document document;
  TRUNKLINE_TRY_VOID(load(document, body));
  Attributes out;
  for (const pugi::xml_node entry : find(document, "Attributes").children("entry"))
    out[entry.child_value("key")] = entry.child_value("value");
  return out;
}

Result<std::string> text_of(const std::string& body, const char* element) {
  pugi::xml_document document;
  TRUNKLINE_TRY_VOID(load(document, body));
  return std::string(find(document, element).text().get());
}

std::string member_of(const std::string& body, std::string_view member) {
  json::Document document;
  const auto root = document.parse(body);
  const auto found = root.ok() ? root->find(member) : std::nullopt;
  return found ? text(*found) : std::string();
}

}  // namespace trunkline::account
