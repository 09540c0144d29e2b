// Templates: a new object made of an event.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "json/canonical.hpp"
#include "json/writer.hpp"
#include "mapping/reshape.hpp"

namespace trunkline::mapping {
namespace {

using base::Errc;
using base::Result;
using json::Type;
using json::Value;

constexpr std::size_t kMembersMax = 1'000;  // of one object; the largest ready mapping has 40
// Of one place: a template is for records of some dozen members, not for transcripts.
constexpr std::size_t kValuesMax = 1'000;

bool is_container(Value value) {
  return value.is(Type::object) || value.is(Type::array);
}
bool is_nothing(Value value) {
  if (value.is(Type::null)) return true;
  if (value.is(Type::string)) return value.string().empty();
  return is_container(value) && !value.first();
}

// Lists on the way are passed through.
void gather(Value value, std::span<const Path::Segment> rest, std::vector<Value>& found) {
  if (found.size() >= kValuesMax) return;
  if (value.is(Type::array)) {
    for (auto item = value.first(); item; item = item->next()) gather(*item, rest, found);
    return;
  }
  if (rest.empty()) {
    if (!is_nothing(value)) found.push_back(value);
    return;
  }
  if (!value.is(Type::object)) return;
  if (rest.front().kind == Path::Kind::name) {
    if (const auto member = value.find(rest.front().name)) gather(*member, rest.subspan(1), found);
    return;
  }
  for (auto member = value.first(); member; member = member->next()) gather(*member, rest.subspan(1), found);
}

std::vector<Value> values_at(Value event, const Path& path) {
  std::vector<Value> found;
  gather(path.from_top ? event : body_of(event), path.segments, found);
  return found;
}

std::string text_of(Value value) {
  return std::string(value.is(Type::string) ? value.string() : value.raw());
}

std::optional<base::WallTime> time_of(Value value) {
  if (value.is(Type::string)) return base::parse_time(value.string());
  const auto millis = value.integer();
  if (!millis) return std::nullopt;
  return base::WallTime(base::Millis(*millis));
}

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

std::string quoted(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

}  // namespace

std::optional<Template::As> Template::parse_as(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, As>, 8> kWords = {{{"text", As::text},
                                                                      {"integer", As::integer},
                                                                      {"millis", As::millis},
                                                                      {"time", As::time},
                                                                      {"ip", As::ip},
                                                                      {"json", As::json},
                                                                      {"list", As::list},
                                                                      {"lower", As::lower}}};
  const auto* found = std::ranges::find(kWords, word, &std::pair<std::string_view, As>::first);
  return found == kWords.end() ? std::nullopt : std::optional(found->second);
}

// Recurses once per level of the rule, which its parser bounds.
Result<Template> Template::parse(Value value) {
  Template made;
  if (!is_container(value)) {
    made.raw_ = value.raw();
    return made;
  }
  if (value.is(Type::object) && (value.find("$from") || value.find("$text") || value.find("$list")))
    return parse_filled(value);
  made.kind_ = value.is(Type::object) ? Kind::object : Kind::array;
  for (auto member = value.first(); member; member = member->next()) {
    if (member->name().starts_with('$'))
      return {Errc::invalid, fmt::format("make: '{}' needs '$from', '$text' or '$list' beside it", member->name())};
    if (made.members_.size() >= kMembersMax)
      return {Errc::invalid, fmt::format("make: an object has more than {} members", kMembersMax)};
    TRUNKLINE_TRY(Template child, parse(*member));
    made.members_.emplace_back(std::string(member->name()), std::move(child));
  }
  return made;
}

Result<Template> Template::parse_filled(Value value) {
  Template made;
  std::size_t kinds = 0;
  for (auto member = value.first(); member; member = member->next()) {
    const std::string_view key = member->name();
    if (key == "$from") {
      made.kind_ = Kind::from;
      ++kinds;
      TRUNKLINE_TRY_VOID(made.parse_paths(*member));
    } else if (key == "$text") {
      made.kind_ = Kind::text;
      ++kinds;
      TRUNKLINE_TRY_VOID(made.parse_text(member->string()));
    } else if (key == "$list") {
      if (!member->is(Type::array)) return {Errc::invalid, "make: '$list' is a list"};
      TRUNKLINE_TRY(Template list, parse(*member));
      made.kind_ = Kind::array;
      made.members_ = std::move(list.members_);
      ++kinds;
    } else {
      TRUNKLINE_TRY_VOID(made.parse_option(*member));
    }
  }
  if (kinds != 1) return {Errc::invalid, "make: exactly one of '$from', '$text' and '$list' fills a place in"};
  return made;
}

Result<void> Template::parse_paths(Value value) {
  const auto add = [this](Value text) -> Result<void> {
    auto path = parse_path(text.string());
    if (!path.ok()) return path.error().with("make: $from");
    if (std::ranges::any_of(path->segments, [](const auto& segment) { return segment.kind == Path::Kind::deep; }))
      return {Errc::invalid, fmt::format("make: $from: '{}': '**' is not for templates", text.string())};
    paths_.push_back(std::move(*path));
    return {};
  };
  if (!value.is(Type::array)) return add(value);
  for (auto item = value.first(); item; item = item->next()) TRUNKLINE_TRY_VOID(add(*item));
  if (paths_.empty()) return {Errc::invalid, "make: '$from' names no path"};
  return {};
}

Result<void> Template::parse_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    pieces_.push_back({std::string(text.substr(0, open)), {}});
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return {Errc::invalid, "make: '$text' has a '{' without a '}'"};
    auto path = parse_path(text.substr(open + 1, close - open - 1));
    if (!path.ok()) return path.error().with("make: $text");
    pieces_.back().path = std::move(*path);
    text.remove_prefix(close + 1);
  }
  return {};
}

