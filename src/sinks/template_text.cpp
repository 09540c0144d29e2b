#include "sinks/template_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "json/writer.hpp"

namespace trunkline::sinks {

using base::Errc;
using base::Error;
using base::Result;

namespace {

using Filter = Template::Filter;
using Part = Template::Part;

constexpr std::size_t kTextBytesMax = 64 << 10;
constexpr std::size_t kExpressionsMax = 256;
constexpr std::size_t kNamesMax = 16;
constexpr std::size_t kFiltersMax = 8;
constexpr std::size_t kRenderedBytesMax = 4 << 20;
constexpr std::size_t kTruncateMax = 1'000'000;

constexpr std::array<std::pair<std::string_view, Filter::Kind>, 9> kFilters = {{
    {"default", Filter::Kind::fallback},
    {"json", Filter::Kind::json},
    {"urlencode", Filter::Kind::urlencode},
    {"raw", Filter::Kind::raw},
    {"lower", Filter::Kind::lower},
    {"upper", Filter::Kind::upper},
    {"truncate", Filter::Kind::truncate},
    {"map", Filter::Kind::map},
    {"date", Filter::Kind::date},
}};
constexpr std::array<std::string_view, 4> kDates = {"iso", "date", "epoch", "epoch_ms"};

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// A value on its way through the filters.
struct Item {
  bool missing = false;
  bool quoted = true;     // a JSON string; else `text` is JSON text
  bool verbatim = false;  // not to be made safe any more
  std::string text;
};

std::string truncated(std::string text, std::size_t characters) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && seen++ == characters) {
      text.resize(at);
      break;
    }
  }
  return text;
}

std::string cased(std::string text, bool lower) {
  for (char& c : text) {
    if (lower && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!lower && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::optional<std::string> dated(const std::string& text, std::string_view form) {
  std::int64_t millis = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), millis);
  constexpr std::int64_t kYear10000 = 253'402'300'800'000;
  if (error != std::errc() || end != text.data() + text.size()) {
    const auto time = base::parse_time(text);
    if (!time) return std::nullopt;
    millis = time->time_since_epoch().count();
  }
  if (millis < 0 || millis >= kYear10000) return std::nullopt;
  if (form == "epoch_ms") return std::to_string(millis);
  if (form == "epoch") return std::to_string(millis / 1'000);
  const std::string iso = base::format_time(base::WallTime(base::Millis(millis)));
  return form == "date" ? iso.substr(0, 10) : iso;
}

Item item_of(const std::optional<json::Value>& value) {
  if (!value || value->is(json::Type::null)) return {.missing = true, .text = {}};
  const bool quoted = value->is(json::Type::string);
  return {.quoted = quoted, .text = std::string(quoted ? value->string() : value->raw())};
}

Item item_of(const TemplateNames::Table& table, const std::string& name) {
  const auto found = table.find(name);
  return found == table.end() ? Item{.missing = true, .text = {}} : Item{.text = found->second};
}

std::optional<json::Value> walk(json::Value value, const std::vector<std::string>& path) {
  std::optional<json::Value> at = value;
  for (const std::string& name : path) {
    if (!at) return std::nullopt;
    if (!at->is(json::Type::array)) {
      at = at->find(name);
      continue;
    }
    std::size_t place = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), place);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    at = at->first();
    for (; at && place > 0; --place) at = at->next();
  }
  return at;
}

// Empty when all is well, else why not.
std::string apply(const Filter& filter, Item& item, Template::Place place, const TemplateNames& names) {
  using Kind = Filter::Kind;
  if (filter.kind == Kind::fallback) {
    if (item.missing) item = {.text = filter.argument};
    return {};
  }
  if (filter.kind == Kind::json) {
    std::string json = item.missing ? "null" : item.quoted ? std::string() : item.text;
    if (json.empty()) json::append_string(json, item.text);
    item = {.quoted = false, .verbatim = true, .text = std::move(json)};
    return {};
  }
  if (item.missing) return {};
  item.verbatim = filter.kind == Kind::raw || (filter.kind == Kind::urlencode && place == Template::Place::url);
  switch (filter.kind) {
    case Kind::urlencode:
      item.text = base::percent_encode(item.text);
      break;
    case Kind::lower:
    case Kind::upper:
      item.text = cased(std::move(item.text), filter.kind == Kind::lower);
      break;
    case Kind::truncate:
      item.text = truncated(std::move(item.text), filter.number);
      item.quoted = true;
      break;
    case Kind::map:
      item = item_of(names.tables.find(filter.argument)->second, item.text);
      break;
    case Kind::date: {
      auto date = dated(item.text, filter.argument);
      if (!date) return "is no time";
      item.quoted = !filter.argument.starts_with("epoch");
      item.text = std::move(*date);
      break;
    }
    default:
      break;
  }
  return {};
}

