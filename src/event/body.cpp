#include "event/body.hpp"

namespace trunkline::event {

std::optional<json::Value> find_body(json::Value event) {
  return find_body_in(event, [](json::Value value) { return value.is(json::Type::object); });
}

json::Value body_of(json::Value event) {
  return find_body(event).value_or(event);
}

}  // namespace trunkline::event
