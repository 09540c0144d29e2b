#include "mapping/hidden.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>

#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::mapping {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The bytes at the text's end that are the beginning of the value.
std::size_t begun(std::string_view text, std::string_view value) {
  for (std::size_t size = std::min(text.size(), value.size() - 1); size >= Hidden::kShortest; --size) {
    if (text.ends_with(value.substr(0, size))) return size;
  }
  return 0;
}

std::string json_escaped(std::string_view value) {
  std::string out;
  json::append_string(out, value);
  return out.substr(1, out.size() - 2);
}

// JSON for those who keep to ASCII (Python's and PHP's default); `slashes`: as PHP does it.
std::string ascii_escaped(std::string_view escaped, bool slashes) {
  std::string out;
  for (std::size_t at = 0; at < escaped.size();) {
    const auto lead = static_cast<unsigned char>(escaped[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (size == 1 || at + size > escaped.size()) {
      if (slashes && lead == '/') out += '\\';
      out += escaped[at++];
      continue;
    }
    std::uint32_t point = lead & (0xFFu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<unsigned char>(escaped[at + i]) & 0x3Fu);
    at += size;
    if (point < 0x10000) {
      out += fmt::format("\\u{:04x}", point);
    } else {
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD7C0 + (point >> 10), 0xDC00 + (point & 0x3FF));
    }
  }
  return out;
}

std::string html_escaped(std::string_view value, std::string_view apostrophe) {
  std::string out;
  for (const char c : value) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += apostrophe;
        break;
      default:
        out += c;
    }
  }
  return out;
}

// As others may write a value in what they say about it, itself first: in JSON, as a text in JSON inside of a text in JSON,
// in JSON of ASCII, in a URL, on a page.
std::vector<std::string> forms_of(const std::string& value) {
  const std::string escaped = json_escaped(value);
  std::vector<std::string> forms = {value};
  std::array others{escaped,
                    json_escaped(escaped),
                    ascii_escaped(escaped, false),
                    ascii_escaped(escaped, true),
                    base::percent_encode(value),
                    html_escaped(value, "&#39;"),
                    html_escaped(value, "&#x27;")};
  for (std::string& form : others) {
    if (std::ranges::find(forms, form) == forms.end()) forms.push_back(std::move(form));
  }
  return forms;
}

}  // namespace

void Hidden::add(std::string_view original, std::string_view replacement) {
  if (original.empty() || overflowed_) return;
  if (values_.size() >= kValuesMax || bytes_ + original.size() > kBytesMax) {
    overflowed_ = true;
    return;
  }
  bytes_ += original.size();
  values_.push_back({std::string(original), std::string(replacement)});
}

void Hidden::clear() {
  values_.clear();
  bytes_ = 0;
  overflowed_ = false;
}

void Hidden::replace_in(std::string& value) const {
  if (value.empty()) return;
  for (const Value& each : values_) {
    if (value == each.original) {
      value = each.replacement;
      return;
    }
  }
  if (value.find('.') == std::string::npos) return;
  std::string out;
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('.'));
    const auto same = std::ranges::find(values_, part, &Value::original);
    if (!out.empty()) out += '.';
    out += same == values_.end() || part.empty() ? part : std::string_view(same->replacement);
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  if (value.ends_with('.')) out += '.';
  value = std::move(out);
}

std::vector<const Hidden::Value*> Hidden::longest_first() const {
  std::vector<const Value*> order;
  for (const Value& value : values_) {
    if (value.original.size() >= kShortest) order.push_back(&value);
  }
  std::ranges::stable_sort(order, std::greater(), [](const Value* value) { return value->original.size(); });
  return order;
}

std::string_view Hidden::shown(const Value& value) {
  return value.replacement.empty() ? std::string_view("***") : value.replacement;
}

std::string Hidden::scrub(std::string_view text, bool cut) const {
  if (overflowed_ && !text.empty()) return std::string(kWithheld);
  std::string out(text);
  std::vector<std::string> beginnings;
  for (const Value* value : longest_first()) {
    for (std::string& form : forms_of(value->original)) {
      replace_all(out, form, shown(*value));
      if (cut) beginnings.push_back(std::move(form));
    }
  }
  for (const std::string& form : beginnings) out.resize(out.size() - begun(out, form));
  return out;
}

std::string Hidden::scrub_own(std::string_view text) const {
  if (overflowed_ && !text.empty()) return std::string(kWithheld);
  std::string out(text);
  for (const Value* value : longest_first()) replace_all(out, value->original, shown(*value));
  return out;
}

}  // namespace trunkline::mapping
