#include "source/cloud_headers.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::source {
namespace {

constexpr std::string_view kPrefix = "ce-";

bool has_prefix(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && net::equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// Section 3.1.3.2: quotes and backslashes are taken off, percent-encoding is undone once, what remains is UTF-8.
std::optional<std::string> decoded(std::string_view value) {
  std::string plain;
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      plain.push_back(value[i]);
    }
    value = plain;
  }
  std::optional<std::string> text = net::percent_decode(value, false);
  if (!text || !base::is_valid_utf8(*text)) return std::nullopt;
  return text;
}

}  // namespace

std::string_view CloudHeaders::find(std::string_view name) const {
  for (const auto& [attribute, value] : attributes) {
    if (attribute == name) return value;
  }
  return {};
}

event::CloudAttributes CloudHeaders::for_decoder() const {
  return {find("specversion"), find("id"), find("source"), find("type"), fault};
}

std::string CloudHeaders::structured(std::string_view data, std::string_view content_type) const {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (const auto& [name, value] : attributes) writer.member(name, value);
  if (!content_type.empty() && base::is_valid_utf8(content_type)) writer.member("datacontenttype", content_type);
  writer.member("data_base64", base::base64_encode(data)).end_object();
  return out;
}

std::optional<CloudHeaders> cloud_headers(const net::HttpRequest& request) {
  if (!request.header("ce-specversion")) return std::nullopt;
  if (has_prefix(request.header("content-type").value_or(""), "application/cloudevents")) return std::nullopt;
  CloudHeaders headers;
  for (const auto& [field, value] : request.headers) {
    if (!has_prefix(field, kPrefix)) continue;
    const std::string name = lower(std::string_view(field).substr(kPrefix.size()));
    // The data and its type have their own places.
    if (name.empty() || name == "data" || name == "data_base64" || name == "datacontenttype") continue;
    const bool repeated = std::ranges::any_of(headers.attributes, [&](const auto& each) { return each.first == name; });
    std::optional<std::string> text = decoded(value);
    const bool required = name == "specversion" || name == "id" || name == "source" || name == "type";
    if (text && !repeated && base::is_valid_utf8(name)) {
      headers.attributes.emplace_back(name, std::move(*text));
    } else if (required && headers.fault.empty()) {
      headers.fault = repeated ? "a ce- header stands there twice" : "a ce- header is no percent-encoded UTF-8";
    }
  }
  return headers;
}

bool is_empty_batch(const net::HttpRequest& request) {
  if (!has_prefix(request.header("content-type").value_or(""), "application/cloudevents-batch")) return false;
  std::string text;
  // Four bytes and any white space: longer bodies are no empty list that a sender makes.
  if (!request.body_error.empty() || request.body.size() > 64) return false;
  for (const char c : request.body) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') text.push_back(c);
  }
  return text == "[]";
}

}  // namespace trunkline::source
