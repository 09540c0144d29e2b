#include "api/object_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace trunkline::api {

using base::Errc;

ObjectReader::ObjectReader(json::Value value, std::string where) : value_(value), where_(std::move(where)) {
  if (!value_.is(json::Type::object)) {
    complain(fmt::format("{} at byte {} is not a JSON object", where_.empty() ? "the body" : where_, value_.offset()));
  }
}

std::uint64_t ObjectReader::whole(std::string_view name, std::uint64_t least, std::uint64_t most,
                                  std::uint64_t otherwise) {
  const auto value = take(name);
  if (!value) return otherwise;
  const auto number = value->integer();
  if (number && *number >= 0 && static_cast<std::uint64_t>(*number) >= least &&
      static_cast<std::uint64_t>(*number) <= most)
    return static_cast<std::uint64_t>(*number);
  wrong(name, *value,
        most >= INT64_MAX ? fmt::format("a whole number from {} on", least)
                          : fmt::format("a whole number from {} to {}", least, most));
  return otherwise;
}

double ObjectReader::number(std::string_view name, double least, double most, double otherwise) {
  const auto value = take(name);
  if (!value) return otherwise;
  const auto number = value->number();
  if (number && *number >= least && *number <= most) return *number;
  wrong(name, *value, fmt::format("a number from {} to {}", least, most));
  return otherwise;
}

std::optional<base::WallTime> ObjectReader::time(std::string_view name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  const auto time = base::parse_time(value->string());
  if (!time) wrong(name, *value, "a time as RFC 3339 has it: \"2026-03-02T14:00:00Z\"");
  return time;
}

base::Millis ObjectReader::seconds(std::string_view name, base::Millis least, base::Millis most,
                                   base::Millis otherwise) {
  const auto value = take(name);
  if (!value) return otherwise;
  const auto number = value->number();
  const double lower = std::chrono::duration<double>(least).count();
  const double upper = std::chrono::duration<double>(most).count();
  if (number && *number >= lower && *number <= upper) return base::Millis(std::llround(*number * 1000));
  wrong(name, *value, fmt::format("a number of seconds from {} to {}", lower, upper));
  return otherwise;
}

std::string ObjectReader::text(std::string_view name, std::size_t bytes_max) {
  const auto value = take(name);
  if (!value) return {};
  if (value->is(json::Type::string) && value->string().size() <= bytes_max) return std::string(value->string());
  wrong(name, *value, fmt::format("a string of at most {} bytes", bytes_max));
  return {};
}

bool ObjectReader::boolean(std::string_view name) {
  const auto value = take(name);
  if (!value) return false;
  if (value->is(json::Type::boolean)) return value->boolean();
  wrong(name, *value, "true or false");
  return false;
}

std::vector<json::Value> ObjectReader::array(std::string_view name, std::size_t most) {
  const auto value = take(name);
  if (!value) return {};
  if (!value->is(json::Type::array) || value->size() > most) {
    wrong(name, *value, fmt::format("an array of at most {} elements", most));
    return {};
  }
  std::vector<json::Value> elements;
  for (auto element = value->first(); element; element = element->next()) elements.push_back(*element);
  return elements;
}

void ObjectReader::require(std::string_view name) {
  if (!take(name)) complain(fmt::format("'{}' is missing", path(name)));
}

void ObjectReader::complain(std::string message) {
  if (!error_) error_ = base::Error{Errc::invalid, std::move(message)};
}

base::Result<void> ObjectReader::finish() {
  if (error_) return *error_;
  std::vector<std::string> seen;
  for (auto member = value_.first(); member; member = member->next()) {
    const std::string name(member->name());
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      const auto near = base::nearest(name, known_);
      complain(fmt::format("'{}' before byte {} is not an option here{}", path(name), member->offset(),
                           near ? fmt::format("; did you mean '{}'?", *near) : ""));
      return *error_;
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      complain(fmt::format("'{}' is given twice, again before byte {}", path(name), member->offset()));
      return *error_;
    }
    seen.push_back(name);
  }
  return {};
}

std::string ObjectReader::path(std::string_view name) const {
  return where_.empty() ? std::string(name) : fmt::format("{}.{}", where_, name);
}

std::optional<json::Value> ObjectReader::take(std::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.emplace_back(name);
  return value_.find(name);
}

void ObjectReader::wrong(std::string_view name, json::Value value, std::string_view wanted) {
  complain(fmt::format("'{}' at byte {} is not {}", path(name), value.offset(), wanted));
}

base::Result<json::Value> parse_body(json::Document& document, const std::string& text) {
  static const std::string kEmpty = "{}";
  // Deep enough for every body there is; not for a stack of brackets.
  constexpr std::size_t kDepthMax = 16;
  auto value = document.parse(text.empty() ? kEmpty : text, kDepthMax);
  if (!value.ok()) return base::Error{Errc::invalid, "the body is not JSON: " + value.error().detail};
  return value;
}

}  // namespace trunkline::api