// Empty when all is well, else why not.
std::string append(std::string& out, const Item& item, Template::Place place) {
  if (place == Template::Place::header) {
    const bool control = std::ranges::any_of(item.text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; });
    if (control) return "holds a control character, which no header can";
    out += item.text;
  } else if (item.verbatim || place == Template::Place::text) {
    out += item.text;
  } else if (place == Template::Place::url) {
    out += base::percent_encode(item.text);
  } else if (!item.quoted) {
    out += item.text;
  } else {
    std::string quoted;
    json::append_string(quoted, item.text);
    out.append(quoted, 1, quoted.size() - 2);
  }
  return {};
}

}  // namespace

class TemplateParser {
 public:
  TemplateParser(std::string_view text, const TemplateNames& names) : text_(text), names_(names) {}

  Result<std::vector<Part>> parse() {
    if (text_.size() > kTextBytesMax) return {Errc::too_large, "a template has at most 64 KiB"};
    std::size_t expressions = 0;
    while (at_ < text_.size()) {
      const std::size_t open = std::min(text_.find("{{", at_), text_.size());
      if (open > at_) literal(text_.substr(at_, open - at_));
      at_ = open;
      if (at_ == text_.size()) break;
      begin_ = at_;
      at_ += 2;
      if (++expressions > kExpressionsMax) return fail(begin_, "too many expressions, 256 are allowed");
      TRUNKLINE_TRY_VOID(expression());
    }
    return std::move(parts_);
  }

 private:
  void literal(std::string_view text) {
    Part part;
    part.text = text;
    parts_.push_back(std::move(part));
  }
  std::string place(std::size_t at) const {
    const std::string_view before = text_.substr(0, at);
    const std::size_t line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
    const std::size_t start = before.rfind('\n');
    const std::size_t column = start == std::string_view::npos ? at + 1 : at - start;
    return fmt::format("line {}, column {}: ", line, column);
  }
  Error fail(std::size_t at, std::string_view why) const { return {Errc::invalid, place(at) + std::string(why)}; }
  void blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  std::string word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return std::string(text_.substr(from, at_ - from));
  }
  // Behind the opening quote; \" and \\ are the escapes.
  Result<std::string> quoted() {
    const std::size_t from = at_ - 1;
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    if (!take("\"")) return fail(from, "the text has no closing quote");
    return out;
  }
  Result<std::string> name() {
    if (take("\"")) return quoted();
    const std::size_t from = at_;
    std::string found = word();
    if (found.empty()) return fail(from, "a name is missing");
    return found;
  }

  Result<void> head(Part& part) {
    const std::size_t from = at_;
    if (take("\"")) {
      TRUNKLINE_TRY(part.text, quoted());
      return {};
    }
    const std::string root = word();
    std::vector<std::string> names;
    while (take(".")) {
      TRUNKLINE_TRY(std::string next, name());
      if (names.size() == kNamesMax) return fail(from, "too many names, 16 are allowed");
      names.push_back(std::move(next));
    }
    if (root == "event") {
      part.kind = Part::Kind::event;
      part.path = std::move(names);
    } else if ((root == "meta" || root == "vars") && names.size() == 1) {
      part.kind = root == "meta" ? Part::Kind::meta : Part::Kind::vars;
      part.text = std::move(names.front());
    } else {
      return fail(from, "a value begins with event., meta.NAME or vars.NAME");
    }
    return known(part, from);
  }

  Result<void> known(const Part& part, std::size_t from) const {
    if (part.kind == Part::Kind::vars && !names_.vars.contains(part.text))
      return fail(from, fmt::format("'vars' has no '{}'", part.text));
    if (part.kind == Part::Kind::meta && std::ranges::find(names_.meta, part.text) == names_.meta.end())
      return fail(from, fmt::format("meta has no '{}'", part.text));
    return {};
  }

  Result<void> filter(Part& part) {
    const std::size_t from = at_;
    const std::string called = word();
    const auto* found = std::ranges::find(kFilters, called, &std::pair<std::string_view, Filter::Kind>::first);
    if (found == kFilters.end()) return fail(from, fmt::format("there is no filter '{}'", called));
    if (part.filters.size() == kFiltersMax) return fail(from, "too many filters, 8 are allowed");
    Filter made{found->second, {}, 0};
    const bool takes_text =
        made.kind == Filter::Kind::fallback || made.kind == Filter::Kind::map || made.kind == Filter::Kind::date;
    const bool takes_number = made.kind == Filter::Kind::truncate;
    if (takes_text || takes_number) {
      if (!take(":"))
        return fail(at_,
                    fmt::format("'{}' needs an argument: {}:{}", called, called, takes_number ? "25" : "\"text\""));
      if (takes_text && !take("\"")) return fail(at_, "the argument is a text in quotes");
      TRUNKLINE_TRY(made.argument, takes_text ? quoted() : Result<std::string>(word()));
    }
    TRUNKLINE_TRY_VOID(check(made, from));
    part.filters.push_back(std::move(made));
    return {};
  }

  Result<void> check(Filter& made, std::size_t from) const {
    if (made.kind == Filter::Kind::map && !names_.tables.contains(made.argument))
      return fail(from, fmt::format("there is no table '{}'", made.argument));
    if (made.kind == Filter::Kind::date && std::ranges::find(kDates, made.argument) == kDates.end())
      return fail(from, "a date is \"iso\", \"date\", \"epoch\" or \"epoch_ms\"");
    if (made.kind != Filter::Kind::truncate) return {};
    const char* end = made.argument.data() + made.argument.size();
    const auto [stop, error] = std::from_chars(made.argument.data(), end, made.number);
    if (error != std::errc() || stop != end || made.number < 1 || made.number > kTruncateMax)
      return fail(from, "truncate takes 1 to 1000000 characters");
    return {};
  }

  Result<void> expression() {
    Part part;
    blanks();
    const std::size_t from = at_;
    TRUNKLINE_TRY_VOID(head(part));
    part.shown = place(begin_) + std::string(text_.substr(from, at_ - from));
    blanks();
    while (take("|")) {
      blanks();
      TRUNKLINE_TRY_VOID(filter(part));
      blanks();
    }
    if (!take("}}")) {
      return at_ == text_.size() ? fail(begin_, "the expression is not closed by }}")
                                 : fail(at_, "a filter with '|' or the end '}}' is expected");
    }
    parts_.push_back(std::move(part));
    return {};
  }

  const std::string_view text_;
  const TemplateNames& names_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;  // of the expression
  std::vector<Part> parts_;
};

