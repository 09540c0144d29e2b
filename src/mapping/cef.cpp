#include "mapping/cef.hpp"

#include <algorithm>

#include "json/canonical.hpp"
#include "json/document.hpp"

namespace trunkline::mapping {
namespace {

using json::Type;
using json::Value;

std::string text_of(Value value) {
  if (value.is(Type::string)) return std::string(value.string());
  return value.is(Type::object) || value.is(Type::array) ? json::canonical(value) : std::string(value.raw());
}

void append_header(std::string& out, Value root, std::string_view name, std::string_view fallback) {
  const auto value = root.find(name);
  const std::string text = value ? text_of(*value) : std::string();
  for (const char c : text.empty() ? std::string(fallback) : text) {
    if (c == '\\' || c == '|') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  out += '|';
}

void append_value(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      out += c == '\n' ? "\\n" : "\\r";
      continue;
    }
    if (c == '\\' || c == '=') out += '\\';
    out += c;
  }
}

bool is_key(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

}  // namespace

base::Result<std::string> cef_line(std::string_view text) {
  constexpr std::size_t kDepthMax = 200;
  json::Document document;
  const auto root = document.parse(text, kDepthMax);
  if (!root.ok()) return root.error().with("not what a CEF record is made of");
  if (!root->is(Type::object)) return {base::Errc::invalid, "a CEF record is made of a JSON object"};
  std::string out = "CEF:0|";
  append_header(out, *root, "device_vendor", "Genesys");
  append_header(out, *root, "device_product", "Genesys Cloud");
  append_header(out, *root, "device_version", "2");
  append_header(out, *root, "signature_id", "event");
  append_header(out, *root, "name", "event");
  append_header(out, *root, "severity", "3");
  const auto extension = root->find("extension");
  bool first = true;
  for (auto field = extension ? extension->first() : std::nullopt; field; field = field->next()) {
    if (!is_key(field->name()) || field->is(Type::null)) continue;
    if (!first) out += ' ';
    first = false;
    out += field->name();
    out += '=';
    append_value(out, text_of(*field));
  }
  return out;
}

}  // namespace trunkline::mapping
