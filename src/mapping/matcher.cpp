#include "mapping/matcher.hpp"

#include <algorithm>
#include <array>

namespace trunkline::mapping {
namespace {

using Segments = std::vector<Path::Segment>;

// Where the body stands in an event that is not flat: in the EventBridge envelope, and in a bare notification.
std::array<Segments, 2> bodies() {
  const Path::Segment detail{Path::Kind::name, "detail"};
  const Path::Segment body{Path::Kind::name, "eventBody"};
  return {Segments{detail, body}, Segments{body}};
}

}  // namespace

std::uint32_t Matcher::child(std::uint32_t node, const Path::Segment& segment) {
  const auto next = static_cast<std::uint32_t>(nodes_.size());
  std::uint32_t found = 0;
  if (segment.kind == Path::Kind::name) {
    found = nodes_[node].names.try_emplace(segment.name, next).first->second;
  } else {
    std::uint32_t& link = segment.kind == Path::Kind::any ? nodes_[node].any : nodes_[node].deep;
    if (link == 0) link = next;
    found = link;
  }
  if (found == next) {
    nodes_.emplace_back();
    nodes_.back().loops = segment.kind == Path::Kind::deep;
  }
  return found;
}

void Matcher::insert(std::uint32_t node, const Segments& segments, const End& end) {
  for (const Path::Segment& segment : segments) node = child(node, segment);
  nodes_[node].ends.push_back(end);
}

void Matcher::add(const Path& path, const End& end) {
  if (path.from_top) return insert(0, path.segments, end);
  for (Segments segments : bodies()) {
    segments.insert(segments.end(), path.segments.begin(), path.segments.end());
    insert(0, segments, end);
  }
  End flat = end;
  flat.flat = true;
  insert(0, path.segments, flat);
}

void Matcher::add_region(bool from_top, std::uint32_t rule) {
  End end{What::region, rule, 0, false};
  if (from_top) return insert(0, {}, end);
  for (const Segments& segments : bodies()) insert(0, segments, end);
  end.flat = true;
  insert(0, {}, end);
}

void Matcher::enter(States& states, std::size_t from, std::uint32_t node) const {
  if (std::find(states.begin() + static_cast<std::ptrdiff_t>(from), states.end(), node) != states.end()) return;
  states.push_back(node);
  if (nodes_[node].deep != 0) enter(states, from, nodes_[node].deep);
}

void Matcher::begin(States& states) const {
  enter(states, states.size(), 0);
}

void Matcher::step(States& states, std::size_t from, std::size_t to, std::string_view name) const {
  const std::size_t begin = states.size();
  for (std::size_t i = from; i < to; ++i) {
    const std::uint32_t state = states[i];
    const Node& node = nodes_[state];
    if (const auto found = node.names.find(name); found != node.names.end()) enter(states, begin, found->second);
    if (node.any != 0) enter(states, begin, node.any);
    if (node.loops) enter(states, begin, state);
  }
}

}  // namespace trunkline::mapping
