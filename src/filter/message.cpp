#include "filter/message.hpp"

#include <algorithm>

#include "filter/rules.hpp"

namespace trunkline::filter {

Scalar scalar_of(json::Value value) {
  switch (value.type()) {
    case json::Type::string:
      return {Scalar::Kind::string, value.string(), {}};
    case json::Type::number:
      return {Scalar::Kind::number, value.raw(), Decimal::parse(value.raw())};
    case json::Type::boolean:
      return {value.boolean() ? Scalar::Kind::true_literal : Scalar::Kind::false_literal, value.raw(), {}};
    default:
      return {Scalar::Kind::null, value.raw(), {}};
  }
}

Facts::Facts(const Message& message, Scope scope) {
  if (scope == Scope::message_attributes) {
    if (message.attributes.empty() && rules::rejects_message_without_attributes()) {
      rejection_ = "the message has no attributes";
    }
    for (const Attribute& attribute : message.attributes) {
      Field& field = fields_[std::string(attribute.name)];
      json::Document& document = documents_.emplace_back();
      const bool read =
          read_attribute(attribute, document, [&](Scalar value) { field.values.push_back(std::move(value)); });
      field.malformed = field.malformed || !read;
    }
    return;
  }
  if (!message.body) {
    rejection_ = "the message has no body";
    return;
  }
  const auto parsed = documents_.emplace_back().parse(*message.body);
  if (!parsed || !parsed->is(json::Type::object)) {
    rejection_ = "the body is not a JSON object";
    return;
  }
  read_object(*parsed, {});
}

void Facts::read_object(json::Value object, const std::string& path) {
  for (auto member = object.first(); member; member = member->next()) {
    std::string inner = path;
    inner += member->name();
    if (member->is(json::Type::object)) {
      read_object(*member, inner + '.');
    } else {
      read_value(*member, inner);
    }
  }
}

void Facts::read_value(json::Value value, const std::string& path) {
  if (value.is(json::Type::object)) return read_object(value, path + '.');
  if (!value.is(json::Type::array)) {
    fields_[path].values.push_back(scalar_of(value));
    return;
  }
  for (auto element = value.first(); element; element = element->next()) read_value(*element, path);
}

const Facts::Field& Facts::at(const std::string& path) const {
  static const Field kAbsent;
  const auto found = fields_.find(path);
  return found == fields_.end() ? kAbsent : found->second;
}

bool clause_holds(const Clause& clause, const Facts& facts) {
  const Facts::Field& field = facts.at(clause.path);
  return !field.malformed && first_holding(clause, field.values) != nullptr;
}

namespace {

bool holds(const Policy& policy, const Policy::Node& node, const Facts& facts) {
  const auto child_holds = [&](const Policy::Node& child) { return holds(policy, child, facts); };
  switch (node.kind) {
    case Policy::Node::Kind::all:
      return std::all_of(node.children.begin(), node.children.end(), child_holds);
    case Policy::Node::Kind::any:
      return std::any_of(node.children.begin(), node.children.end(), child_holds);
    default:
      return clause_holds(policy.clauses()[node.clause], facts);
  }
}

}  // namespace

bool matches(const Policy& policy, const Message& message) {
  if (policy.accepts_everything()) return true;
  const Facts facts(message, policy.scope());
  return facts.rejection().empty() && holds(policy, policy.root(), facts);
}

}  // namespace trunkline::filter
