#include "mapping/cef.hpp"

#include <fmt/format.h>

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

std::string field_of(Value root, std::string_view name, std::string_view fallback) {
  const auto value = root.find(name);
  std::string text = value ? text_of(*value) : std::string();
  return text.empty() ? std::string(fallback) : text;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

void append_header(std::string& out, std::string_view text) {
  out += '|';
  for (const char c : text) {
    if (c == '\\' || c == '|') out += '\\';
    out += is_control(c) ? ' ' : c;
  }
}

bool is_key(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

}  // namespace

CefLine::CefLine(std::string_view vendor, std::string_view product, std::string_view version,
                 std::string_view signature_id, std::string_view name, std::string_view severity)
    : line_("CEF:0") {
  for (const std::string_view field : {vendor, product, version, signature_id, name, severity})
    append_header(line_, field);
  line_ += '|';
}

CefLine::CefLine(std::string_view vendor, std::string_view product, std::string_view version,
                 std::string_view signature_id, std::string_view name, int severity)
    : CefLine(vendor, product, version, signature_id, name, fmt::format("{}", std::clamp(severity, 0, 10))) {}

void CefLine::key(std::string_view name) {
  if (!first_) line_ += ' ';
  first_ = false;
  line_ += name;
  line_ += '=';
}

CefLine& CefLine::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  key(name);
  for (const char c : value) {
    if (c == '\n') {
      line_ += "\\n";
    } else if (c == '\r') {
      line_ += "\\r";
    } else if (c == '\\' || c == '=') {
      line_ += '\\';
      line_ += c;
    } else {
      line_ += is_control(c) ? ' ' : c;
    }
  }
  return *this;
}

CefLine& CefLine::add(std::string_view name, std::uint64_t value) {
  return add(name, fmt::format("{}", value));
}

base::Result<std::string> cef_line(std::string_view text) {
  constexpr std::size_t kDepthMax = 200;
  json::Document document;
  const auto root = document.parse(text, kDepthMax);
  if (!root.ok()) return root.error().with("not what a CEF record is made of");
  const auto extension = root->is(Type::object) ? root->find("extension") : std::nullopt;
  if (!extension || !extension->is(Type::object))
    return {base::Errc::invalid, "a CEF record is made of a JSON object with an extension"};
  CefLine line(field_of(*root, "device_vendor", "Genesys"), field_of(*root, "device_product", "Genesys Cloud"),
               field_of(*root, "device_version", "2"), field_of(*root, "signature_id", "event"),
               field_of(*root, "name", "event"), field_of(*root, "severity", "3"));
  for (auto field = extension->first(); field; field = field->next()) {
    if (is_key(field->name()) && !field->is(Type::null)) line.add(field->name(), text_of(*field));
  }
  return line.take();
}

}  // namespace trunkline::mapping
