#pragma once

#include <optional>

#include "json/document.hpp"

namespace trunkline::event {

// Where an event's own body stands in its JSON text: an object at detail.eventBody (the EventBridge envelope), else one at
// eventBody (a bare notification). The rule by itself, for every tree whose find(name) gives something like a pointer to a
// node, or nothing; nothing where neither place holds an object.
template <class Tree, class IsObject>
auto find_body_in(Tree& event, IsObject is_object) -> decltype(event.find("eventBody")) {
  using Found = decltype(event.find("eventBody"));
  const auto object_in = [&](auto& node) {
    Found body = node.find("eventBody");
    return body && is_object(*body) ? body : Found();
  };
  if (Found detail = event.find("detail")) {
    if (Found body = object_in(*detail)) return body;
  }
  return object_in(event);
}

// The body of an event that is not of the flat form; nothing where a mapping has taken it away.
std::optional<json::Value> find_body(json::Value event);

// The same, and else the event itself: the flat form is its own body, and so is what a mapping has made anew.
json::Value body_of(json::Value event);

}  // namespace trunkline::event
