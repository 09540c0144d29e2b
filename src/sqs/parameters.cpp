#include "sqs/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "json/document.hpp"
#include "net/http_types.hpp"

namespace trunkline::sqs {
namespace {

constexpr std::size_t kDepthMax = 6;  // of a request: lists of structures of maps of structures

Fault malformed(std::string_view why) {
  return {Code::serialization, fmt::format("The request cannot be read: {}", why)};
}

std::optional<std::uint32_t> place_in(std::string_view text) {
  std::uint32_t place = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), place);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return place;
}

// Lists have their singular in the Query protocol, batch entries the name of the operation's entry.
std::string canonical(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::string(name);
  const std::string_view head = name.substr(0, dot);
  std::string out(head);
  if (head == "AttributeName" || head == "MessageAttributeName" || head == "MessageSystemAttributeName") out += 's';
  if (head.ends_with("BatchRequestEntry")) out = "Entries";
  return out.append(name.substr(dot));
}

}  // namespace

std::optional<Fault> Parameters::put(std::string path, std::string value) {
  if (texts_.size() >= kMax) return malformed("it has too many parameters");
  texts_.emplace(std::move(path), std::move(value));
  return std::nullopt;
}

std::optional<Fault> Parameters::read_json(const std::string& body, Parameters& out) {
  if (body.empty()) return std::nullopt;
  json::Document document;
  const auto root = document.parse(body, kDepthMax);
  if (!root.ok()) return malformed(root.error().detail);
  if (!root->is(json::Type::object)) return malformed("the body is no JSON object");
  struct Open {
    std::string path;
    json::Value value;
  };
  std::vector<Open> open = {{"", *root}};
  while (!open.empty()) {
    const Open each = open.back();
    open.pop_back();
    const bool array = each.value.is(json::Type::array);
    std::size_t place = 0;
    for (auto child = each.value.first(); child; child = child->next()) {
      ++place;
      std::string path = each.path.empty() ? "" : each.path + '.';
      path += array ? std::to_string(place) : child->name();
      switch (child->type()) {
        case json::Type::object:
        case json::Type::array:
          if (open.size() >= kMax) return malformed("it has too many parameters");
          open.push_back({std::move(path), *child});
          break;
        case json::Type::null:
          break;  // as if it were not there
        default: {
          const bool text = child->is(json::Type::string);
          if (auto fault = out.put(std::move(path), std::string(text ? child->string() : child->raw()))) return fault;
        }
      }
    }
  }
  return std::nullopt;
}

std::optional<Fault> Parameters::read_form(std::string_view form, Parameters& out) {
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view field = form.substr(0, end);
    form.remove_prefix(std::min(end + 1, form.size()));
    if (field.empty()) continue;
    const std::size_t equal = std::min(field.find('='), field.size());
    const auto name = net::percent_decode(field.substr(0, equal), true);
    auto value = net::percent_decode(equal < field.size() ? field.substr(equal + 1) : std::string_view(), true);
    if (!name || !value) return malformed("a '%' without two hexadecimal digits");
    if (auto fault = out.put(canonical(*name), std::move(*value))) return fault;
  }
  return std::nullopt;
}

std::optional<std::string> Parameters::text(std::string_view path) const {
  const auto found = texts_.find(path);
  if (found == texts_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Parameters::list(std::string_view path) const {
  std::vector<std::string> values;
  for (const std::uint32_t place : places(path)) {
    if (auto value = text(fmt::format("{}.{}", path, place))) values.push_back(std::move(*value));
  }
  return values;
}

std::vector<Parameters::Member> Parameters::members(const std::string& prefix, std::string_view json,
                                                    std::string_view query, std::string_view key, Values values) const {
  std::vector<Member> found;
  const std::string head = std::string(prefix).append(json) + '.';
  for (auto at = texts_.lower_bound(head); at != texts_.end() && at->first.starts_with(head); ++at) {
    std::string name = at->first.substr(head.size());
    if (values == Values::structures) name.resize(std::min(name.rfind('.'), name.size()));
    // The members of one structure need not stand together: "a.b" and "a.c" have "a.b.c" between them.
    std::string path = head + name;
    if (std::ranges::find(found, name, &Member::name) == found.end())
      found.push_back({std::move(name), std::move(path)});
  }
  for (const std::uint32_t place : places(std::string(prefix).append(query))) {
    const std::string entry = fmt::format("{}{}.{}.", prefix, query, place);
    if (auto name = text(fmt::format("{}{}", entry, key))) found.push_back({std::move(*name), entry + "Value"});
  }
  return found;
}

std::vector<std::uint32_t> Parameters::places(std::string_view path) const {
  const std::string prefix = std::string(path) + '.';
  std::vector<std::uint32_t> places;
  for (auto at = texts_.lower_bound(prefix); at != texts_.end() && at->first.starts_with(prefix); ++at) {
    const std::string_view rest = std::string_view(at->first).substr(prefix.size());
    if (const auto place = place_in(rest.substr(0, rest.find('.')))) places.push_back(*place);
  }
  std::ranges::sort(places);
  const auto repeated = std::ranges::unique(places);
  places.erase(repeated.begin(), repeated.end());
  return places;
}

// ---- Reader

void Reader::complain(Fault fault) {
  if (!fault_) fault_ = std::move(fault);
}

std::string Reader::required(std::string_view name) {
  auto value = parameters_.text(name);
  if (value && !value->empty()) return std::move(*value);
  complain({Code::missing_parameter, fmt::format("The request must contain the parameter {}.", name)});
  return {};
}

std::optional<std::int64_t> Reader::whole(std::string_view name, std::int64_t least, std::int64_t most,
                                          std::string_view reason) {
  const auto text = parameters_.text(name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc() && end == text->data() + text->size() && value >= least && value <= most) return value;
  complain({Code::invalid_value, fmt::format("Value {} for parameter {} is invalid. Reason: {}", *text, name, reason)});
  return std::nullopt;
}

std::optional<std::int64_t> read_visibility(Reader& reader, std::string_view name) {
  return reader.whole(name, 0, kVisibilitySecondsMax, "Must be between 0 and 43200, if provided.");
}

}  // namespace trunkline::sqs
