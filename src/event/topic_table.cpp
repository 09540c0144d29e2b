#include "event/topic_table.hpp"

#include <algorithm>
#include <map>

#include "event/topic_data.hpp"

namespace trunkline::event {
namespace {

using base::Errc;

constexpr std::string_view kAny = "{id}";

std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace

Segments split_topic(std::string_view topic_name) {
  Segments segments;
  std::size_t at = 0;
  while (segments.count < segments.items.size()) {
    const std::size_t dot = topic_name.find('.', at);
    segments.items[segments.count++] = topic_name.substr(at, dot - at);
    if (dot == std::string_view::npos) return segments;
    at = dot + 1;
  }
  segments.all = false;
  return segments;
}

bool fits_pattern(const Segments& name, std::string_view pattern) {
  const Segments wanted = split_topic(pattern);
  if (!name.all || !wanted.all || name.count != wanted.count) return false;
  for (std::size_t i = 0; i < name.count; ++i) {
    const bool any = wanted.items[i] == kAny && !name.items[i].empty();
    if (!any && wanted.items[i] != name.items[i]) return false;
  }
  return true;
}

std::uint32_t TopicTable::child(const Node& node, std::string_view segment) const {
  const auto at = std::lower_bound(node.children.begin(), node.children.end(), segment,
                                   [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
  return at != node.children.end() && at->first == segment ? at->second : 0;
}

base::Result<std::uint32_t> TopicTable::make_node(std::string_view pattern) {
  const Segments segments = split_topic(pattern);
  if (!segments.all) return {Errc::invalid, "a topic pattern of more than 32 segments: " + std::string(pattern)};
  std::uint32_t node = 0;
  for (const std::string_view segment : segments.view()) {
    if (segment.empty())
      return {Errc::invalid, "a topic pattern with an empty segment: '" + std::string(pattern) + "'"};
    std::uint32_t next = segment == kAny ? nodes_[node].any : child(nodes_[node], segment);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
      if (segment == kAny) {
        nodes_[node].any = next;
      } else {
        auto& children = nodes_[node].children;
        children.emplace_back(std::string(segment), next);
        std::sort(children.begin(), children.end());
      }
    }
    node = next;
  }
  return node;
}

base::Result<void> TopicTable::add(std::string_view pattern, std::string_view family, std::string_view ids) {
  if (family.empty()) return {Errc::invalid, "topic " + std::string(pattern) + " has no family"};
  auto rules = parse_id_rules(ids);
  if (!rules) return rules.error().with("ids of topic " + std::string(pattern));
  TRUNKLINE_TRY(const std::uint32_t node, make_node(pattern));
  if (nodes_[node].topic < 0) {
    nodes_[node].topic = static_cast<std::int32_t>(topics_.size());
    topics_.emplace_back();
  }
  topics_[static_cast<std::size_t>(nodes_[node].topic)] = {std::string(pattern), std::string(family), std::move(*rules),
                                                           key_rule(pattern), &time_rule(pattern)};
  return {};
}

base::Result<void> TopicTable::add_rows(std::string_view table) {
  while (!table.empty()) {
    std::string_view row = take_until(table, '\n');
    const std::string_view pattern = take_until(row, '\t');
    const std::string_view family = take_until(row, '\t');
    TRUNKLINE_TRY_VOID(add(pattern, family, take_until(row, '\t')));
  }
  return {};
}

base::Result<void> TopicTable::add_prefixes(std::string_view table) {
  while (!table.empty()) {
    std::string_view row = take_until(table, '\n');
    TRUNKLINE_TRY(const std::uint32_t node, make_node(take_until(row, '\t')));
    nodes_[node].family = std::string(row);
    nodes_[node].family_given = true;
  }
  return {};
}

// Gives every node its family: what all topics below agree on, else what was given here or above, else what most have.
// Returns the families of the topics below, with repeats.
std::vector<std::string_view> TopicTable::settle_family(std::uint32_t node, std::string_view inherited) {
  const std::string given = nodes_[node].family_given ? nodes_[node].family : std::string(inherited);
  std::vector<std::string_view> below;
  if (nodes_[node].topic >= 0) below.push_back(topics_[static_cast<std::size_t>(nodes_[node].topic)].family);
  const auto take = [&](std::uint32_t next) {
    const auto more = settle_family(next, given);
    below.insert(below.end(), more.begin(), more.end());
  };
  for (const auto& [segment, next] : nodes_[node].children) take(next);
  if (nodes_[node].any != 0) take(nodes_[node].any);

  std::map<std::string_view, std::size_t> counts;
  for (const std::string_view family : below) ++counts[family];
  if (counts.size() == 1 && !nodes_[node].family_given) {
    nodes_[node].family = std::string(counts.begin()->first);
  } else if (!given.empty()) {
    nodes_[node].family = given;
  } else if (!counts.empty()) {
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    nodes_[node].family = std::string(most->first);
  }
  return below;
}

base::Result<TopicTable> TopicTable::make(std::span<const TopicRow> extra) {
  TopicTable table;
  TRUNKLINE_TRY_VOID(table.add_rows(kTopicsTable));
  TRUNKLINE_TRY_VOID(table.add_prefixes(kPrefixesTable));
  for (const TopicRow& row : extra) TRUNKLINE_TRY_VOID(table.add(row.pattern, row.family, row.ids));
  table.settle_family(0, {});
  return table;
}

// Depth first, the literal branch before {id}: the first full match is the one with the most literal beginning. Two
// branches a segment, and only where both exist, so the walk is short for the known tables.
void TopicTable::walk(const Segments& segments, std::size_t depth, std::uint32_t node, Match& match,
                      std::size_t& deepest) const {
  const Node& here = nodes_[node];
  if (depth == segments.count) {
    if (here.topic >= 0) match.topic = &topics_[static_cast<std::size_t>(here.topic)];
    return;
  }
  const std::string_view segment = segments.items[depth];
  if (segment.empty()) return;
  const std::uint32_t literal = child(here, segment);
  if (literal != 0) {
    // A prefix ends at a literal: at {id} it would take any new word for an id. The first segment is the version of the
    // API and says nothing about the family.
    if (depth >= 1 && depth >= deepest) {
      deepest = depth + 1;
      match.category = nodes_[literal].family;
    }
    walk(segments, depth + 1, literal, match, deepest);
  }
  if (match.topic == nullptr && here.any != 0) walk(segments, depth + 1, here.any, match, deepest);
}

TopicTable::Match TopicTable::match(const Segments& segments) const {
  Match match;
  if (!segments.all) return match;
  std::size_t deepest = 0;
  walk(segments, 0, 0, match, deepest);
  if (match.topic != nullptr) match.category = match.topic->family;
  return match;
}

}  // namespace trunkline::event
