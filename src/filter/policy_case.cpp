#include "filter/policy_case.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "filter/message.hpp"
#include "filter/policy.hpp"
#include "json/document.hpp"
#include "json/writer.hpp"

namespace trunkline::filter {
namespace {

using json::Type;
using json::Value;

std::string error_answer(std::string_view code, std::string_view message) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("error").begin_object();
  writer.member("code", code).member("message", message);
  writer.end_object().end_object();
  return out;
}

std::string malformed(std::string_view message) {
  return error_answer("MalformedCase", message);
}

std::string flag_answer(std::string_view name, bool value) {
  std::string out;
  json::Writer(out).begin_object().member(name, value).end_object();
  return out;
}

// The attributes, or what is wrong with them.
std::optional<std::string> read_attributes(Value map, std::vector<Attribute>& out) {
  if (!map.is(Type::object)) return "\"attributes\" must be an object";
  for (auto attribute = map.first(); attribute; attribute = attribute->next()) {
    const std::string name(attribute->name());
    const auto type = attribute->find("DataType");
    const auto value = attribute->find("StringValue");
    if (!type || !type->is(Type::string)) return "attribute \"" + name + "\" needs a \"DataType\"";
    const bool binary = type->string().starts_with("Binary");
    if (!binary && (!value || !value->is(Type::string))) return "attribute \"" + name + "\" needs a \"StringValue\"";
    out.push_back({attribute->name(), type->string(), value ? value->string() : std::string_view()});
  }
  return std::nullopt;
}

std::optional<std::string> unknown_member(Value line) {
  static constexpr auto kKnown = std::to_array<std::string_view>(
      {"policy", "policy_text", "scope", "attributes", "body", "name", "expect", "source"});
  for (auto member = line.first(); member; member = member->next()) {
    if (std::find(kKnown.begin(), kKnown.end(), member->name()) == kKnown.end()) return std::string(member->name());
  }
  return std::nullopt;
}

std::string answer_compiled(const Policy& policy, Value line) {
  const auto attributes = line.find("attributes");
  const auto body = line.find("body");
  if (!attributes && !body) return flag_answer("valid", true);
  std::vector<Attribute> read;
  if (attributes) {
    if (const auto wrong = read_attributes(*attributes, read)) return malformed(*wrong);
  }
  if (body && !body->is(Type::string)) return malformed("\"body\" must be a string: the message as it is sent");
  Message message{read, {}};
  if (body) message.body = body->string();
  return flag_answer("match", matches(policy, message));
}

}  // namespace

std::string answer_policy_case(std::string_view json_line, const Limits& limits) {
  json::Document document;
  const auto line = document.parse(json_line);
  if (!line) return malformed(line.error().detail);
  if (!line->is(Type::object)) return malformed("a case is a JSON object");
  if (const auto unknown = unknown_member(*line)) return malformed("unknown member \"" + *unknown + "\"");
  const auto policy = line->find("policy");
  const auto text = line->find("policy_text");
  if (policy.has_value() == text.has_value()) return malformed("a case needs either \"policy\" or \"policy_text\"");
  if (text && !text->is(Type::string)) return malformed("\"policy_text\" must be a string");

  Scope scope = Scope::message_attributes;
  if (const auto given = line->find("scope")) {
    const std::string_view word = given->is(Type::string) ? given->string() : given->raw();
    if (word == "MessageBody") {
      scope = Scope::message_body;
    } else if (word != "MessageAttributes") {
      return error_answer("InvalidParameter", "Invalid parameter: FilterPolicyScope: Invalid value [" +
                                                  std::string(word) +
                                                  "]. Please use either MessageBody or MessageAttributes");
    }
  }
  const std::variant<Policy, PolicyError> compiled =
      Policy::compile(policy ? policy->raw() : text->string(), scope, limits);
  if (const auto* error = std::get_if<PolicyError>(&compiled)) {
    return error_answer(error->code, error->message(Operation::set_subscription_attributes));
  }
  return answer_compiled(std::get<Policy>(compiled), *line);
}

}  // namespace trunkline::filter
