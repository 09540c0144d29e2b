#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filter/condition.hpp"
#include "filter/policy.hpp"
#include "json/document.hpp"

namespace trunkline::filter {

// A message attribute as SNS has it. `value` is the StringValue; of a Binary attribute it is never read.
struct Attribute {
  std::string_view name;
  std::string_view type;  // String, String.Array, Number or Binary; see rules::compares_type
  std::string_view value;
};

// What a policy is evaluated against. Views the caller's bytes.
struct Message {
  std::span<const Attribute> attributes;
  std::optional<std::string_view> body;
};

Scalar scalar_of(json::Value value);  // value must be no object and no array

// Calls take(Scalar) for each value of the attribute; what they view is `value` or `document`. False when the value is
// not what its type says (a String.Array that is not JSON, a Number that is none): then the attribute matches nothing,
// not even
// {"exists": …} (AWS counts it as InvalidAttributes). Attributes that are not compared have no values.
template <class Take>
bool read_attribute(const Attribute& attribute, json::Document& document, Take take);

// A message in the form the rules speak of: for every dotted path (or attribute name) its values. Reading allocates;
// the index has a cheaper way of its own and must give the same answers.
class Facts {
 public:
  struct Field {
    std::vector<Scalar> values;
    bool malformed = false;
  };

  Facts(const Message& message, Scope scope);

  // Empty when a policy with keys can be evaluated; else why every such policy rejects the message.
  std::string_view rejection() const { return rejection_; }
  const Field& at(const std::string& path) const;

 private:
  void read_object(json::Value object, const std::string& path);
  void read_value(json::Value value, const std::string& path);

  std::map<std::string, Field> fields_;
  std::vector<json::Document> documents_;
  std::string_view rejection_;
};

bool clause_holds(const Clause& clause, const Facts& facts);
// Whether the policy lets the message pass, evaluated plainly.
bool matches(const Policy& policy, const Message& message);

template <class Take>
bool read_attribute(const Attribute& attribute, json::Document& document, Take take) {
  if (!rules::compares_type(attribute.type)) return true;
  if (attribute.type == "String") {
    take(Scalar{Scalar::Kind::string, attribute.value, {}});
    return true;
  }
  if (attribute.type == "Number") {
    std::optional<Decimal> number = Decimal::parse(attribute.value);
    if (!number) return false;
    take(Scalar{Scalar::Kind::number, attribute.value, std::move(number)});
    return true;
  }
  const auto parsed = document.parse(attribute.value);
  if (!parsed) return false;
  const auto take_leaf = [&](json::Value value) {
    if (!value.is(json::Type::object) && !value.is(json::Type::array)) take(scalar_of(value));
  };
  if (!parsed->is(json::Type::array)) {
    if (rules::bare_scalar_is_array()) take_leaf(*parsed);
    return true;
  }
  for (auto element = parsed->first(); element; element = element->next()) take_leaf(*element);
  return true;
}

}  // namespace trunkline::filter
