#include "mapping/hidden.hpp"

#include <algorithm>

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

std::string Hidden::scrub(std::string_view text, bool cut) const {
  if (overflowed_ && !text.empty()) return std::string(kWithheld);
  std::string out(text);
  // The longest first: a value may be a part of another.
  std::vector<const Value*> order;
  for (const Value& value : values_) {
    if (value.original.size() >= kShortest) order.push_back(&value);
  }
  std::ranges::stable_sort(order, std::greater(), [](const Value* value) { return value->original.size(); });
  for (const Value* value : order) {
    const std::string_view shown = value->replacement.empty() ? std::string_view("***") : value->replacement;
    replace_all(out, value->original, shown);
    std::string escaped;
    json::append_string(escaped, value->original);
    const std::string_view inner = std::string_view(escaped).substr(1, escaped.size() - 2);
    if (inner == value->original) continue;
    replace_all(out, inner, shown);
    // As a text in JSON inside of a text in JSON.
    std::string twice;
    json::append_string(twice, inner);
    replace_all(out, std::string_view(twice).substr(1, twice.size() - 2), shown);
  }
  for (const Value* value : order) {
    if (cut) out.resize(out.size() - begun(out, value->original));
  }
  return out;
}

}  // namespace trunkline::mapping
