#include "mapping/reshape.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "event/body.hpp"
#include "json/writer.hpp"

namespace trunkline::mapping {
namespace {

using base::Errc;
using base::Result;
using json::Type;
using json::Value;

struct Member;

// An event that can be changed. Scalars keep their text.
struct Node {
  enum class Kind : std::uint8_t { scalar, object, array };
  Kind kind = Kind::scalar;
  std::string raw;
  std::vector<Member> members;  // of an array without names

  Node* find(std::string_view name);
};

struct Member {
  std::string name;
  Node node;
};

Node* Node::find(std::string_view name) {
  const auto found = std::ranges::find(members, name, &Member::name);
  return kind != Kind::object || found == members.end() ? nullptr : &found->node;
}

// Recurses once per level, which the event's parser bounds.
Node node_of(Value value) {
  Node node;
  if (!value.is(Type::object) && !value.is(Type::array)) {
    node.raw = value.raw();
    return node;
  }
  node.kind = value.is(Type::object) ? Node::Kind::object : Node::Kind::array;
  for (auto child = value.first(); child; child = child->next())
    node.members.emplace_back(std::string(child->name()), node_of(*child));
  return node;
}

void write(std::string& out, const Node& node) {
  if (node.kind == Node::Kind::scalar) {
    out += node.raw;
    return;
  }
  const bool object = node.kind == Node::Kind::object;
  out += object ? '{' : '[';
  bool first = true;
  for (const auto& [name, child] : node.members) {
    if (!first) out += ',';
    first = false;
    if (object) {
      json::append_string(out, name);
      out += ':';
    }
    write(out, child);
  }
  out += object ? '}' : ']';
}

Node* body_of(Node& event) {
  Node* body = event::find_body_in(event, [](const Node& node) { return node.kind == Node::Kind::object; });
  return body != nullptr ? body : &event;
}

Node* start_of(Node& event, const Path& path) {
  return path.from_top ? &event : body_of(event);
}

// The object in which the path's last name stands; null where there is none.
Node* parent_of(Node& event, const Path& path) {
  Node* node = start_of(event, path);
  for (std::size_t i = 0; node != nullptr && i + 1 < path.segments.size(); ++i)
    node = node->find(path.segments[i].name);
  return node != nullptr && node->kind == Node::Kind::object ? node : nullptr;
}

// The same, made where it is missing; null where something else stands there.
Node* made_parent_of(Node& event, const Path& path) {
  Node* node = start_of(event, path);
  for (std::size_t i = 0; i + 1 < path.segments.size(); ++i) {
    if (node->kind != Node::Kind::object) return nullptr;
    Node* next = node->find(path.segments[i].name);
    if (next == nullptr) {
      node->members.emplace_back(path.segments[i].name, Node{Node::Kind::object, {}, {}});
      next = &node->members.back().node;
    }
    node = next;
  }
  return node->kind == Node::Kind::object ? node : nullptr;
}

void move(Node& event, const Path& from, const Path& to) {
  Node* parent = parent_of(event, from);
  if (parent == nullptr) return;
  const auto found = std::ranges::find_if(parent->members,
                                          [&](const auto& member) { return member.name == from.segments.back().name; });
  if (found == parent->members.end()) return;
  // The new place is looked at first, and made only when it is free: nothing is lost on the way.
  if (Node* there = parent_of(event, to); there != nullptr && there->find(to.segments.back().name) != nullptr) return;
  Node moved = std::move(found->node);
  const auto place = found - parent->members.begin();
  parent->members.erase(found);
  if (Node* there = made_parent_of(event, to)) {
    there->members.emplace_back(to.segments.back().name, std::move(moved));
    return;
  }
  // Making the place changes no object on the way to the old one unless it succeeds, but may move it.
  parent = parent_of(event, from);
  parent->members.emplace(parent->members.begin() + place, from.segments.back().name, std::move(moved));
}

Result<void> set_constant(Node& event, const Path& path, const std::string& raw) {
  Node* parent = made_parent_of(event, path);
  if (parent == nullptr)
    return {Errc::invalid, fmt::format("constant '{}' would stand in a text, a number or a list", to_text(path))};
  Node* there = parent->find(path.segments.back().name);
  if (there == nullptr) {
    parent->members.emplace_back(path.segments.back().name, Node());
    there = &parent->members.back().node;
  }
  *there = Node{Node::Kind::scalar, raw, {}};
  return {};
}

}  // namespace

Value body_of(Value event) {
  return event::body_of(event);
}

Result<std::string> rearranged(Value event, const std::vector<std::pair<Path, Path>>& moves,
                               const std::vector<std::pair<Path, std::string>>& constants) {
  Node root = node_of(event);
  for (const auto& [from, to] : moves) move(root, from, to);
  for (const auto& [path, raw] : constants) TRUNKLINE_TRY_VOID(set_constant(root, path, raw));
  std::string out;
  write(out, root);
  return out;
}

}  // namespace trunkline::mapping
