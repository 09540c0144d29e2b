#include "event/id_rule.hpp"

#include <charconv>
#include <optional>
#include <utility>

namespace trunkline::event {
namespace {

using base::Errc;

// Entity types of audits whose entity.id is a user's.
bool is_user_entity(std::string_view type) {
  return type == "User" || type == "AuthUser" || type == "UserPresence";
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The next part of `rest` up to `separator` outside of parentheses; removes both from `rest`.
std::string_view take_part(std::string_view& rest, std::string_view separator) {
  int depth = 0;
  for (std::size_t at = 0; at < rest.size(); ++at) {
    if (rest[at] == '(') ++depth;
    if (rest[at] == ')') --depth;
    if (depth == 0 && rest.substr(at, separator.size()) == separator) {
      const std::string_view part = rest.substr(0, at);
      rest.remove_prefix(at + separator.size());
      return trim(part);
    }
  }
  return trim(std::exchange(rest, {}));
}

}  // namespace

std::string_view IdRule::walk(json::Value at, std::span<const Step> path) {
  if (path.empty()) return at.string();
  const std::optional<json::Value> member = at.find(path[0].member);
  if (!member) return {};
  if (!path[0].each) return walk(*member, path.subspan(1));
  if (!member->is(json::Type::array)) return {};
  for (auto element = member->first(); element; element = element->next()) {
    const std::string_view found = walk(*element, path.subspan(1));
    if (!found.empty()) return found;
  }
  return {};
}

std::string_view IdRule::find(json::Value body, std::span<const std::string_view> segments) const {
  for (const Place& place : places_) {
    if (place.segment > 0) {
      const std::string_view segment =
          place.segment <= segments.size() ? segments[place.segment - 1] : std::string_view();
      // A topic name that is the bare pattern holds no id.
      if (!segment.empty() && segment != "{id}") return segment;
      continue;
    }
    if (place.user_entity_only && !is_user_entity(body.string_at("entityType"))) continue;
    const std::string_view found = walk(body, place.path);
    if (!found.empty()) return found;
  }
  return {};
}

base::Result<IdRule> parse_places(std::string_view text) {
  constexpr std::string_view kSegment = "topicName segment ";
  constexpr std::string_view kBody = "eventBody.";
  IdRule rule;
  while (!text.empty()) {
    const std::string_view whole = take_part(text, " or ");
    const std::string_view words = trim(whole.substr(0, whole.find('(')));
    IdRule::Place place;
    place.user_entity_only = whole.find("entityType is a user type") != std::string_view::npos;
    if (words.starts_with(kSegment)) {
      const std::string_view digits = words.substr(kSegment.size());
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), place.segment);
      if (error != std::errc() || end != digits.data() + digits.size() || place.segment == 0) {
        return {Errc::invalid, "'" + std::string(words) + "' is no topic segment"};
      }
    } else if (words.starts_with(kBody)) {
      std::string_view path = words.substr(kBody.size());
      while (!path.empty()) {
        std::string_view step = take_part(path, ".");
        const bool each = step.ends_with("[]");
        if (each) step.remove_suffix(2);
        if (step.empty()) return {Errc::invalid, "'" + std::string(words) + "' has an empty step"};
        place.path.push_back({std::string(step), each});
      }
    }
    if (place.segment == 0 && place.path.empty()) {
      return {Errc::invalid, "'" + std::string(words) + "' is neither eventBody.… nor topicName segment N"};
    }
    rule.places_.push_back(std::move(place));
  }
  return rule;
}

base::Result<IdRules> parse_id_rules(std::string_view text) {
  IdRules rules;
  text = trim(text);
  if (text.empty() || text == "none" || text.starts_with("none (")) return rules;
  while (!text.empty()) {
    const std::string_view field = take_part(text, ";");
    const std::size_t equals = field.find('=');
    const std::string_view name = trim(field.substr(0, equals));
    IdRule* rule = name == "conversation" ? &rules.conversation
                   : name == "agent"      ? &rules.agent
                   : name == "queue"      ? &rules.queue
                                          : nullptr;
    if (rule == nullptr || equals == std::string_view::npos) {
      return {Errc::invalid, "'" + std::string(field) + "' does not begin with conversation=, agent= or queue="};
    }
    TRUNKLINE_TRY(*rule, parse_places(field.substr(equals + 1)));
  }
  return rules;
}

}  // namespace trunkline::event