Result<Template> Template::compile(std::string_view text, Place place, const TemplateNames& names) {
  Template made;
  made.place_ = place;
  made.names_ = &names;
  TRUNKLINE_TRY(made.parts_, TemplateParser(text, names).parse());
  return made;
}

Result<std::string> Template::render(const TemplateValues& values) const {
  std::string out;
  for (const Part& part : parts_) {
    Item item{.text = part.text};
    if (part.kind == Part::Kind::event) item = item_of(walk(values.event, part.path));
    if (part.kind == Part::Kind::meta) item = item_of(values.meta, part.text);
    if (part.kind == Part::Kind::vars) item = item_of(names_->vars, part.text);
    // What the configuration says stands as it is: a host, a path, a piece of JSON.
    item.verbatim = part.kind == Part::Kind::literal || (part.kind == Part::Kind::vars && place_ == Place::url);
    for (const Filter& filter : part.filters) {
      const std::string why = apply(filter, item, place_, *names_);
      if (!why.empty()) return {Errc::invalid, fmt::format("{} {}", part.shown, why)};
    }
    if (item.missing) return {Errc::invalid, part.shown + " is missing"};
    const std::string why = append(out, item, place_);
    if (!why.empty()) return {Errc::invalid, fmt::format("{} {}", part.shown, why)};
    if (out.size() > kRenderedBytesMax) return {Errc::too_large, "what the template makes of the event is over 4 MiB"};
  }
  return out;
}

bool Template::fixed_origin() const {
  std::string before;
  for (const Part& part : parts_) {
    if (part.kind == Part::Kind::event || part.kind == Part::Kind::meta) break;
    before += part.kind == Part::Kind::vars ? names_->vars.find(part.text)->second : part.text;
    if (&part == &parts_.back()) return true;
  }
  const std::size_t scheme = before.find("://");
  return scheme != std::string::npos && before.find('/', scheme + 3) != std::string::npos;
}

}  // namespace trunkline::sinks