Result<void> Template::parse_option(Value member) {
  const std::string_view key = member.name();
  if (key == "$map" || key == "$only") {
    if (!member.is(Type::object)) return {Errc::invalid, fmt::format("make: '{}' is a map of values", key)};
    only_ = key == "$only";
    for (auto entry = member.first(); entry; entry = entry->next())
      map_.insert_or_assign(std::string(entry->name()), std::string(entry->raw()));
    return {};
  }
  if (key == "$default") {
    fallback_ = member.raw();
    return {};
  }
  if (key == "$as") {
    const auto as = parse_as(member.string());
    if (!as)
      return {Errc::invalid,
              fmt::format("make: '$as: {}' is none of text, integer, millis, time, ip, json, list, lower",
                          member.string())};
    as_ = *as;
    return {};
  }
  return {Errc::invalid, fmt::format("make: '{}' is none of $from, $text, $list, $map, $only, $default, $as", key)};
}

std::string Template::fill(Value event) const {
  std::string out;
  return append(out, event) ? out : "{}";
}

bool Template::append(std::string& out, Value event) const {
  bool there = false;
  switch (kind_) {
    case Kind::constant:
      out += raw_;
      return true;
    case Kind::object:
    case Kind::array:
      there = append_members(out, event);
      break;
    case Kind::from:
      there = append_from(out, event);
      break;
    case Kind::text:
      there = append_text(out, event);
      break;
  }
  if (there || fallback_.empty()) return there;
  out += fallback_;
  return true;
}

bool Template::append_members(std::string& out, Value event) const {
  const bool object = kind_ == Kind::object;
  const std::size_t begin = out.size();
  out += object ? '{' : '[';
  bool any = false;
  for (const auto& [name, member] : members_) {
    const std::size_t before = out.size();
    if (any) out += ',';
    if (object) {
      json::append_string(out, name);
      out += ':';
    }
    if (member.append(out, event)) {
      any = true;
    } else {
      out.resize(before);
    }
  }
  out += object ? '}' : ']';
  if (!any) out.resize(begin);
  return any;
}

std::optional<std::string> Template::converted(Value value) const {
  const std::string text = text_of(value);
  if (!is_container(value)) {
    if (const auto mapped = map_.find(text); mapped != map_.end()) return mapped->second;
    if (only_) return std::nullopt;
  }
  switch (as_) {
    case As::plain:
    case As::list:
      return std::string(value.raw());
    case As::text:
      return quoted(text);
    case As::lower: {
      std::string lower = text;
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      return quoted(lower);
    }
    case As::integer: {
      const auto number = value.integer();
      if (number) return std::to_string(*number);
      const bool digits = !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == text.npos;
      return digits ? std::optional(std::to_string(std::stoll(text))) : std::nullopt;
    }
    case As::millis: {
      const auto time = time_of(value);
      return time ? std::optional(std::to_string(time->time_since_epoch().count())) : std::nullopt;
    }
    case As::time: {
      const auto time = time_of(value);
      return time ? std::optional(quoted(base::format_time(*time))) : std::nullopt;
    }
    case As::ip:
      return is_address(text) ? std::optional(quoted(text)) : std::nullopt;
    case As::json:
      return quoted(json::canonical(value));
  }
  return std::nullopt;
}

bool Template::append_from(std::string& out, Value event) const {
  for (const Path& path : paths_) {
    std::vector<std::string> texts;
    for (const Value value : values_at(event, path)) {
      if (auto text = converted(value)) texts.push_back(std::move(*text));
    }
    if (texts.empty()) continue;
    const bool list = as_ == As::list || texts.size() > 1;
    if (list) out += '[';
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) out += ',';
      out += texts[i];
    }
    if (list) out += ']';
    return true;
  }
  return false;
}

bool Template::append_text(std::string& out, Value event) const {
  std::string text;
  bool any = false;
  for (const Piece& piece : pieces_) {
    text += piece.text;
    if (!piece.path) continue;
    bool first = true;
    for (const Value value : values_at(event, *piece.path)) {
      if (!first) text += ", ";
      text += text_of(value);
      first = false;
      any = true;
    }
  }
  if (!any) return false;
  json::append_string(out, text);
  return true;
}

Result<void> check_template(Value value) {
  if (!value.is(Type::object)) return {Errc::invalid, "'make' is a map: the object that is made"};
  auto made = Template::parse(value);
  if (!made.ok()) return made.error();
  return {};
}

}  // namespace trunkline::mapping
