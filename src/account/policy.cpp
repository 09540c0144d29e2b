#include "account/policy.hpp"

#include <algorithm>
#include <optional>

#include "json/document.hpp"

namespace trunkline::account {
namespace {

using json::Type;
using json::Value;

// Statements, actions and the like may be one or a list of them.
template <class Test>
bool any_of(const std::optional<Value>& value, const Test& test) {
  if (!value) return false;
  if (!value->is(Type::array)) return test(*value);
  for (auto each = value->first(); each; each = each->next()) {
    if (test(*each)) return true;
  }
  return false;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool names_principal(const Value& statement, std::string_view service) {
  const auto principal = statement.find("Principal");
  if (!principal) return false;
  const auto everybody = [](const Value& each) { return each.string() == "*"; };
  if (principal->is(Type::string)) return everybody(*principal);
  return any_of(principal->find("AWS"), everybody) ||
         any_of(principal->find("Service"), [&](const Value& each) { return each.string() == service; });
}

bool names(const Value& statement, std::string_view member, std::string_view text, bool any_case) {
  return any_of(statement.find(member), [&](const Value& each) {
    return any_case ? matches_pattern(lower(each.string()), lower(text)) : matches_pattern(each.string(), text);
  });
}

// Nothing: it cannot be known here.
std::optional<bool> holds(std::string_view operation, const Value& condition, const Access& access) {
  const std::string key = lower(condition.name());
  std::optional<std::string_view> actual;
  if (key == "aws:sourcearn") actual = access.source;
  if (key == "aws:sourceaccount") actual = access.account;
  // In the policy that SNS gives a topic by itself; calls of services for a rule or topic do not bring it.
  if (key == "aws:sourceowner") actual = "";
  std::string kind = lower(operation);
  if (kind.ends_with("ifexists")) kind.resize(kind.size() - 8);
  const bool like = kind == "arnlike" || kind == "arnequals" || kind == "stringlike";  // ArnEquals is ArnLike
  if (!actual || (!like && kind != "stringequals")) return std::nullopt;
  return any_of(condition, [&](const Value& each) {
    return like ? matches_pattern(each.string(), *actual) : each.string() == *actual;
  });
}

bool conditions_hold(const Value& statement, const Access& access, bool unknown) {
  const auto conditions = statement.find("Condition");
  if (!conditions) return true;
  for (auto operation = conditions->first(); operation; operation = operation->next()) {
    for (auto each = operation->first(); each; each = each->next()) {
      if (!holds(operation->name(), *each, access).value_or(unknown)) return false;
    }
  }
  return true;
}

bool applies(const Value& statement, const Access& access, bool unknown) {
  return names_principal(statement, access.service) && names(statement, "Action", access.action, true) &&
         names(statement, "Resource", access.resource, false) && conditions_hold(statement, access, unknown);
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool allows(std::string_view policy, const Access& access) {
  json::Document document;
  const auto root = document.parse(policy);
  if (!root.ok()) return false;
  const auto statements = root->find("Statement");
  const auto with_effect = [&](std::string_view effect, bool unknown) {
    return any_of(statements, [&](const Value& each) {
      return each.string_at("Effect") == effect && applies(each, access, unknown);
    });
  };
  return with_effect("Allow", true) && !with_effect("Deny", false);
}

}  // namespace trunkline::account
