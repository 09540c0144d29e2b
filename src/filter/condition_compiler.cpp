#include "filter/condition_compiler.hpp"

#include "filter/policy_text.hpp"
#include "filter/rules.hpp"

namespace trunkline::filter {
namespace {

using json::Type;
using json::Value;
using Op = Condition::Op;

constexpr std::string_view kOneKey = "Only one key allowed in match expression";
constexpr std::string_view kTooManyElements = "Too many elements in numeric expression";

// A token as the engine prints it: of containers only the bracket.
std::string token_text(Value value) {
  if (value.is(Type::string)) return std::string(value.string());
  if (value.is(Type::object)) return "{";
  if (value.is(Type::array)) return "[";
  return std::string(value.raw());
}

}  // namespace

bool ConditionCompiler::fail(std::string_view text, std::size_t offset) {
  error_ = std::string(text) + location_text(compact_, offset);
  return false;
}

bool ConditionCompiler::fail_without_location(std::string text) {
  error_ = std::move(text);
  return false;
}

bool ConditionCompiler::compile(Value array, Clause& clause) {
  clause.source = std::string(array.raw());
  for (auto value = array.first(); value; value = value->next()) {
    Condition condition;
    if (!element(*value, condition)) return false;
    condition.source = std::string(value->raw());
    clause.conditions.push_back(std::move(condition));
  }
  return clause.conditions.empty() ? fail("Empty arrays are not allowed", offset_behind(array)) : true;
}

bool ConditionCompiler::element(Value value, Condition& out) {
  switch (value.type()) {
    case Type::object:
      return expression(value, out);
    case Type::array:
      return fail("Match value must be String, number, true, false, or null", offset_when_met(value));
    case Type::string:
      out.op = Op::string;
      out.texts.emplace_back(value.string());
      return true;
    case Type::number:
      out.op = Op::number;
      out.numbers.push_back(*Decimal::parse(value.raw()));
      return true;
    case Type::boolean:
      out.op = value.boolean() ? Op::true_literal : Op::false_literal;
      return true;
    case Type::null:
      break;
  }
  out.op = Op::null;
  return true;
}

bool ConditionCompiler::expression(Value object, Condition& out) {
  const auto first = object.first();
  if (!first) return fail("Match expression name not found", offset_behind(object));
  if (!operand(first->name(), *first, out)) return false;
  const auto second = first->next();
  if (!second) return true;
  const bool counts_elements =
      first->name() == "numeric" || (first->name() == "anything-but" && !first->is(Type::object));
  return fail(counts_elements ? kTooManyElements : kOneKey, offset_when_met(*second));
}

bool ConditionCompiler::operand(std::string_view name, Value value, Condition& out) {
  if (name == "exactly" || name == "equals-ignore-case") return text_operand(name, value, out);
  if (name == "prefix" || name == "suffix") return prefix_or_suffix(name, value, out);
  if (name == "wildcard") return wildcard(value, out);
  if (name == "cidr") return cidr(value, out);
  if (name == "exists") return exists(value, out);
  if (name == "numeric") return numeric(value, out);
  if (name == "anything-but") return anything_but(value, out);
  return fail("Unrecognized match type " + std::string(name), offset_when_met(value));
}

bool ConditionCompiler::text_operand(std::string_view name, Value value, Condition& out) {
  if (!value.is(Type::string)) {
    const std::string word(name == "exactly" ? "exact" : name);
    return fail(word + " match pattern must be a string", offset_when_met(value));
  }
  out.op = name == "exactly" ? Op::string : Op::ignore_case;
  out.texts.push_back(name == "exactly" ? std::string(value.string()) : folded(value.string()));
  return true;
}

bool ConditionCompiler::prefix_or_suffix(std::string_view name, Value value, Condition& out) {
  const bool is_prefix = name == "prefix";
  if (value.is(Type::object) && rules::accepts_ignore_case_inside_prefix()) {
    const auto inner = value.first();
    if (!inner)
      return fail(std::string(is_prefix ? "Prefix" : "Suffix") + " expression name not found", offset_behind(value));
    if (inner->name() != "equals-ignore-case") {
      return fail("Unsupported " + std::string(name) + " pattern: " + std::string(inner->name()),
                  offset_when_met(*inner));
    }
    if (!text_operand("equals-ignore-case", *inner, out)) return false;
    if (const auto second = inner->next()) return fail(kOneKey, offset_when_met(*second));
    out.op = is_prefix ? Op::prefix_ignore_case : Op::suffix_ignore_case;
    return true;
  }
  if (!value.is(Type::string))
    return fail(std::string(name) + " match pattern must be a string", offset_when_met(value));
  out.op = is_prefix ? Op::prefix : Op::suffix;
  out.texts.emplace_back(value.string());
  return true;
}

bool ConditionCompiler::wildcard(Value value, Condition& out) {
  if (!value.is(Type::string)) return fail("wildcard match pattern must be a string", offset_when_met(value));
  std::variant<Wildcard, std::string> parsed = Wildcard::parse(value.string());
  if (const auto* wrong = std::get_if<std::string>(&parsed)) return fail(*wrong, offset_behind(value));
  out.op = Op::wildcard;
  out.wildcards.push_back(std::get<Wildcard>(std::move(parsed)));
  return true;
}

bool ConditionCompiler::cidr(Value value, Condition& out) {
  // The wrong operator in the text is AWS's own (recorded).
  if (!value.is(Type::string)) return fail("prefix match pattern must be a string", offset_when_met(value));
  std::variant<IpRange, std::string> parsed = parse_cidr(value.string());
  // The engine throws these outside its parser, so that they carry no location.
  if (auto* wrong = std::get_if<std::string>(&parsed)) return fail_without_location(std::move(*wrong));
  out.op = Op::cidr;
  out.addresses = std::get<IpRange>(parsed);
  return true;
}

bool ConditionCompiler::exists(Value value, Condition& out) {
  if (!value.is(Type::boolean))
    return fail("exists match pattern must be either true or false.", offset_when_met(value));
  out.op = value.boolean() ? Op::exists : Op::absent;
  return true;
}

bool ConditionCompiler::numeric_bound(std::string_view name, std::optional<Value> value, Value array,
                                      std::optional<Decimal>& out) {
  if (!value || !value->is(Type::number)) {
    return fail("Value of " + std::string(name) + " must be numeric",
                value ? offset_when_met(*value) : offset_behind(array));
  }
  if (!rules::accepts_number(value->raw()))
    return fail("Cannot compare number : " + std::string(value->raw()), offset_behind(*value));
  out = Decimal::parse(value->raw());
  return true;
}

bool ConditionCompiler::numeric(Value array, Condition& out) {
  if (!array.is(Type::array)) return fail("Value of numeric must be an array.", offset_when_met(array));
  const auto first = array.first();
  if (!first) return fail("Invalid member in numeric match: ]", offset_behind(array));
  if (!first->is(Type::string))
    return fail("Invalid member in numeric match: " + token_text(*first), offset_when_met(*first));
  const std::string op(first->string());
  const auto operand = first->next();
  const bool lower = op == ">" || op == ">=";
  if (!lower && op != "=" && op != "<" && op != "<=") {
    return fail("Unrecognized numeric range operator: " + op,
                operand ? offset_when_met(*operand) : offset_behind(array));
  }
  out.op = Op::numeric;
  std::optional<Decimal> value;
  if (!numeric_bound(op == "=" ? "equals" : op, operand, array, value)) return false;
  if (lower || op == "=") out.bottom = value;
  if (!lower) out.top = value;
  out.bottom_open = op == ">";
  out.top_open = op == "<";
  const auto second = operand->next();
  if (!second) return true;
  if (!lower) return fail(kTooManyElements, offset_when_met(*second));
  return numeric_top(*second, array, out);
}

bool ConditionCompiler::numeric_top(Value second, Value array, Condition& out) {
  if (!second.is(Type::string))
    return fail("Bad value in numeric range: " + token_text(second), offset_when_met(second));
  const std::string op(second.string());
  if (op != "<" && op != "<=") return fail("Bad numeric range operator: " + op, offset_behind(second));
  out.top_open = op == "<";
  const auto operand = second.next();
  if (!numeric_bound(op, operand, array, out.top)) return false;
  if (const auto more = operand->next())
    return fail("Too many terms in numeric range expression", offset_when_met(*more));
  if (*out.bottom >= *out.top) return fail("Bottom must be less than top", offset_behind(array));
  return true;
}

bool ConditionCompiler::anything_but(Value value, Condition& out) {
  switch (value.type()) {
    case Type::object:
      return anything_but_expression(value, out);
    case Type::array:
      return anything_but_list(value, out);
    case Type::string:
      out.op = Op::anything_but_strings;
      out.texts.emplace_back(value.string());
      return true;
    case Type::number:
      out.op = Op::anything_but_numbers;
      out.numbers.push_back(*Decimal::parse(value.raw()));
      return true;
    default:
      return fail("Value of anything-but must be an array or single string/number value.", offset_when_met(value));
  }
}

bool ConditionCompiler::anything_but_list(Value array, Condition& out) {
  for (auto value = array.first(); value; value = value->next()) {
    if (value->is(Type::string)) {
      out.texts.emplace_back(value->string());
    } else if (value->is(Type::number)) {
      out.numbers.push_back(*Decimal::parse(value->raw()));
    } else {
      return fail("Inside anything but list, start|null|boolean is not supported.", offset_when_met(*value));
    }
  }
  if (out.texts.empty() == out.numbers.empty()) {
    return fail("Inside anything but list, either all values are number or string, mixed type is not supported",
                offset_behind(array));
  }
  out.op = out.numbers.empty() ? Op::anything_but_strings : Op::anything_but_numbers;
  return true;
}

bool ConditionCompiler::anything_but_expression(Value object, Condition& out) {
  const auto inner = object.first();
  if (!inner) return fail("Anything-But expression name not found", offset_behind(object));
  const std::string_view name = inner->name();
  if (!rules::accepts_inside_anything_but(name)) {
    return fail("Unsupported anything-but pattern: " + std::string(name), offset_when_met(*inner));
  }
  out.op = name == "prefix" ? Op::anything_but_prefix : Op::anything_but_wildcard;
  if (inner->is(Type::array) && rules::accepts_list_inside_anything_but()) {
    for (auto value = inner->first(); value; value = value->next()) {
      if (!anything_but_text(name, *value, out)) return false;
    }
    if (inner->size() == 0) return fail("Empty arrays are not allowed", offset_behind(*inner));
  } else if (!anything_but_text(name, *inner, out)) {
    return false;
  }
  if (const auto second = inner->next()) return fail(kOneKey, offset_when_met(*second));
  return true;
}

bool ConditionCompiler::anything_but_text(std::string_view name, Value value, Condition& out) {
  if (!value.is(Type::string))
    return fail(std::string(name) + " match pattern must be a string", offset_when_met(value));
  if (name == "wildcard") {
    std::variant<Wildcard, std::string> parsed = Wildcard::parse(value.string());
    if (const auto* wrong = std::get_if<std::string>(&parsed)) return fail(*wrong, offset_behind(value));
    out.wildcards.push_back(std::get<Wildcard>(std::move(parsed)));
    return true;
  }
  if (value.string().empty()) return fail("Null prefix/suffix not allowed", offset_behind(value));
  out.texts.emplace_back(value.string());
  return true;
}

}  // namespace trunkline::filter
