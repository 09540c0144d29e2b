#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "filter/condition.hpp"
#include "json/document.hpp"

namespace trunkline::filter {

// Compiles the elements of a policy's value arrays, in the order and with the words of the engine's compiler, which
// names the first fault as it reads on.
class ConditionCompiler {
 public:
  // `compact` is the text that the values stand in; it must outlive the compiler.
  explicit ConditionCompiler(std::string_view compact) : compact_(compact) {}

  // The array under a key. False after a fault; see error().
  bool compile(json::Value array, Clause& clause);
  // With the location where AWS gives it.
  const std::string& error() const { return error_; }

 private:
  bool fail(std::string_view text, std::size_t offset);
  bool fail_without_location(std::string text);

  bool element(json::Value value, Condition& out);
  bool expression(json::Value object, Condition& out);
  bool operand(std::string_view name, json::Value value, Condition& out);
  bool text_operand(std::string_view name, json::Value value, Condition& out);
  bool prefix_or_suffix(std::string_view name, json::Value value, Condition& out);
  bool wildcard(json::Value value, Condition& out);
  bool cidr(json::Value value, Condition& out);
  bool exists(json::Value value, Condition& out);
  bool numeric(json::Value value, Condition& out);
  bool numeric_bound(std::string_view name, std::optional<json::Value> value, json::Value array,
                     std::optional<Decimal>& out);
  bool numeric_top(json::Value second, json::Value array, Condition& out);
  bool anything_but(json::Value value, Condition& out);
  bool anything_but_list(json::Value array, Condition& out);
  bool anything_but_expression(json::Value object, Condition& out);
  bool anything_but_text(std::string_view name, json::Value value, Condition& out);

  std::string_view compact_;
  std::string error_;
};

}  // namespace trunkline::filter
