#include "filter/policy_text.hpp"

#include <map>
#include <vector>

#include "json/writer.hpp"

namespace trunkline::filter {
namespace {

constexpr std::size_t kQuotedUnits = 500;

std::size_t utf16_units(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte & 0xC0) == 0x80 ? 0 : byte >= 0xF0 ? 2 : 1;
}

std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) units += utf16_units(c);
  return units;
}

void append(std::string& out, json::Value value);

void append_object(std::string& out, json::Value value) {
  std::vector<json::Value> members;
  std::map<std::string_view, std::size_t> places;
  for (auto member = value.first(); member; member = member->next()) {
    const auto [place, fresh] = places.emplace(member->name(), members.size());
    if (fresh) {
      members.push_back(*member);
    } else {
      members[place->second] = *member;
    }
  }
  out.push_back('{');
  for (const json::Value& member : members) {
    if (out.back() != '{') out.push_back(',');
    json::append_string(out, member.name());
    out.push_back(':');
    append(out, member);
  }
  out.push_back('}');
}

void append(std::string& out, json::Value value) {
  switch (value.type()) {
    case json::Type::object:
      return append_object(out, value);
    case json::Type::string:
      return json::append_string(out, value.string());
    case json::Type::array:
      break;
    default:
      out += value.raw();
      return;
  }
  out.push_back('[');
  for (auto element = value.first(); element; element = element->next()) {
    if (out.back() != '[') out.push_back(',');
    append(out, *element);
  }
  out.push_back(']');
}

}  // namespace

std::string compact_policy(json::Value value) {
  std::string out;
  append(out, value);
  return out;
}

std::string location_text(std::string_view compact, std::size_t offset) {
  std::size_t quoted = 0;
  std::size_t units = 0;
  while (quoted < compact.size() && units + utf16_units(compact[quoted]) <= kQuotedUnits) {
    units += utf16_units(compact[quoted++]);
  }
  std::string out = "\n at [Source: (String)\"";
  out += compact.substr(0, quoted);
  out += '"';
  if (quoted < compact.size()) out += "[truncated " + std::to_string(utf16_units(compact.substr(quoted))) + " chars]";
  return out + "; line: 1, column: " + std::to_string(utf16_units(compact.substr(0, offset)) + 1) + "]";
}

std::size_t offset_when_met(json::Value value) {
  const bool lazy = value.is(json::Type::string) || value.is(json::Type::object) || value.is(json::Type::array);
  return value.offset() + (lazy ? 1 : value.raw().size());
}

std::size_t offset_behind(json::Value value) {
  return value.offset() + value.raw().size();
}

}  // namespace trunkline::filter
